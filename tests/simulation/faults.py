"""The fault schedule of a seed: drawn, applied to a world, and shrunk when the seed fails.

Each channel (link, disk, chips, clock, process) has one fault at a time, so that every fault has a clear beginning and
end; across the channels they overlap as they like.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from world import BUSES, World

from agent.broker import TAKEN_OVER, BrokerLost, BrokerRefused

LINK = ("refuse", "auth", "no_connack", "blackhole", "lost_pubacks", "slow", "flap", "reset", "mid_stream", "twin")
CODES = ("quota", "forbidden", "nobody")
DISK = ("full", "failing", "slow_disk")
CHIPS = ("unplugged", "flaky", "hang", "corrupt", "wrong_chip", "stuck", "bug", "power_loss")
CLOCK = ("half_a_century", "an_hour_back")
PROCESS = ("kill", "restart", "power_cut", "suspend")
CHANNELS = {  # kinds, and how many seconds they may last
    "link": (LINK + CODES, (1, 300)),
    "disk": (DISK, (30, 400)),
    "chips": (CHIPS, (5, 300)),
    "clock": (CLOCK, (60, 600)),
    "process": (PROCESS, (1, 2)),
}
PAUSES = {"link": (5, 120), "disk": (100, 900), "chips": (20, 200), "clock": (300, 1500), "process": (200, 1500)}
HALF_A_CENTURY = 50 * 365.25 * 86400


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, in seconds from the start."""

    at: float
    lasts: float
    channel: str
    kind: str
    salt: int


def draw(seed: int, seconds: float) -> list[Fault]:
    """Return the schedule of a seed; everything is over by the end."""
    found = []
    for channel, (kinds, (shortest, longest)) in CHANNELS.items():
        rng = Random(f"{seed} {channel}")
        at = rng.uniform(*PAUSES[channel])
        while True:
            lasts = min(rng.uniform(shortest, longest), rng.uniform(shortest, longest))
            if at + lasts >= seconds:
                break
            kind = rng.choice(kinds)
            found.append(Fault(round(at, 3), round(lasts, 3), channel, kind, rng.getrandbits(16)))
            at += lasts + rng.uniform(*PAUSES[channel])
    return sorted(found, key=lambda fault: fault.at)


async def play(world: World, schedule: Iterable[Fault]) -> None:
    """Let everything in the schedule befall a world, in its time."""
    acts = Acts(world)
    moments: list[tuple[float, int, Fault, bool]] = []
    for index, fault in enumerate(schedule):
        moments += [(fault.at, index, fault, True), (fault.at + fault.lasts, index, fault, False)]
    for at, _, fault, begins in sorted(moments, key=lambda moment: moment[:2]):
        await world.sleep(max(0.0, at - world.loop.time()))
        if begins:
            await acts.begin(fault)
        else:
            acts.end(fault)


