"""A sensor that is read more often than it is reported: a reading is the mean of the samples since the last one.

Each sample is calibrated, judged and derived from as a single measurement would be, so that a value outside of the
limits cannot hide in a mean: one suspect sample makes the reading suspect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
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
        self._measured = -math.inf

    def add(self, one: Reading, at: float) -> None:
        """Take a measurement, unless it is the one that was taken last: a slow device shows it for some time."""
        measured = at if one.measured is None else one.measured
        if measured > self._measured:
            self._waiting.append((at, one._replace(measured=measured)))
            self._measured = measured

    def reading(self, one: QuantityCalibration, due: float, expected: int) -> Reading | None:
        """Return the reading of the window that ends at `due`; None without samples.

        Args:
            expected: how many samples were due in it.
        """
        samples = [sample for at, sample in self._waiting if at <= due + ALMOST]
        self._waiting = [pair for pair in self._waiting if pair[0] > due + ALMOST]
        if not samples:
            return None
        values, last, count = [sample.value for sample in samples], samples[-1], len(samples)
        value = round(fmean(values), one.digits) if one.averaged else last.value
        window = Window(min(values), max(values), count, max(0, expected - count))
        suspect = [sample for sample in samples if sample.status != "ok"]
        if not suspect:
            return last._replace(value=value, window=window)
        reason = f"{len(suspect)} of {count} samples: {suspect[-1].reason}"
        return last._replace(value=value, window=window, status="suspect", reason=reason)


class WindowedSensor(Sensor):
    """A sensor with samples. Used on the loop only, except for its attempts.

    Between two rounds `present` stays what was reported last. A reading that is asked for is a single measurement, and
    leaves the window open.

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

    @property
    def present(self) -> Present:
        """What was reported last."""
        return self.history.present if self._shown is None else self._shown

    def conclude(self, due: float, now: float) -> Told:
        """Return the single measurement of a turn, beside the window."""
        told = super().conclude(due, now)
        self._shown = None
        return told

    def note(self, reading: Reading, at: float) -> None:
        """Take the reading of an edge, which is reported at once."""
        super().note(reading, at)
        self._shown = None

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

    def reported(self, due: float, now: float) -> Told:  # noqa: ARG002
        """Close the window, and return its readings and the faults of what none of its samples has."""
        if self._first is None:
            what = f"{self.attempts.label}: the first sample is still to come"
            return self.conclusions.absent(self.conclusions.fault("NotReady", what, 0, due), due)
        readings = self._means(due)
        told = {one.quantity for one in readings}
        faults = [fault for name, fault in self._faults.items() if name and name not in told]
        if (whole := self._faults.get("")) is not None:
            lost = [one.name for one in self.conclusions.calibrations if one.name not in told]
            faults = [whole] if not readings else [replace(whole, quantity=name) for name in lost]
        stale = [
            one._replace(age=max(0.0, due - (one.measured or due))) for one in self._stale if one.quantity not in told
        ]
        self._publish([*readings, *stale], faults, due)
        return self.history.present.readings, faults

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
            edge = self.history.edge_since(reading.measured or due)
            if edge is not None and edge[0] == one.name and not one.averaged:
                reading = reading._replace(value=edge[1], measured=edge[2])
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
