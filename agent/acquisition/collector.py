"""One round: the sensors that are due are read, each on its bus, and what came in time becomes a batch."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence

from agent.model import Batch, Fault, Reading

from .bus import MOST_SHARES, GuardedBus
from .sensor import Sensor
from .turn import SensorTurn
from .window import WindowedSensor

# A round leaves before its interval is over, whatever is missing.
SHARE_OF_INTERVAL = 0.9
LOOK_AGAIN = 0.05  # seconds between two looks at a bus that seems to hang
BUSY = 0.005  # seconds between two looks at a bus that is busy when its round should leave

# A sensor and the name of its bus.
Due = tuple[Sensor, str]


class _Gate:
    """Opens when every share has arrived. Only the last one wakes the loop, so that a round costs one hop.

    Args:
        missing: how many have not arrived yet.
    """

    def __init__(self, missing: int) -> None:
        self.missing = missing
        self._loop, self._lock = asyncio.get_running_loop(), threading.Lock()
        self._waiter: asyncio.Future[None] | None = None

    def arrived(self, shares: int = 1) -> None:
        """Count shares. May be called from any thread."""
        with self._lock:
            self.missing -= shares
        if not self.missing and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    async def opened(self, within: float) -> bool:
        """Return whether it opens within this time. `asyncio.timeout` would take three times as long."""
        self._waiter = self._loop.create_future()
        # It may have opened before there was something to wake.
        if self.missing:
            alarm = self._loop.call_later(within, self._wake)
            try:
                await self._waiter
            finally:
                alarm.cancel()
        return not self.missing

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Collector:
    """Reads sensors, each on its bus, and makes one batch of what came in time.

    Attributes:
        sensors: all configured sensors, among which substitutes are found.
    """

    def __init__(self, buses: Mapping[str, GuardedBus], clock: Callable[[], float]) -> None:
        self.buses, self.clock = buses, clock
        self.sensors: Sequence[Sensor] = ()
        # Returns once the samples that were due until this moment are taken.
        self.sampled: Callable[[float], Awaitable[object]] | None = None
        # A sensor has one turn at a time, so rounds and requests take turns; samples do so with requests for them.
        self._lock, self._sampling = asyncio.Lock(), asyncio.Lock()

    async def collect(self, due: Sequence[Due], trigger: str, interval: float | None, at: float | None = None) -> Batch:
        """Return the batch of the sensors that are due.

        The batch leaves when all outcomes are known, or when the longest `round_wait` is over, or shortly before the
        interval ends. A bus that is busy but not stuck is waited for: overload then costs whole rounds, and not the
        same sensors in each of them.

        Args:
            at: the moment for which the round is due, in seconds of the clock; None: now.
        """
        at = self.clock() if at is None else at
        asked = trigger == "request"
        async with self._lock:
            if not any(sensor.sample or sensor.voters for sensor, _ in due):
                await self._read(due, interval)
            elif asked:
                async with self._sampling:
                    await self._read([pair for pair in due if not pair[0].voters], interval)
            else:
                await self._read([pair for pair in due if not pair[0].voters and not pair[0].sample], interval)
                await self._sampled(at, interval)
                await self._not_sampled_yet(due, interval)
            return self._batch([sensor for sensor, _ in due], trigger, interval, at)

    async def begin_ahead(self, due: Sequence[Due]) -> None:
        """Begin turns whose round is still to come, and which it will find ended."""
        async with self._lock:
            for sensor, bus in due:
                if (turn := sensor.turn_ahead()) is not None:
                    self.buses[bus].begin([turn], _not_waited_for)

    async def sample(self, due: Sequence[Due], interval: float, at: float) -> None:
        """Read sensors beside the rounds, and put what comes of it into their windows."""
        async with self._sampling:
            await self._read(due, interval)
            now = self.clock()
            for sensor, _ in due:
                sensor.take(at, now)

    async def _sampled(self, at: float, interval: float | None) -> None:
        """Wait until the samples of this moment are taken, but not so long that the round would be late."""
        if self.sampled is None or interval is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, at + SHARE_OF_INTERVAL * interval - self.clock())):
                await self.sampled(at)

    async def _not_sampled_yet(self, due: Sequence[Due], interval: float | None) -> None:
        """Read the sensors whose windows begin after this round: a reload comes at any moment."""
        new = [(one, bus) for one, bus in due if isinstance(one, WindowedSensor) and not one.begun]
        if new and not self._sampling.locked():
            async with self._sampling:
                await self._read(new, interval)
                for one, _ in new:
                    one.read_by_round = True

    async def _read(self, due: Sequence[Due], interval: float | None) -> None:
        """Give each sensor its turn; return when all outcomes are known or the round must leave."""
        began = self.clock()
        wait = first = look = 0.0
        turns: dict[str, list[SensorTurn]] = {}
        for sensor, bus in due:
            wait, first = max(wait, sensor.round_wait), max(first, sensor.first_wait)
            hold = min(sensor.hold, sensor.round_wait)
            if hold < look or not look:
                look = hold
            turns.setdefault(bus, []).append(sensor.turn())
        slow_until = began + first
        last = max(began + wait, slow_until)
        deadline = last if interval is None else min(last, began + SHARE_OF_INTERVAL * interval)
        await self._run(turns, look, deadline, last, slow_until)

    async def _run(
        self, turns: Mapping[str, Sequence[SensorTurn]], look: float, deadline: float, last: float, slow_until: float
    ) -> None:
        """Hand each bus its turns; return when they have ended or when the round must leave.

        Args:
            look: seconds until the first look at a bus that may hang.
            slow_until: when the round no longer waits for slow sensors alone.
        """
        gate = _Gate(MOST_SHARES * len(turns) + 1)
        shares = sum([self.buses[bus].begin(its, gate.arrived) for bus, its in turns.items()])
        # Those that there are not, and the one that has kept the gate closed meanwhile.
        gate.arrived(MOST_SHARES * len(turns) - shares + 1)
        # A turn that began in an earlier round arrives at that round's gate, so it is polled here.
        earlier = [turn for its in turns.values() for turn in its if turn.earlier and not turn.slow]
        while gate.missing or any(turn.known() is None for turn in earlier):
            if (time_left := deadline - self.clock()) <= 0:
                if self.clock() >= last or not any(self.buses[bus].worker.moving() for bus in turns):
                    self._give_up(turns)
                    return
                time_left = BUSY
            pause = min(look if gate.missing else LOOK_AGAIN, time_left)
            if gate.missing:
                in_time = await gate.opened(pause)
            else:
                in_time = await asyncio.sleep(pause, False)
            if not in_time:
                look = LOOK_AGAIN
                self._give_up(turns)
                if self.clock() >= slow_until and all(
                    turn.known() or turn.slow for its in turns.values() for turn in its
                ):
                    return

    def _give_up(self, turns: Mapping[str, Sequence[SensorTurn]]) -> None:
        for bus, its in turns.items():
            self.buses[bus].give_up(its)

    def _batch(self, sensors: Sequence[Sensor], trigger: str, interval: float | None, at: float) -> Batch:
        now = self.clock()
        readings: list[Reading] = []
        faults: list[Fault] = []
        # A vote comes after those that it asks.
        voting = [sensor for sensor in sensors if sensor.voters]
        for sensor in (*(one for one in sensors if not one.voters), *voting) if voting else sensors:
            conclude = sensor.reported if sensor.sample and trigger == "interval" else sensor.conclude
            usable, its_faults = conclude(at, now)
            readings += usable
            faults += its_faults
        readings += self._substitutes([one for one in sensors if one.substitute_id and one.present.lacking])
        return Batch(at, trigger, interval, tuple(one.id for one in sensors), tuple(readings), tuple(faults))

    def _substitutes(self, lacking: Sequence[Sensor]) -> list[Reading]:
        """Return readings of other sensors for those that have quantities missing."""
        readings: list[Reading] = []
        known = {sensor.id: sensor for sensor in self.sensors} if lacking else {}
        for sensor in lacking:
            if sensor.substitute_id in known:
                readings += sensor.substitute(known[sensor.substitute_id])
        return readings


def _not_waited_for() -> None:
    """Nothing waits for a turn ahead of its round."""
