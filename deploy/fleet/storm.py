"""Ten thousand agents lose their broker and get it back: how they come, second by second, as numbers and as a picture.

The agents are the agent's own publishers with their breakers, in virtual time: with the default configuration, and with
that of a fleet (max_reset_timeout = "2m" in [mqtt.breaker]). The broker lets 200 a second in, has room for 100 more to
wait, and refuses the rest. Beside them it meets clients that wait as paho does by default, and as a lecture has it.

python deploy/fleet/storm.py [--agents 10000]        writes storm.svg beside this file
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from storm_picture import Curve, svg

from agent.broker import BrokerError, BrokerLost, Facts
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.publisher import Publisher, Settings
from agent.simulation.virtual import VirtualRunner

HERE = Path(__file__).parent
A_SECOND, BACKLOG = 200.0, 100.0  # connects that the broker serves, and that may wait for it
CALM = 30.0  # seconds before the outage
LONGEST = 3600.0  # seconds after it in which all should be back
OUTAGE, RESTART = 600.0, 3.0  # seconds
FLEET = 120.0  # seconds, max_reset_timeout in limpet.toml beside this file


@dataclass(slots=True)
class Door:
    """The broker's listening socket.

    Attributes:
        arrivals: connects in each second since the broker came back. served: when each agent got in again.
        empty: all are in.
    """

    agents: int
    down: float
    up: float
    arrivals: Counter[int] = field(default_factory=Counter)
    served: list[float] = field(default_factory=list)
    empty: asyncio.Event = field(default_factory=asyncio.Event)
    _level: float = 0.0
    _at: float = 0.0

    def knock(self, now: float) -> float | None:
        """Return after how many seconds a connect is accepted; None: it is refused."""
        if now < self.down:
            return 0.0
        if now < self.up:
            return None
        self.arrivals[int(now - self.up)] += 1
        self._level = max(0.0, self._level - A_SECOND * (now - self._at))
        self._at = now
        if self._level >= BACKLOG:
            return None
        self._level += 1.0
        return self._level / A_SECOND

    def enter(self, now: float) -> None:
        """Note that one more is in."""
        self.served.append(now - self.up)
        if len(self.served) >= self.agents:
            self.empty.set()

    @property
    def peak(self) -> int:
        """The most connects in a second."""
        return max(self.arrivals.values(), default=0)


class DoorLink:
    """An agent's link to the broker: it opens or not, and acknowledges everything."""

    def __init__(self, door: Door, opened: set[DoorLink]) -> None:
        self._door, self._opened = door, opened
        self.lost: asyncio.Future[BrokerError] = asyncio.get_running_loop().create_future()

    async def connect(self) -> Facts:
        loop = asyncio.get_running_loop()
        wait = self._door.knock(loop.time())
        if wait is None:
            raise BrokerLost("refused")
        await asyncio.sleep(wait)
        if loop.time() >= self._door.up:
            self._door.enter(loop.time())
        self._opened.add(self)
        return Facts()

    def obey(self, facts: Facts) -> None:
        pass

    def publish(self, *_: object, **__: object) -> asyncio.Future[int]:
        return self._done(0)

    def subscribe(self, *_: object, **__: object) -> asyncio.Future[int]:
        return self._done(1)

    def echo(self) -> asyncio.Future[int]:
        return self._done(0)

    async def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        self.end(BrokerLost("closed by us"))

    def end(self, reason: BrokerError) -> None:
        """Let the connection be lost."""
        self._opened.discard(self)
        if not self.lost.done():
            self.lost.set_result(reason)

    @staticmethod
    def _done(code: int) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.get_loop().call_soon(lambda: future.done() or future.set_result(code))
        return future


class _Clock:
    """Virtual time as the publisher wants it."""

    kernel_boot = ""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    def stamp(self, taken: float) -> str:
        return f"{taken:.3f}"

    def synced(self) -> bool:
        return True


def ours(agents: int, outage: float, longest: float = 60.0) -> Door:
    """Return what happened at the door with the agent's own publishers; `longest`: max_reset_timeout."""
    door = Door(agents, CALM, CALM + outage)
    with VirtualRunner() as runner:
        runner.run(_publishers(door, agents, runner.clock, Settings(max_reset_timeout=longest)))
    return door


async def _publishers(door: Door, agents: int, now: Callable[[], float], settings: Settings) -> None:
    opened: set[DoorLink] = set()
    clock, publishers = _Clock(now), []
    for number in range(agents):
        topics = Topics("limpet", f"pi-{number}")
        outbox = Outbox(f"run-{number}", now)
        one = Publisher(lambda _: DoorLink(door, opened), outbox, topics, clock, settings, rng=Random(number))
        one.retain(topics.status, b"online")
        publishers.append(one)
    running = [asyncio.ensure_future(one.run()) for one in publishers]
    await asyncio.sleep(CALM)
    for link in list(opened):
        link.end(BrokerLost("the broker has ended"))
    await asyncio.sleep(door.up - door.down)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST):
            await door.empty.wait()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def theirs(agents: int, outage: float, delay: Callable[[int, Random], float]) -> Door:
    """Return what happened at the door with clients that wait `delay(tries before, rng)` between two tries."""
    import heapq

    door, rng = Door(agents, 0.0, outage), Random(1)
    # At once each of them notices that the broker is gone.
    waiting = [(delay(0, rng), number, 1) for number in range(agents)]
    heapq.heapify(waiting)
    while waiting and waiting[0][0] < outage + LONGEST:
        now, number, tries = heapq.heappop(waiting)
        accepted = door.knock(now)
        if accepted is None:
            heapq.heappush(waiting, (now + delay(tries, rng), number, tries + 1))
        else:
            door.enter(now + accepted)
    return door


def paho(tries: int, _rng: Random) -> float:
    """Return paho's default: 1 s, doubling to 120 s."""
    return min(2.0**tries, 120.0)


def lecture(tries: int, rng: Random) -> float:
    """Return the lecture's: doubling, with up to a second of jitter, and a cap over the sum."""
    return min(2.0**tries + rng.uniform(0.0, 1.0), 30.0)


def curves(agents: int) -> list[Curve]:
    """Return all strategies after both outages."""
    made = []
    for outage in (OUTAGE, RESTART):
        doors = {
            "limpet, of a fleet": ours(agents, outage, FLEET),
            "limpet, default": ours(agents, outage),
            "paho's default": theirs(agents, outage, paho),
            "min(2^n + U(0, 1), 30)": theirs(agents, outage, lecture),
        }
        for name, door in doors.items():
            back = max(door.served) if len(door.served) >= agents else None
            made.append(Curve(name, outage, door.peak, back, dict(door.arrivals), tuple(sorted(door.served))))
    return made


def table(made: list[Curve], agents: int) -> str:
    """Return the numbers as a table."""
    lines = [
        "| broker away for | strategy | most connects in a second | all back after | back within 200 s |",
        "|---|---|---|---|---|",
    ]
    for one in made:
        back = f"{one.back:.0f} s" if one.back is not None else f"not within an hour ({len(one.served):,})"
        soon = sum(seconds <= 200 for seconds in one.served)
        lines.append(f"| {one.outage:.0f} s | {one.name} | {one.peak:,} | {back} | {soon:,} of {agents:,} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=10_000)
    agents = parser.parse_args().agents
    # Each of them says that its broker is lost.
    logging.disable()
    made = curves(agents)
    print(table(made, agents))
    (HERE / "storm.svg").write_text(svg(made, (OUTAGE, RESTART), agents), encoding="utf-8")


if __name__ == "__main__":
    main()
