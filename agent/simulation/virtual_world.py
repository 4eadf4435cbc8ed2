"""A world in virtual time around the whole agent: machine, clock, broker, disk; it starts, ends and kills agents."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from agent.config import Config
from agent.outbox import Item
from agent.service.agent import Agent
from agent.service.connect import Making, publishing
from agent.service.systemd import Supervisor

from .disk import Disk, SimStore
from .ledger import DeliveryLedger
from .machine import SimulatedMachine
from .network import Broker
from .promises import Promise
from .worker import LoopWorker

LOST_AT_MOST = {"always": 0.2, "outage": 10.5}  # seconds of batches, at a crash with a sound disk
DISK_TRUSTED_AFTER = 20.0  # seconds after its trouble: it is tried again every five
AN_END = 2.0  # seconds


class Judge(Protocol):
    """Judges what an agent says of its sensors, at the moment at which it says it."""

    def begin(self, agent: Agent, machine: SimulatedMachine) -> None:
        """A run of the agent begins."""

    def batch(self, document: dict[str, Any], at: float) -> None:
        """Judge a batch that was made at this moment of the loop's clock."""

    def state(self, document: dict[str, Any]) -> None:
        """Judge the present."""

    def health(self, document: dict[str, Any]) -> None:
        """Judge what is said of the agent's health."""


def judged(make: Callable[[], dict[str, Any]], judge: Callable[[dict[str, Any]], None]) -> Callable[[], dict[str, Any]]:
    """Return what makes a document, and has it judged at the moment at which it is made."""

    def made() -> dict[str, Any]:
        judge(document := make())
        return document

    return made


