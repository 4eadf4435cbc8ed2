"""A world in virtual time around the whole agent: machine, clock, broker, disk; and what can befall them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from known import ScheduledFault
from truth import Truth

from agent.config import Config, parse
from agent.messages.topics import Topics
from agent.outbox import Item, Outbox
from agent.publisher import Publisher, Settings
from agent.resilience import CircuitState
from agent.service.agent import Agent
from agent.service.connect import Making
from agent.service.systemd import Supervisor
from agent.simulation.clock import SimClock
from agent.simulation.disk import Disk, SimStore
from agent.simulation.ledger import Ledger
from agent.simulation.machine import SimulatedMachine
from agent.simulation.network import Broker
from agent.simulation.scenario import Curve
from agent.simulation.worker import LoopWorker

GREENHOUSE = """
[agent]
device_id = "sim"
[[sensor]]
id = "air"
driver = "sht4x"
[[sensor]]
id = "tank"
driver = "lm75"
[[sensor]]
id = "attic"
driver = "sht4x"
bus = 2
[[sensor]]
id = "cellar"
driver = "lm75"
bus = 2
every = "30s"
fallback = "last"
"""
BUSES, ADDRESSES = ("i2c-1", "i2c-2"), (None, 0x44, 0x48)
LOST_AT_MOST = {"always": 0.2, "outage": 10.5}  # seconds of batches, at a crash with a sound disk
DISK_TRUSTED_AFTER = 20.0  # seconds after its trouble: it is tried again every five


def configured(text: str) -> Config:
    """Return a configuration that has no mistakes."""
    config, mistakes = parse(text)
    assert config is not None, [str(one) for one in mistakes]
    return config


def judged(make: Callable[[], dict[str, Any]], judge: Callable[[dict[str, Any]], None]) -> Callable[[], dict[str, Any]]:
    """Return what makes a document, and has it judged at the moment at which it is made."""

    def made() -> dict[str, Any]:
        judge(document := make())
        return document

    return made


class World:
    """Everything outside of the agent. One agent at a time lives in it.

    Attributes:
        met: how often which fault has really been met by an agent.
        disk_ill_until: until when the disk has had trouble, on the loop's clock.
    """

    def __init__(self, seed: int = 0, config: str = GREENHOUSE, *, honest: bool = True, disk: Any = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.rng = Random(seed)
        self.config = configured(config)
        self.clock = SimClock(self.loop)
        if not honest:
            self.clock.power_cycle()
        self.ledger = Ledger(self.clock)
        self.truth = Truth(self.clock, self.ledger.wrong)
        self.broker = Broker(Random(seed + 1), self._sent, self._heard)
        self.disk, self.store_of = Disk(), disk
        self.disk_ill_until = float("-inf")
        self.met: Counter[str] = Counter()
        self.boots: list[tuple[str, int, bool]] = []  # of runs that ended: name, last seq, cleanly
        self.asleep = self.awake_since = 0.0  # seconds that the machine has slept in this run, and until when
        self.agent: Agent | None = None
        self.machine: SimulatedMachine | None = None
        self._troubles: dict[tuple[str, str, int | None], float] = {}
        self._running: asyncio.Task[None] | None = None
        self._store: Any = None
        self._booted = 0.0

    # --- one agent

    def boot(self, rounds: int | None = None) -> Agent:
        """Start an agent."""
        self._store = self.store_of() if self.store_of else SimStore(self.disk)
        self.machine = SimulatedMachine(
            self.config, clock=self.clock.now, worker=lambda name: LoopWorker(name, self.loop)
        )
        for (bus, kind, address), ends in self._troubles.items():
            if ends > self.loop.time():
                self._ail(bus, kind, address, ends)
        self.agent = Agent(
            self.config,
            hardware=self.machine,
            publishing=self.making(self.config),
            clock=self.clock,
            rng=Random(self.rng.getrandbits(64)),
            store=None if self.config.outbox.durability == "memory" else self._store,
            supervisor=Supervisor({}),
            health_file=None,
            version="1.2.3",
        )
        self._watch(self.agent)
        self._booted, self.asleep = self.loop.time(), 0.0
        self._running = self.loop.create_task(self.agent.run(rounds), name="agent")
        self.broker.agents = len(self.boots) + 1
        return self.agent

    def making(self, config: Config) -> Making:
        """Return what makes the publisher for a configuration."""
        breaker = config.mqtt.breaker
        settings = Settings(
            failure_threshold=breaker.failure_threshold,
            reset_timeout=breaker.reset_timeout,
            max_reset_timeout=breaker.max_reset_timeout,
            backfill_rate=config.outbox.backfill_rate,
            require_subscriber=config.outbox.require_subscriber,
        )
        rng = Random(self.rng.getrandbits(64))

        def make(outbox: Outbox, topics: Topics, on_event: Any) -> Publisher:
            return Publisher(self.broker.link, outbox, topics, self.clock, settings, rng=rng, on_event=on_event)

        return make

    def _watch(self, agent: Agent) -> None:
        put, status = agent.outbox.put, agent.status
        self.truth.begin(agent, self.machine)

        def noted(item: Item) -> None:
            self.truth.batch(self.ledger.accept(item), self.clock.time())
            put(item)

        agent.outbox.put = noted  # type: ignore[method-assign]
        status.state = judged(status.state, self.truth.state)  # type: ignore[method-assign]
        status.health = judged(status.health, self.truth.health)  # type: ignore[method-assign]
        status.process.facts = lambda: {"pid": 1, "rss": 1}  # its true length would change a slow link's times

    async def finished(self) -> None:
        """Wait until the agent has ended by itself."""
        assert self._running is not None
        assert self.agent is not None
        await self._running
        self._buried(clean=True)

    async def stop(self) -> float:
        """Let the agent end cleanly; return how long that took."""
        assert self.agent is not None
        began = self.loop.time()
        self.check()
        self.agent.stop()
        await self.finished()
        took = self.loop.time() - began
        if took > 2.0 + 1e-6:
            self.ledger.wrong(f"the end took {took:.1f} s")
        return took

    async def crash(self) -> None:
        """Kill the agent: what is not on the disk or with the broker is gone."""
        assert self.agent is not None
        assert self._running is not None
        self.check()
        self._store.dead = True
        self.broker.cut()
        self._excuse()
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        self._buried(clean=False)

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: for its programs, time jumps."""
        self.asleep += seconds
        self.loop.clock.advance(seconds)  # type: ignore[attr-defined]
        self.awake_since = self.truth.awake_since = self.loop.time()

    async def power_cut(self) -> None:
        """Crash, and let the machine start anew."""
        await self.crash()
        self.clock.power_cycle()

    def _buried(self, *, clean: bool) -> None:
        assert self.agent is not None
        lost = self.ledger.last_of(self.agent.run_id)
        self.boots.append((self.agent.run_id, lost, clean))
        if clean:
            unsafe = [] if self.store_of else set(self.ledger.pending) - self.disk.batches() - self._declared()
            if unsafe and self.config.outbox.durability != "memory" and self._disk_was_sound():
                self.ledger.wrong(f"not stored at the end: {sorted(seq for _, seq in unsafe)[:9]}")
            self.ledger.excuse(set(unsafe))

    def _declared(self) -> set[tuple[str, int]]:
        assert self.agent is not None
        gaps = self.agent.outbox.retention.gaps._rows.values()
        return {(gap.run_id, seq) for gap in gaps for seq in range(gap.first, gap.last + 1)}

    def _excuse(self) -> None:
        """Note what a crash at this moment takes along, and whether that is more than promised."""
        lost = set(self.ledger.pending) - self.disk.batches()
        promise = LOST_AT_MOST.get(self.config.outbox.durability)
        if promise is not None and self._disk_was_sound():
            for key in sorted(lost - self._declared(), key=lambda key: key[1]):
                age = self.loop.time() - self.ledger.accepted[key].at
                if age > promise + self.disk.takes:
                    self.ledger.wrong(f"a crash lost seq {key[1]}, which was {age:.1f} s old")
        self.met["lost in a crash"] += len(lost)
        self.ledger.excuse(lost)

    def _disk_was_sound(self) -> bool:
        return not self.disk.trouble and self.loop.time() > self.disk_ill_until + DISK_TRUSTED_AFTER

    # --- what befalls it

    def ail(self, kind: str, bus: str, address: int | None, lasts: float) -> None:
        """Give a chip, or a whole bus, a fault."""
        ends = self.loop.time() + lasts
        self._troubles[bus, kind, address] = ends
        self.truth.faults.append(ScheduledFault(kind, bus, address, self.loop.time(), ends))
        self._ail(bus, kind, address, ends)

    def chip(self, sensor: str) -> Any:
        """Return the driver of a sensor."""
        assert self.agent is not None
        return next(one.chip for one in self.agent.assembly.sensors if one.id == sensor)

    def feel(self, sensor: str, **values: float) -> None:
        """Let a sensor's fake feel these constant values from now on."""
        assert self.machine is not None
        part = self.machine.devices[sensor]
        part.curves |= {name: Curve(mean=value) for name, value in values.items()}
        self.truth.feel(sensor, part.curves)
        part.feel()

    def _ail(self, bus: str, kind: str, address: int | None, ends: float) -> None:
        assert self.machine is not None
        one = self.machine.bus(int(bus.partition("-")[2]))
        at = self.clock.now() - one.began
        one.faults.add(kind, address, at=at, lasts=ends - self.loop.time(), rate=0.6 if kind == "flaky" else 1.0)

    async def sleep(self, seconds: float) -> None:
        """Let time pass, looking at the agent each minute."""
        ends = self.loop.time() + seconds
        while (left := ends - self.loop.time()) > 0:
            await asyncio.sleep(min(60.0, left))
            self.check()

    def check(self) -> None:
        """Check what must hold at any moment."""
        agent = self.agent
        assert agent is not None
        if self._running is not None and self._running.done():
            self._running.result()
            return
        outbox, ledger = agent.outbox, self.ledger
        memory = {(one.item.run_id, one.item.seq) for one in outbox.index.memory.values()}
        forgotten = ledger.pending.keys() - memory - self.disk.batches() - self._declared()
        if forgotten and not self.store_of:
            ledger.wrong(f"nobody has these any more: {sorted(seq for _, seq in forgotten)[:9]}")
            ledger.excuse(set(forgotten))
        if outbox.size > self.config.outbox.max_size + 4096:
            ledger.wrong(f"the outbox holds {outbox.size} bytes")
        rounds, ran = agent.scheduler.rounds, self.loop.time() - self._booted - self.asleep
        every = min(sensor.every for sensor in self.config.sensors)
        if not self.asleep and (rounds.skipped or rounds.finished < ran // every):
            ledger.wrong(f"{rounds.finished} rounds in {ran:.0f} s, {rounds.skipped} skipped")
        if not agent.alive() and self.loop.time() > self.awake_since + 10.0:
            ledger.wrong("the watchdog would bite")

    # --- the broker's side

    def _sent(self, topic: str, payload: bytes) -> None:
        self.ledger.sent(topic, payload)
        agent, link = self.agent, self.broker.session
        if agent is not None and link is not None and agent.publisher.breaker.state is CircuitState.HALF_OPEN:
            self.met["half-open"] += 1
            good_bye = topic.endswith("/status") and payload == b"offline"
            if not good_bye and any(not one.done() for one in link.flights.values()):
                self.ledger.wrong("two messages under way while half open")

    def _heard(self, one: Any) -> None:
        self.ledger.session = len(self.broker.sessions)
        self.ledger.arrived(one)
