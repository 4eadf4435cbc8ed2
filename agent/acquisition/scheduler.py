"""Rounds on the monotonic clock, and one batch per round.

A round is due at multiples of its interval since the start, so that nothing drifts. A round whose successor is already
due is skipped and counted; rounds never pile up. Sensors of different intervals that are due together share a round.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.model import Batch

from .collector import Collector, Due

LATE = 0.1  # of an interval


@dataclass(slots=True)
class Rounds:
    """How many rounds were finished, begun late, or skipped."""

    finished: int = 0
    late: int = 0
    skipped: int = 0


class Scheduler:
    """Starts a round whenever sensors are due.

    Args:
        due: every sensor with the name of its bus.
        deliver: takes each finished batch; never blocks.
    """

    def __init__(
        self,
        collector: Collector,
        due: Sequence[Due],
        deliver: Callable[[Batch], object],
        clock: Callable[[], float],
    ) -> None:
        self.collector, self.deliver, self.clock = collector, deliver, clock
        self.rounds = Rounds()
        self.began = clock()
        # When the last round ended. The watchdog is fed only while this advances.
        self.progress = self.began
        self.groups: dict[float, list[Due]] = {}
        self._arranged = asyncio.Event()
        self.arrange(due)
        # The number of each interval's last round.
        self._last = dict.fromkeys(self.groups, -1)

    def arrange(self, due: Sequence[Due]) -> None:
        """Read these sensors from the next round on."""
        groups: dict[float, list[Due]] = {}
        for sensor, bus in due:
            groups.setdefault(sensor.every, []).append((sensor, bus))
        self.groups = groups
        self.collector.sensors = [sensor for sensor, _ in due]
        self._arranged.set()

    async def run(self, rounds: int | None = None) -> None:
        """Run rounds forever, or as many as given; the first one at once."""
        last = self._last
        if not last:
            self.began = self.clock()
            last |= dict.fromkeys(self.groups, -1)
        while rounds is None or self.rounds.finished < rounds:
            self._arranged.clear()
            for interval in last.keys() - self.groups.keys():
                # Otherwise a later sensor with this interval would find rounds to skip.
                del last[interval]
            for interval in self.groups.keys() - last.keys():
                last[interval] = math.ceil((self.clock() - self.began) / interval) - 1
            at = min((self._at(i, last[i] + 1) for i in self.groups), default=self.clock() + 1.0)
            if (wait := at - self.clock()) > 0 and await self._rearranged_within(wait):
                continue
            now = self.clock()
            intervals = [i for i in self.groups if self._at(i, last[i] + 1) <= now + 1e-3]
            for interval in intervals:
                last[interval] = self._number(interval, last[interval], now)
            if intervals:
                due = [pair for i in sorted(intervals) for pair in self.groups.get(i, ())]
                at = max(self._at(i, last[i]) for i in intervals)
                self.deliver(await self.collector.collect(due, "interval", min(intervals), at))
                self.rounds.finished += 1
                self.progress = self.clock()

    async def _rearranged_within(self, wait: float) -> bool:
        """Return whether `arrange` was called meanwhile; a new interval may be due sooner than the others."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                return await self._arranged.wait()
        return False

    def _at(self, interval: float, number: int) -> float:
        return self.began + number * interval

    def _number(self, interval: float, last: int, now: float) -> int:
        """Return the number of the round that begins now; count the rounds that are skipped for it."""
        number = max(last + 1, math.floor((now - self.began + 1e-3) / interval))
        self.rounds.skipped += number - last - 1
        if now - self._at(interval, number) > LATE * interval:
            self.rounds.late += 1
        return number
