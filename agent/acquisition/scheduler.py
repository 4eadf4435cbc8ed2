"""Rounds on the monotonic clock, and one batch per round.

A round is due at multiples of its interval since the start, so that nothing drifts. A round whose successor is already
due is skipped and counted; rounds never pile up. Sensors of different intervals that are due together share a round.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent.model import Batch

from .collector import Collector, Due
from .sensor import Sensor

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

    Attributes:
        sampler: takes the samples of sensors with windows; it runs beside the rounds.
    """

    # Seconds between two looks while there is no sensor.
    idle = 1.0

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
        # Set with it, and by the clock.
        self._wake = asyncio.Event()
        self._begun = asyncio.Event()
        self._prepare()
        self.arrange(due)
        # The number of each interval's last round.
        self._last = dict.fromkeys(self.groups, -1)
        # The number of each interval's last round whose turns have begun ahead of it.
        self._led: dict[float, int] = {}

    def _prepare(self) -> None:
        self.sampler = Sampler(self)
        self.collector.sampled = self.sampler.caught_up

    def arrange(self, due: Sequence[Due]) -> None:
        """Read these sensors from the next round on."""
        self._group(due, lambda sensor: sensor.every)
        self.collector.sensors = [sensor for sensor, _ in due]
        self.sampler.arrange(due)

    def _group(self, due: Sequence[Due], period: Callable[[Sensor], float]) -> None:
        groups: dict[float, list[Due]] = {}
        for sensor, bus in due:
            groups.setdefault(period(sensor), []).append((sensor, bus))
        self.groups = groups
        self._arranged.set()
        self._wake.set()

    async def run(self, rounds: int | None = None) -> None:
        """Run rounds forever, or as many as given; the first one at once."""
        last = self._last
        if not last:
            self.began = await self._beginning()
            last |= dict.fromkeys(self.groups, -1)
        self._begun.set()
        while rounds is None or self.rounds.finished < rounds:
            self._arranged.clear()
            for interval in last.keys() - self.groups.keys():
                # Otherwise a later sensor with this interval would find rounds to skip.
                del last[interval]
            for interval in self.groups.keys() - last.keys():
                last[interval] = math.ceil((self.clock() - self.began) / interval) - 1
            at = min((self._at(i, last[i] + 1) for i in self.groups), default=self.clock() + self.idle)
            start, interval = min(self._starts_ahead(), default=(math.inf, 0.0))
            if (wait := min(at, start) - self.clock()) > 0 and await self._rearranged_within(wait):
                continue
            if start < at:
                self._led[interval] = last[interval] + 1
                await self.collector.begin_ahead([pair for pair in self.groups[interval] if pair[0].lead])
                continue
            now = self.clock()
            intervals = [i for i in self.groups if self._at(i, last[i] + 1) <= now + 1e-3]
            for interval in intervals:
                last[interval] = self._number(interval, last[interval], now)
            if intervals:
                due = [pair for i in sorted(intervals) for pair in self.groups.get(i, ())]
                at = max(self._at(i, last[i]) for i in intervals)
                await self._round(due, min(intervals), at)
                self.rounds.finished += 1
                self.progress = self.clock()

    def _starts_ahead(self) -> Iterator[tuple[float, float]]:
        """Yield when turns should begin ahead of the next round of each interval; not for the first one."""
        for interval, due in self.groups.items():
            number, lead = self._last[interval] + 1, max(sensor.lead for sensor, _ in due)
            if lead and number and self._led.get(interval) != number:
                yield self._at(interval, number) - lead, interval

    async def _beginning(self) -> float:
        """Return the moment of the first round."""
        return self.clock()

    async def _round(self, due: Sequence[Due], interval: float, at: float) -> None:
        self.deliver(await self.collector.collect(due, "interval", interval, at))

    async def _rearranged_within(self, wait: float) -> bool:
        """Return whether `arrange` was called meanwhile; a new interval may be due sooner than the others."""
        self._wake.clear()
        if not self._arranged.is_set():
            # Not by `asyncio.timeout`: it would end each of these waits by an exception.
            alarm = asyncio.get_running_loop().call_later(wait, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                alarm.cancel()
        # Not what has woken us: `arrange` may be called at the very moment at which the wait ends.
        return self._arranged.is_set()

    def _at(self, interval: float, number: int) -> float:
        return self.began + number * interval

    def _number(self, interval: float, last: int, now: float) -> int:
        """Return the number of the round that begins now; count the rounds that are skipped for it."""
        number = max(last + 1, math.floor((now - self.began + 1e-3) / interval))
        self.rounds.skipped += number - last - 1
        if now - self._at(interval, number) > LATE * interval:
            self.rounds.late += 1
        return number


class Sampler(Scheduler):
    """Takes samples as rounds of their own: a round that waits for a sick sensor delays none of them.

    Args:
        scheduler: begins first; samples are due at multiples of their interval since then.
    """

    idle = 3600.0

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._ticking, self._ticked = scheduler, False, asyncio.Event()
        super().__init__(scheduler.collector, (), lambda _batch: None, scheduler.clock)

    def _prepare(self) -> None:
        """Nothing: samples have no samples."""

    def arrange(self, due: Sequence[Due]) -> None:
        """Sample these sensors, as far as they have windows, from now on."""
        self._group([pair for pair in due if pair[0].sample], lambda sensor: sensor.sample or sensor.every)

    async def caught_up(self, at: float) -> None:
        """Return when the samples that were due until `at` are taken."""
        while self._ticking or any(self._at(i, self._last.get(i, -1) + 1) <= at + 1e-3 for i in self.groups):
            await self._ticked.wait()

    async def _beginning(self) -> float:
        await self._scheduler._begun.wait()  # noqa: SLF001  (one class in two roles)
        return self._scheduler.began

    async def _round(self, due: Sequence[Due], interval: float, at: float) -> None:
        self._ticking = True
        try:
            await self.collector.sample(due, interval, at)
        finally:
            self._ticking = False
            self._ticked.set()
            self._ticked.clear()
