"""What is done with a sensor's numbers, as the configuration says: calibrated, rounded, held against limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from drivers.chip import Quantity


class QuantityCalibration(NamedTuple):
    """What is done with one quantity's number: calibrated, rounded to a tenth of what the chip can tell, judged."""

    name: str
    unit: str
    calibrated: bool
    scale: float
    offset: float
    digits: int
    low: float  # of the limits
    high: float

    def of(self, value: float) -> float:
        """Return the number as it is published."""
        if not self.calibrated and isinstance(value, int):
            return value  # a state, a count
        return round(value * self.scale + self.offset, self.digits)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is done with a sensor's values, from the configuration.

    Attributes:
        fallback: "none", "last" or "sensor:ID". max_age: seconds a last value may be old.
        calibrate: quantity -> (scale, offset). limits: quantity -> (low, high).
    """

    fallback: str = "none"
    max_age: float = 300.0
    calibrate: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def of(self, quantity: Quantity) -> QuantityCalibration:
        """Return what is done with this quantity's numbers."""
        name, step = quantity.name, quantity.step
        digits = 6 if step <= 0 else max(0, 1 - math.floor(math.log10(step)))
        scale, offset = self.calibrate.get(name, (1.0, 0.0))
        low, high = self.limits.get(name, (-math.inf, math.inf))
        return QuantityCalibration(name, quantity.unit, name in self.calibrate, scale, offset, digits, low, high)
