"""A sensor that is read more often than it is reported: a reading is the mean of the samples since the last one.

Each sample is calibrated, judged and derived from as a single measurement would be, so that a value outside of the
limits cannot hide in a mean: one suspect sample makes the reading suspect.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from agent.model import Fault, Present, Reading, Window

from .calibration import QuantityCalibration
from .conclusion import Told
from .sensor import HOLD, Sensor

# Of a sample: two moments that are nearer than this are one.
ALMOST = 1e-3
# Statuses of what was measured, and not taken from elsewhere.
MEASURED = ("ok", "suspect")


class _Samples:
    """The samples of one quantity that are in no reading yet, each with the moment at which it was due."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, Reading]] = []
        # The measurement that was taken last, if the device has shown it once more since the last reading.
        self._again: list[tuple[float, Reading]] = []
        # Values of edges since the last reading.
        self._edges: list[float] = []
        self._measured = -math.inf

    def add(self, one: Reading, at: float) -> None:
        """Take a measurement, once: a slow device shows it for some time."""
        measured = at if one.measured is None else one.measured
        pair = at, one._replace(measured=measured)
        if measured > self._measured:
            self._waiting.append(pair)
            self._measured = measured
        else:
            self._again = [pair]

    def edge(self, value: float) -> None:
        """Take the value of an edge, which is no sample, but lies within the extremes."""
        self._edges.append(value)

    def reading(self, one: QuantityCalibration, due: float, expected: int) -> Reading | None:
        """Return the reading of the window that ends at `due`; None without samples.

        Args:
            expected: how many samples were due in it.
        """
        # What a device still shows stands for a window in which it has measured nothing new.
        samples = [sample for at, sample in self._waiting if at <= due + ALMOST]
        samples = samples or [sample for at, sample in self._again if at <= due + ALMOST]
        self._waiting = [pair for pair in self._waiting if pair[0] > due + ALMOST]
        self._again = [pair for pair in self._again if pair[0] > due + ALMOST]
        if not samples:
            return None
        values, last, count = [sample.value for sample in samples], samples[-1], len(samples)
        value = round(_mean(values), one.digits) if one.averaged else last.value
        seen = [*values, *self._edges]
        self._edges.clear()
        window = Window(min(seen), max(seen), count, max(0, expected - count))
        suspect = [sample for sample in samples if sample.status != "ok"]
        if not suspect:
            return last._replace(value=value, window=window)
        reason = f"{len(suspect)} of {count} samples: {suspect[-1].reason}"
        return last._replace(value=value, window=window, status="suspect", reason=reason)


