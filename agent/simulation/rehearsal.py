"""A rehearsal: a user's configuration in a virtual world, through a scenario's faults, judged as subscribers would.

It reaches no broker, opens no port and writes nothing but the fakes' own folder, which is gone at the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.broker import Facts
from agent.config import Config, WebConfig
from drivers.bus import clock as drivers_clock
from drivers.fakes import time as fakes_time

from .bad_day import bad_day
from .clock import TRUTH, SimClock
from .ledger import DeliveryLedger
from .machine import SimulatedMachine
from .observations import Observer
from .player import Player, innermost
from .promises import Promise
from .report import FaultReport
from .scenario import BEYOND, MOMENTARY, Scenario
from .scenario_file import load
from .values import ValueJudge
from .virtual import VirtualRunner
from .virtual_world import VirtualWorld
from .worker import LoopWorker

# Seconds after the last fault until all must be well again: a refused login is tried again after up to five minutes.
GRACE = 1800.0
A_LOOK = 10.0
# What was made since is on its way.
UNDER_WAY = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is rehearsed.

    Attributes:
        seconds: how long it takes, in virtual time.
        buses: sensor id -> the name of the bus that it is on. suffers: sensor id -> the faults that it can have.
    """

    config: Config
    scenario: Scenario
    seconds: float
    buses: dict[str, str]
    suffers: dict[str, tuple[str, ...]]


def plan(config: Config, file: str | Path | None, seconds: float, seed: int | None) -> Plan:
    """Return what is to be rehearsed: the scenario in the file, or the built-in bad day.

    Raises:
        ConfigError: the scenario has mistakes, asks for what cannot be played, or a driver has no fake.
    """
    config = alone(config)
    on_disk = config.outbox.durability != "memory"
    machine = SimulatedMachine(config)
    try:
        if file is None:
            scenario = bad_day(machine.devices, machine.places, seconds, seed=seed or 0, on_disk=on_disk)
        else:
            beyond = [target for target in BEYOND if target != "disk" or on_disk]
            scenario = load(file, machine.devices, machine.places, beyond, seconds)
            scenario = scenario if seed is None else replace(scenario, seed=seed)
        suffers = {name: tuple(device.suffers) for name, device in machine.devices.items()}
        return Plan(config, scenario, seconds, machine.buses_of_sensors, suffers)
    finally:
        machine.close()