class VirtualWorld:
    """Everything outside of the agent. One agent at a time lives in it.

    Args:
        seed: of all that is random.
        judge: of what is told of the sensors; may be set before the first agent.
        store: makes a run's store; by default one on the simulated disk.

    Attributes:
        met: how often which fault has really been met by an agent.
        disk_ill_until: until when the disk has had trouble, on the loop's clock.
        boots: of runs that ended: name, last seq, cleanly.
        asleep, awake_since: seconds that the machine has slept in this run, and until when.
    """

    def __init__(self, seed: int, config: Config, *, ledger: DeliveryLedger, judge: Judge, store: Any = None) -> None:
        self.loop: Any = asyncio.get_running_loop()
        self.rng = Random(seed)
        self.config, self.ledger, self.clock = config, ledger, ledger.clock
        self.judge = judge
        self.broker = Broker(Random(seed + 1), self._sent, self._heard)
        self.disk, self.store_of = Disk(), store
        self.disk_ill_until = float("-inf")
        self.met: Counter[str] = Counter()
        self.boots: list[tuple[str, int, bool]] = []
        self.asleep = self.awake_since = 0.0
        self.agent: Agent | None = None
        self.machine: SimulatedMachine | None = None
        self._running: asyncio.Task[None] | None = None
        self._store: Any = None
        self._booted = 0.0

    # --- one agent

    def boot(self, rounds: int | None = None) -> Agent:
        """Start an agent."""
        self._store = self.store_of() if self.store_of else SimStore(self.disk)
        self.machine = self.furnished()
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
        self._watch(self.agent, self.machine)
        self._booted, self.asleep = self.loop.time(), 0.0
        self._running = self.loop.create_task(self.agent.run(rounds), name="agent")
        self.broker.agents = len(self.boots) + 1
        return self.agent

    def furnished(self) -> SimulatedMachine:
        """Return the machine of a new run; its fakes' time goes on over all runs."""
        return SimulatedMachine(
            self.config, clock=self.clock.elapsed, began=0.0, worker=lambda name: LoopWorker(name, self.loop)
        )

    def making(self, config: Config) -> Making:
        """Return what makes the publisher for a configuration: one that reaches no broker but ours."""
        rng = Random(self.rng.getrandbits(64))
        return publishing(config, self.clock, rng, {}, make_link=lambda address: self.broker.link(address.will))

    def _watch(self, agent: Agent, machine: SimulatedMachine) -> None:
        put, status = agent.outbox.put, agent.status
        self.judge.begin(agent, machine)

        def noted(item: Item) -> None:
            self.judge.batch(self.ledger.accept(item), self.clock.time())
            put(item)

        agent.outbox.put = noted  # type: ignore[method-assign]
        status.state = judged(status.state, self.judge.state)  # type: ignore[method-assign]
        status.health = judged(status.health, self.judge.health)  # type: ignore[method-assign]
        # Its true length would change the times of a slow link.
        status.process.facts = lambda: {"pid": 1, "rss": 1}  # type: ignore[method-assign]

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
        took = float(self.loop.time() - began)
        if took > AN_END + 1e-6:
            self.ledger.wrong(f"the end took {took:.1f} s", Promise.ENDS)
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

    def bury(self) -> None:
        """Note the end of an agent that has crashed by itself."""
        self._store.dead = True
        self.broker.cut()
        self._excuse()
        self._buried(clean=False)

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: for its programs, time jumps."""
        self.asleep += seconds
        self.loop.clock.advance(seconds)
        self.awake_since = self.loop.time()

    async def power_cut(self) -> None:
        """Crash, and let the machine start again."""
        await self.crash()
        self.clock.power_cycle()

    def _buried(self, *, clean: bool) -> None:
        assert self.agent is not None
        lost = self.ledger.last_of(self.agent.run_id)
        self.boots.append((self.agent.run_id, lost, clean))
        if clean:
            unsafe = [] if self.store_of else set(self.ledger.pending) - self.disk.batches() - self._declared()
            if unsafe and self.config.outbox.durability != "memory" and self._disk_was_sound():
                self.ledger.wrong(f"not stored at the end: {sorted(seq for _, seq in unsafe)[:9]}", Promise.ENDS)
            self.ledger.excuse(set(unsafe))

    def _declared(self) -> set[tuple[str, int]]:
        assert self.agent is not None
        gaps = self.agent.outbox.retention.gaps._rows.values()  # noqa: SLF001
        return {(gap.run_id, seq) for gap in gaps for seq in range(gap.first, gap.last + 1)}

    def _excuse(self) -> None:
        """Note what a crash at this moment takes along, and whether that is more than promised."""
        lost = set(self.ledger.pending) - self.disk.batches()
        promise = LOST_AT_MOST.get(self.config.outbox.durability)
        if promise is not None and self._disk_was_sound():
            for key in sorted(lost - self._declared(), key=lambda key: key[1]):
                age = self.loop.time() - self.ledger.accepted[key].at
                if age > promise + self.disk.takes:
                    self.ledger.wrong(f"a crash lost seq {key[1]}, which was {age:.1f} s old", Promise.CRASHES)
        self.met["lost in a crash"] += len(lost)
        self.ledger.excuse(lost)

    def _disk_was_sound(self) -> bool:
        return not self.disk.fault and self.loop.time() > self.disk_ill_until + DISK_TRUSTED_AFTER

    # --- time passes

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
        self._check_outbox(agent)
        rounds, ran = agent.scheduler.rounds, self.loop.time() - self._booted - self.asleep
        every = min(sensor.every for sensor in self.config.sensors)
        if not self.asleep and (rounds.skipped or rounds.late or rounds.finished < ran // every):
            said = f"{rounds.finished} rounds in {ran:.0f} s, {rounds.late} late, {rounds.skipped} skipped"
            self.ledger.wrong(said, Promise.PUNCTUAL)
        if not agent.alive() and self.loop.time() > self.awake_since + 10.0:
            self.ledger.wrong("the watchdog would bite", Promise.PUNCTUAL)

    def _check_outbox(self, agent: Agent) -> None:
        outbox, ledger = agent.outbox, self.ledger
        memory = {(one.item.run_id, one.item.seq) for one in outbox.index.memory.values()}
        forgotten = ledger.pending.keys() - memory - self.disk.batches() - self._declared()
        if forgotten and not self.store_of:
            seqs = sorted(seq for _, seq in forgotten)[:9]
            ledger.wrong(f"nothing has these any more: {seqs}", Promise.DELIVERED)
            ledger.excuse(set(forgotten))
        if outbox.size > self.config.outbox.max_size + 4096:
            ledger.wrong(f"the outbox holds {outbox.size} bytes", Promise.BOUNDED)

    # --- the broker's side

    def _sent(self, topic: str, payload: bytes) -> None:
        self.ledger.sent(topic, payload)
        agent, link = self.agent, self.broker.session
        if agent is not None and link is not None and agent.publisher.breaker.state.value == "half_open":
            self.met["half-open"] += 1
            good_bye = topic.endswith("/status") and payload == b"offline"
            if not good_bye and any(not one.done() for one in link.flights.values()):
                self.ledger.wrong("two messages under way while half open", Promise.ORDERED)

    def _heard(self, one: Any) -> None:
        self.ledger.session = len(self.broker.sessions)
        self.ledger.arrived(one)