class WindowedSensor(Sensor):
    """A sensor with samples. Used on the loop only, except for its attempts.

    Between two rounds `present` stays what was reported last. A reading that is asked for is a single measurement, and
    leaves the window open.

    Attributes:
        read_by_round: its window has not begun, and the round that leaves now has measured in place of it.

    Args:
        sample: seconds between two samples.
    """

    def __init__(self, *args: Any, sample: float, **more: Any) -> None:
        # Before the base class looks at it.
        self.sample: float = sample
        super().__init__(*args, **more)
        self.hold = min(self.hold, HOLD * sample)
        self._samples: dict[str, _Samples] = {}
        # Quantity -> why the last sample has none of it; "": of the whole sensor.
        self._faults: dict[str, Fault] = {}
        self._stale: Sequence[Reading] = ()
        # When the first sample was due, and how many since then are in a reading, or were missed.
        self._first: float | None = None
        self._counted = 0
        self._shown: Present | None = None
        self.read_by_round = False

    @property
    def present(self) -> Present:
        """What was reported last."""
        return self.history.present if self._shown is None else self._shown

    def conclude(self, due: float, now: float) -> Told:
        """Return the single measurement of a turn, beside the window."""
        told = super().conclude(due, now)
        self._shown = None
        return told

    def note(self, reading: Reading, at: float) -> Reading | None:
        """Take the value of an edge, which is reported at once."""
        told = super().note(reading, at)
        self._shown = None
        if told is not None:
            self._samples.setdefault(told.quantity, _Samples()).edge(told.value)
        return told

    def take(self, at: float, now: float) -> None:
        """Take the sample of a turn that was due at `at`."""
        shown = self.present
        readings, faults = super().conclude(at, now)
        self._shown = shown
        if self._first is None:
            self._first = at
        if self._due_until(at) <= self._counted:
            # The round that it was due for has left without it, and has counted it as missed.
            return
        self._faults = {fault.quantity or "": fault for fault in faults}
        self._stale = [one for one in readings if one.status not in MEASURED]
        for one in readings:
            if one.status in MEASURED:
                self._samples.setdefault(one.quantity, _Samples()).add(one, at)

    def reported(self, due: float, now: float) -> Told:
        """Close the window, and return its readings and the faults of what none of its samples has."""
        if self._first is None:
            if self.read_by_round:
                self.read_by_round = False
                return self.conclude(due, now)
            what = f"{self.attempts.label}: the first sample is still to come"
            return self.conclusions.absent(self.conclusions.fault("NotReady", what, 0, due), due)
        readings = self._means(due)
        told = {one.quantity for one in readings}
        faults = self._missing(told, due)
        stale = [
            one._replace(age=max(0.0, due - (one.measured or due))) for one in self._stale if one.quantity not in told
        ]
        oldest = self.conclusions.max_age or 0.0
        self._publish([*readings, *(one for one in stale if (one.age or 0.0) <= oldest)], faults, due)
        return self.history.present.readings, faults

    def _missing(self, told: Collection[str], due: float) -> list[Fault]:
        """Return the faults of the quantities that are not told: of the last sample, or that there was none."""
        lost = [one.name for one in self.conclusions.calibrations if one.name not in told]
        faults = [fault for name, fault in self._faults.items() if name and name in lost]
        whole = self._faults.get("")
        if whole is None and len(faults) < len(lost):
            what = f"{self.attempts.label}: no sample was taken; the bus is busy with other sensors"
            whole = self.conclusions.fault("NotReady", what, 0, due)
        if whole is None:
            return faults
        named = {fault.quantity for fault in faults}
        return [*faults, *(whole._replace(quantity=name) for name in lost if name not in named)] if told else [whole]

    @property
    def begun(self) -> bool:
        """Whether its first sample was due."""
        return self._first is not None

    def _due_until(self, moment: float) -> int:
        """Return how many samples were due until then."""
        return math.floor((moment - (self._first or 0.0)) / self.sample + ALMOST) + 1

    def _means(self, due: float) -> list[Reading]:
        """Return a reading of each quantity that has samples in the window that ends now."""
        until = max(self._counted, self._due_until(due))
        expected, self._counted = until - self._counted, until
        readings = []
        for one in self.conclusions.calibrations:
            samples = self._samples.get(one.name)
            reading = samples.reading(one, due, expected) if samples is not None else None
            if reading is None:
                continue
            edge = self.history.edge_since(due if reading.measured is None else reading.measured)
            if edge is not None and edge[0] == one.name and not one.averaged:
                told = self.conclusions.edge(reading._replace(value=edge[1]), edge[2])
                reading = reading if told is None else told._replace(measured=edge[2])
            readings.append(reading)
        return readings

    def _publish(self, readings: Sequence[Reading], faults: Sequence[Fault], due: float) -> None:
        serious = [fault for fault in faults if not fault.harmless]
        told = {one.quantity for one in readings}
        names = [one.name for one in self.conclusions.calibrations]
        lacking = names if any(fault.quantity is None for fault in serious) else [one.quantity for one in serious]
        measured = max((one.measured or due for one in readings), default=self.present.measured)
        self.history.tell(
            readings,
            [name for name in lacking if name is not None and name not in told],
            measured=measured,
            cause=next(iter(serious or faults), None),
            missing=[fault for fault in faults if fault.quantity is not None],
        )
        self._shown = None


def _mean(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        # The sum is more than a number can hold, which a mean never is.
        return min(max(math.fsum(value / len(values) for value in values), min(values)), max(values))