def alone(config: Config) -> Config:
    """Return the configuration without what reaches beyond the process: no page, no login, no file of a secret."""
    mqtt = replace(config.mqtt, username=None, password_file=None, tls=None)
    return replace(config, mqtt=mqtt, web=WebConfig())


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rehearsal ends with."""

    report: FaultReport
    world: VirtualWorld


def rehearse(what: Plan) -> Rehearsed:
    """Play it; the same plan always gives the same report."""
    with VirtualRunner() as runner, pins_in_time_of(runner.get_loop()):
        return runner.run(_Rehearsal(what, runner.get_loop()).play())


@contextlib.contextmanager
def pins_in_time_of(loop: Any) -> Iterator[None]:
    """Let drivers and fakes that look at the machine's clock live in the loop's time."""
    drivers_clock.simulate(loop.time, loop.call_later)
    fakes_time.simulate(loop.time)
    try:
        yield
    finally:
        drivers_clock.simulate(None)
        fakes_time.simulate(None)


class _World(VirtualWorld):
    """A virtual world whose chips play a scenario."""

    scenario = Scenario()

    def furnished(self) -> SimulatedMachine:
        return SimulatedMachine(
            self.config,
            self.scenario,
            clock=self.clock.elapsed,
            began=0.0,
            worker=lambda name: LoopWorker(name, self.loop),
        )


class _Rehearsal:
    """One rehearsal, on a virtual loop."""

    def __init__(self, what: Plan, loop: Any) -> None:
        self.plan, clock = what, SimClock(loop)
        self.ledger = DeliveryLedger(clock, heard=self._heard, lean=True)
        self.judge = ValueJudge(clock, self.ledger.wrong, what.scenario.faults)
        self.loop = loop

    async def play(self) -> Rehearsed:
        """Play all of it; return the report, and the world as it ended."""
        plan = self.plan
        world = self.world = _World(plan.scenario.seed, plan.config, ledger=self.ledger, judge=self)
        world.scenario, world.broker.received.lean = bounded(plan.scenario, plan.seconds), True
        world.broker.facts = Facts(version=str(plan.config.mqtt.version))
        self.observer = Observer(plan.scenario.faults, plan.buses, plan.seconds)
        world.broker.changed = lambda up: self.observer.connection(self.loop.time(), up=up)
        try:
            world.boot()
            await Player(world, plan.scenario, self.observer, plan.seconds).play()
            await self._recover()
            await world.stop()
        except Exception as error:  # noqa: BLE001  (the agent crashed: the worst of all, and told like the others)
            self.ledger.wrong(f"{type(error).__name__}: {innermost(error)!r}", Promise.RUNS)
        findings = self.ledger.findings
        report = FaultReport(
            plan.config, plan.scenario.seed, TRUTH, plan.seconds, self.observer, findings, self._good()
        )
        return Rehearsed(report, world)

    def _good(self) -> dict[Promise, str]:
        """Return what speaks for each promise, if nothing speaks against it."""
        ledger, world, judge, box = self.ledger, self.world, self.judge, self.plan.config.outbox
        ended, sessions, counts = [clean for *_, clean in world.boots], len(world.broker.sessions), ledger.counts
        return {
            Promise.DELIVERED: f"of {len(ledger.accepted)} batches {len(ledger.heard)} arrived, "
            f"{len(ledger.declared - ledger.heard.keys())} were declared, {len(ledger.excused)} went with a crash",
            Promise.NUMBERED: f"{len(ended)} runs; {counts['again']} batches came twice, none as another one",
            Promise.LIVE: f"{counts['batch']} sent live, {counts['backfill']} as history",
            Promise.ORDERED: f"over {sessions} connections",
            Promise.PRESENT: f"at {sessions} connections",
            Promise.DATED: f"{counts['unsynced']} sent unsynced, {counts['corrected']} corrected",
            Promise.TRUE: f"{judge.judged} values judged, but not {judge.spared} that were damaged or frozen",
            Promise.DEGRADED: f"{len(ledger.accepted)} batches looked at",
            Promise.PUNCTUAL: "none late, none skipped",
            Promise.BOUNDED: f"at most {box.max_size} bytes",
            Promise.CRASHES: f"{ended.count(False)} crashes took {len(ledger.excused)} batches along, "
            f"durability {box.durability}",
            Promise.ENDS: f"{ended.count(True)} ends",
            Promise.RECOVERED: "all delivered, all breakers closed",
            Promise.RUNS: f"{len(ended)} runs",
        }

    # ---- what the world's judge is

    def begin(self, agent: Any, machine: SimulatedMachine) -> None:
        """A run of the agent begins."""
        self.judge.begin(agent, machine)

    def batch(self, document: dict[str, Any], at: float) -> None:
        """A batch was made."""
        self.judge.batch(document, at)
        self.observer.batch(document, at)

    def state(self, document: dict[str, Any]) -> None:
        """The present was written down."""
        self.judge.state(document)

    def health(self, document: dict[str, Any]) -> None:
        """The health was written down."""
        self.judge.health(document)
        self.observer.health(document, self.loop.time())

    def _heard(self, document: dict[str, Any]) -> None:
        self.judge.heard(document)
        self.observer.heard(document, self.loop.time())

    # ---- the end

    async def _recover(self) -> None:
        """Let what lasts be over, and wait until all is well."""
        world = self.world
        assert world.machine is not None
        world.scenario = replace(self.plan.scenario, faults=())
        world.machine.play(world.scenario)
        ends = self.loop.time() + GRACE
        while (ill := self._ill()) and self.loop.time() < ends:
            await world.sleep(A_LOOK)
        if ill:
            self.ledger.wrong(f"{GRACE:.0f} s after the last fault {ill}", Promise.RECOVERED)

    def _ill(self) -> str:
        """Return what is not well yet, in words."""
        agent = self.world.agent
        assert agent is not None
        found = [name for name, one in agent.status.breakers().items() if one.state.value != "closed"]
        words = [f"these breakers are not closed: {', '.join(found)}"] if found else []
        missing = [f"{one.id} ({one.present.message})" for one in agent.status.sensors if not one.present.readings]
        words += [f"these sensors are unavailable: {', '.join(missing)}"] if missing else []
        before = self.loop.time() - UNDER_WAY
        late = sum(self.ledger.accepted[key].at < before for key in self.ledger.pending)
        words += [f"{late} batches are not delivered"] if late else []
        words += ["a gap is not declared"] if agent.outbox.next_gap() is not None else []
        return "; ".join(words)


def bounded(scenario: Scenario, ends: float) -> Scenario:
    """Return a scenario in which what would last forever is over at the end: not even a hang outlives it."""
    faults = (
        replace(one, lasts=ends - one.at) if one.lasts is None and one.kind not in MOMENTARY else one
        for one in scenario.faults
    )
    return replace(scenario, faults=tuple(faults))
