"""Rounds on the monotonic clock, and one batch per round.

A round is due at fixed multiples of its interval since the start, so that nothing drifts. One that would come too late
is skipped and counted, never piled up. Sensors of different intervals that are due together share a round.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.model import Batch, Fault, Reading

from .bus import MOST_SHARES, GuardedBus
from .sensor import Sensor

SHARE_OF_INTERVAL = 0.9  # a round leaves before its interval is over, whoever is missing
LOOK_AGAIN = 0.05  # seconds between two looks at a bus that seems to hang
BUSY = 0.005  # seconds between two looks at a bus that is busy when its round should leave
LATE = 0.1  # of its interval: a round that begins later than this is late


@dataclass(slots=True)
class Rounds:
    """What became of the rounds: finished, begun late, skipped."""

    finished: int = 0
    late: int = 0
    skipped: int = 0


class _Gate:
    """Opens when everybody has arrived. One hop to the loop for all of them: the last one wakes it.

    Args:
        missing: who has not arrived yet.
    """

    def __init__(self, missing: int) -> None:
        self.open, self.missing = asyncio.Event(), missing
        self._loop, self._lock = asyncio.get_running_loop(), threading.Lock()

    def arrived(self) -> None:
        """Count one more; from any thread."""
        with self._lock:
            self.missing -= 1
        if not self.missing and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.open.set)


class Collector:
    """Reads sensors, each on its bus, and makes one batch of what came in time.

    Attributes:
        sensors: all there are, where substitutes are looked for.
    """

    def __init__(self, buses: Mapping[str, GuardedBus], clock: Callable[[], float]) -> None:
        self.buses, self.clock = buses, clock
        self.sensors: Sequence[Sensor] = ()
        self._lock = asyncio.Lock()  # a sensor has one turn at a time

    async def collect(self, due: Sequence[tuple[Sensor, str]], trigger: str, interval: float | None) -> Batch:
        """Return the batch of the sensors that are due, each with the name of its bus.

        Leaves when all are known, or when the most patient sensor's time is over, or before the interval is. A bus that
        is only busy is waited for: what is too much costs whole rounds, not the same sensors in each of them.
        """
        async with self._lock:
            began = self.clock()
            last = began + max((sensor.patience for sensor, _ in due), default=0.0)
            deadline = last if interval is None else min(last, began + SHARE_OF_INTERVAL * interval)
            await self._read(due, deadline, last)
            now = self.clock()
            readings: list[Reading] = []
            faults: list[Fault] = []
            for sensor, bus in due:
                outcome = self.buses[bus].outcome(sensor) or self.buses[bus].too_late(sensor)
                usable, fault = sensor.conclude(outcome, now)
                readings += usable
                if fault:
                    faults.append(fault)
            readings += self._substitutes([sensor for sensor, _ in due if not sensor.latest])
        return Batch(now, trigger, interval, tuple(s.id for s, _ in due), tuple(readings), tuple(faults))

    async def _read(self, due: Sequence[tuple[Sensor, str]], deadline: float, last: float) -> None:
        by_bus: dict[str, list[Sensor]] = {}
        for sensor, bus in due:
            by_bus.setdefault(bus, []).append(sensor)
        gate = _Gate(MOST_SHARES * len(by_bus) + 1)
        for bus, sensors in by_bus.items():
            for _ in range(MOST_SHARES - self.buses[bus].begin(sensors, gate.arrived)):
                gate.arrived()
        gate.arrived()
        look = min((min(sensor.hold, sensor.patience) for sensor, _ in due), default=0.0)
        while gate.missing:
            if (time_left := deadline - self.clock()) <= 0:
                if self.clock() >= last or not any(self.buses[bus].worker.moving() for bus in by_bus):
                    self._give_up(by_bus)
                    return
                time_left = BUSY
            try:
                async with asyncio.timeout(min(look, time_left)):
                    await gate.open.wait()
            except TimeoutError:
                look = LOOK_AGAIN
                self._give_up(by_bus)
                if all(self.buses[bus].outcome(sensor) or sensor.slow for sensor, bus in due):
                    return

    def _give_up(self, by_bus: Mapping[str, Sequence[Sensor]]) -> None:
        for bus, sensors in by_bus.items():
            self.buses[bus].give_up(sensors)

    def _substitutes(self, missing: Sequence[Sensor]) -> list[Reading]:
        """Return readings of other sensors for those that are missing and have a substitute."""
        known = {sensor.id: sensor for sensor in self.sensors}
        readings: list[Reading] = []
        for sensor in missing:
            kind, _, source = sensor.calibration.fallback.partition(":")
            if kind == "sensor" and source in known:
                readings += sensor.substitute(known[source])
        return readings


class Scheduler:
    """Knows when which sensor is due.

    Args:
        due: every sensor with the name of its bus.
        deliver: takes each finished batch; never blocks.
    """

    def __init__(
        self,
        collector: Collector,
        due: Sequence[tuple[Sensor, str]],
        deliver: Callable[[Batch], object],
        clock: Callable[[], float],
    ) -> None:
        self.collector, self.deliver, self.clock = collector, deliver, clock
        self.rounds = Rounds()
        self.began = clock()
        self.progress = self.began  # when the last round ended: the watchdog lives on it
        self.groups: dict[float, list[tuple[Sensor, str]]] = {}
        self._arranged = asyncio.Event()
        self.arrange(due)
        self._last = dict.fromkeys(self.groups, -1)  # the number of each interval's last round

    def arrange(self, due: Sequence[tuple[Sensor, str]]) -> None:
        """Take these sensors from the next round on."""
        groups: dict[float, list[tuple[Sensor, str]]] = {}
        for sensor, bus in due:
            groups.setdefault(sensor.every, []).append((sensor, bus))
        self.groups = groups
        self.collector.sensors = [sensor for sensor, _ in due]
        self._arranged.set()

    async def run(self, rounds: int | None = None) -> None:
        """Run rounds for ever, or so many; the first one at once."""
        last = self._last
        if not last:
            self.began = self.clock()
            last |= dict.fromkeys(self.groups, -1)
        while rounds is None or self.rounds.finished < rounds:
            self._arranged.clear()
            for interval in last.keys() - self.groups.keys():
                del last[interval]  # should it come again, it has missed nothing
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
                self.deliver(await self.collector.collect(due, "interval", min(intervals)))
                self.rounds.finished += 1
                self.progress = self.clock()

    async def _rearranged_within(self, wait: float) -> bool:
        """Tell whether other sensors came; a new interval may be due sooner than all before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                return await self._arranged.wait()
        return False

    def _at(self, interval: float, number: int) -> float:
        return self.began + number * interval

    def _number(self, interval: float, last: int, now: float) -> int:
        """Return the number of the round that begins now; those that are over already are skipped and counted."""
        number = max(last + 1, math.floor((now - self.began + 1e-3) / interval))
        self.rounds.skipped += number - last - 1
        if now - self._at(interval, number) > LATE * interval:
            self.rounds.late += 1
        return number