class Acts:
    """What each fault does to a world."""

    def __init__(self, world: World) -> None:
        self.world, self.broker = world, world.broker
        self._restless: asyncio.Task[None] | None = None

    async def begin(self, fault: Fault) -> None:
        """Let it begin."""
        rng = Random(fault.salt)
        if fault.channel == "link":
            self._link(fault.kind, rng)
        elif fault.channel == "disk":
            self._disk(fault.kind)
        elif fault.channel == "chips":
            address = None if fault.kind == "stuck" else rng.choice((0x44, 0x48))
            self.world.ail(fault.kind, rng.choice(BUSES), address, fault.lasts)
            self.world.met[fault.kind] += 1
        elif fault.channel == "clock":
            self.world.clock.error = HALF_A_CENTURY if fault.kind == "half_a_century" else -3600.0
            self.world.met[fault.kind] += 1
        else:
            await self._process(fault.kind)

    def end(self, fault: Fault) -> None:
        """Let it be over."""
        world = self.world
        if fault.channel == "link":
            if self._restless is not None:
                self._restless.cancel()
                self._restless = None
            self.broker.heal()
        elif fault.channel == "disk":
            world.disk.fault, world.disk.takes = "", 0.02
            world.disk_ill_until = world.loop.time()
        elif fault.channel == "clock" and world.clock.honest:
            world.clock.error = 0.0
        elif fault.channel == "process":  # the network tells the time
            world.clock.error, world.clock.honest = 0.0, True

    def _link(self, kind: str, rng: Random) -> None:
        broker = self.broker
        if kind in ("refuse", "auth"):
            broker.refuses = BrokerLost("nobody listens there")
            if kind == "auth":
                broker.refuses = BrokerRefused("not authorised", permanent=True, code=0x87)
                self.world.met["auth"] += 1
            broker.cut()
        elif kind in ("no_connack", "blackhole"):
            broker.hangs = True
            broker.silent = kind == "blackhole"
            if kind == "no_connack":
                broker.cut()
        elif kind == "lost_pubacks":
            broker.dice.share = 0.3
        elif kind == "slow":
            broker.latency, broker.bytes_per_second = rng.uniform(0.1, 1.0), 400.0
            self.world.met["slow"] += broker.session is not None
        elif kind == "mid_stream":
            broker.cut_after = rng.randint(2, 12)
        elif kind in ("reset", "flap", "twin"):
            self._restless = world_task(self.world, getattr(self, f"_{kind}")(rng))
        else:
            self._answers(kind, rng)

    def _answers(self, kind: str, rng: Random) -> None:
        """Let the broker refuse single messages."""
        code = {"quota": 0x97, "forbidden": 0x87, "nobody": 0x10}[kind]
        self.world.ledger.ordered = False

        def answer(topic: str, payload: bytes) -> int:
            if not topic.endswith(("/batch", "/backfill")) or (kind != "nobody" and rng.random() < 0.5):
                return 0
            self.world.met[kind] += 1
            return code

        self.broker.code = answer

    async def _flap(self, rng: Random) -> None:
        while True:
            await asyncio.sleep(3.0)
            self.broker.refuses = BrokerLost("no route")
            self.world.met["flap"] += self.broker.session is not None
            self.broker.cut()
            await asyncio.sleep(2.0)
            self.broker.refuses = None

    async def _reset(self, rng: Random) -> None:
        while True:
            self.world.met["reset"] += self.broker.session is not None
            self.broker.cut(BrokerLost("connection reset by peer"))
            await asyncio.sleep(rng.uniform(1, 60))

    async def _twin(self, rng: Random) -> None:
        while True:
            await asyncio.sleep(2.0)
            assert self.world.agent is not None
            self.world.met["twin"] += self.world.agent.publisher.state.duplicate
            self.broker.cut(BrokerLost("another client has taken over", code=TAKEN_OVER))

    def _disk(self, kind: str) -> None:
        disk = self.world.disk
        self.world.disk_ill_until = float("inf")
        self.world.ledger.across = False
        if kind == "slow_disk":
            disk.takes = 2.0
        else:
            disk.fault = kind

    async def _process(self, kind: str) -> None:
        world = self.world
        world.met[kind] += 1
        if kind == "suspend":
            world.suspend(95.0)
            return
        if kind == "restart":
            await world.stop()
        else:
            await (world.crash() if kind == "kill" else world.power_cut())
        world.boot()


def world_task(world: World, coroutine: object) -> asyncio.Task[None]:
    """Start a fault that keeps moving."""
    return world.loop.create_task(coroutine, name="fault")  # type: ignore[arg-type]


def shrink(schedule: Sequence[Fault], fails: Callable[[Sequence[Fault]], bool]) -> list[Fault]:
    """Return a shorter schedule that still fails: halves are left out, then quarters, down to single faults."""
    best = list(schedule)
    size = len(best) // 2
    while size >= 1:
        at = 0
        while at < len(best):
            shorter = best[:at] + best[at + size :]
            if fails(shorter):
                best = shorter
            else:
                at += size
        size //= 2
    return best


async def quiet(world: World, patience: float) -> bool:
    """Let all faults be over; wait until everything is delivered and all breakers are closed; tell whether it came."""
    world.broker.heal()
    world.disk.fault, world.disk.takes = "", 0.02
    world.clock.error, world.clock.honest = 0.0, True
    await asyncio.sleep(30.0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not _well(world):  # noqa: ASYNC110 - nobody tells when all is well
                await asyncio.sleep(10.0)
    return _well(world)


def _well(world: World) -> bool:
    agent = world.agent
    assert agent is not None
    closed = all(one.state.value == "closed" for one in agent.status.breakers().values())
    return closed and not world.ledger.pending and not agent.outbox.waiting and agent.outbox.next_gap() is None
