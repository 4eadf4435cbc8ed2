"""Calibration: what the configuration asks for between a driver's number and the published one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from drivers.chip import Quantity
from drivers.errors import InvalidReading


class QuantityCalibration(NamedTuple):
    """How one quantity is published: calibrated, and rounded to a tenth of the chip's resolution.

    Attributes:
        low, high: the configured limits; a value outside is suspect.
        noisy: whether a value that does not move for an hour is suspect.
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

    def of(self, value: float) -> float:
        """Return the number as it is published.

        Raises:
            InvalidReading: the calibrated value is not finite.
        """
        # States and counts stay integers.
        if not self.calibrated and isinstance(value, int):
            return value
        try:
            result = round(value * self.scale + self.offset, self.digits)
        except OverflowError:
            result = math.inf
        if not math.isfinite(result):
            raise InvalidReading(
                f"{self.name} of {value:g} {self.unit} is no number any more once calibrated; correct it"
            )
        return result


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration and limits that are configured for a sensor.

    Attributes:
        calibrate: quantity -> (scale, offset). limits: quantity -> (low, high).
    """

    calibrate: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def of_each(self, quantities: Sequence[Quantity]) -> tuple[QuantityCalibration, ...]:
        """Return the calibration of each quantity, in their order."""
        return tuple(self._of(quantity) for quantity in quantities)

    def _of(self, quantity: Quantity) -> QuantityCalibration:
        name, step = quantity.name, quantity.step
        digits = 6 if step <= 0 else max(0, 1 - math.floor(math.log10(step)))
        scale, offset = self.calibrate.get(name, (1.0, 0.0))
        low, high = self.limits.get(name, (-math.inf, math.inf))
        noisy = quantity.noisy and step > 0
        return QuantityCalibration(name, quantity.unit, name in self.calibrate, scale, offset, digits, low, high, noisy)
