"""Calibration: what the configuration asks for between a driver's number and the published one."""

from __future__ import annotations

import bisect
import math
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from drivers.chip import Quantity
from drivers.errors import InvalidReading

# They grow with every event and every second.
COUNTERS = ("count", "energy", "charge_passed")

# What was measured, and what was true, in ascending order of the former.
Curve = Sequence[tuple[float, float]]


class QuantityCalibration(NamedTuple):
    """How one quantity is published: calibrated, and rounded to a tenth of the chip's resolution.

    Attributes:
        low, high: the configured limits; a value outside is suspect.
        noisy: whether a value that does not move for an hour is suspect.
        curve: points that take the place of scale and offset; empty without.
        rate: how much it can change in a second, in its unit; None: any change is believed.
        slack: what rounding alone may change.
        averaged: whether a window has a mean of it; of counters and states, the last value counts.
    """

    name: str
    unit: str
    calibrated: bool
    scale: float
    offset: float
    digits: int
    low: float
    high: float
    noisy: bool
    curve: Curve = ()
    rate: float | None = None
    slack: float = 0.0
    averaged: bool = True

    def of(self, value: float) -> float:
        """Return the number as it is published.

        Raises:
            InvalidReading: the calibrated value is not finite.
        """
        # States and counts stay integers.
        if not self.calibrated and isinstance(value, int):
            return value
        try:
            result = round(on_curve(self.curve, value) if self.curve else value * self.scale + self.offset, self.digits)
        except OverflowError:
            result = math.inf
        if not math.isfinite(result):
            raise InvalidReading(
                f"{self.name} of {value:g} {self.unit} is no number any more once calibrated; correct it"
            )
        return result


class Calibration(NamedTuple):
    """The calibration and limits that are configured for a sensor.

    Attributes:
        calibrate: quantity -> (scale, offset). limits: quantity -> (low, high).
        curves: quantity -> points. rate: quantity -> change in a second.
    """

    calibrate: Mapping[str, tuple[float, float]] = MappingProxyType({})
    limits: Mapping[str, tuple[float, float]] = MappingProxyType({})
    curves: Mapping[str, Curve] = MappingProxyType({})
    rate: Mapping[str, float] = MappingProxyType({})

    def of_each(self, quantities: Sequence[Quantity]) -> tuple[QuantityCalibration, ...]:
        """Return the calibration of each quantity, in their order."""
        return tuple(self._of(quantity) for quantity in quantities)

    def published(self, quantity: Quantity) -> Quantity:
        """Return a quantity as subscribers see it: a scale makes its step finer, and changes what ± it is known by."""
        gentlest, steepest = self._slopes(quantity.name)
        if gentlest == steepest == 1.0:
            return quantity
        accuracy = None if quantity.accuracy is None else float(f"{quantity.accuracy * steepest:.2g}")
        if accuracy is not None and not math.isfinite(accuracy):
            accuracy = None
        return quantity._replace(step=quantity.step * min(1.0, gentlest), accuracy=accuracy)

    def _slopes(self, name: str) -> tuple[float, float]:
        """Return the least and the greatest change of a calibrated value where what is measured changes by one."""
        curve = self.curves.get(name, ())
        if len(curve) > 1:
            found = [abs((high - low) / (right - left)) for (left, low), (right, high) in pairwise(curve)]
            return min(found), max(found)
        scale = 1.0 if curve else abs(self.calibrate.get(name, (1.0, 0.0))[0])
        scale = min(scale, sys.float_info.max)
        return scale, scale

    def _of(self, quantity: Quantity) -> QuantityCalibration:
        name, (gentlest, steepest) = quantity.name, self._slopes(quantity.name)
        step = quantity.step * min(1.0, gentlest)
        digits = 6 if step <= 0 else max(0, 1 - math.floor(math.log10(step)))
        scale, offset = self.calibrate.get(name, (1.0, 0.0))
        low, high = self.limits.get(name, (-math.inf, math.inf))
        curve = self.curves.get(name, ())
        return QuantityCalibration(
            name,
            quantity.unit,
            bool(curve) or name in self.calibrate,
            scale,
            offset,
            digits,
            low,
            high,
            noisy=quantity.noisy and step > 0,
            curve=curve,
            rate=self.rate.get(name),
            slack=quantity.step * steepest if name in self.rate else 0.0,
            averaged=not (is_state(quantity) or quantity.name in COUNTERS),
        )


def on_curve(points: Curve, value: float) -> float:
    """Return the value on the lines through these points; the first and the last line go on. One point is an offset."""
    if len(points) == 1:
        ((measured, true),) = points
        return value + (true - measured)
    after = min(max(1, bisect.bisect_left(points, (value,))), len(points) - 1)
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (value - left) * ((high - low) / (right - left))


def is_state(quantity: Quantity) -> bool:
    """Return whether a quantity is on or off: between them there is nothing that a device ever shows."""
    return quantity.low == 0 and quantity.high == 1 and not quantity.unit
