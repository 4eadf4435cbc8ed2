"""What a sensor measures: quantities with units and ranges, and values with errors in their places."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from ..errors import BeyondRange, InvalidReading, PermanentError, TransientError

# An error in a value's place: this quantity cannot be told, others of the same device can.
Untold = TransientError | PermanentError
# The same for `isinstance`, which takes a tuple five times as fast.
UNTOLD = (TransientError, PermanentError)
Values = dict[str, float]
Told = Mapping[str, float | Untold]
# Both yield seconds; a reading returns {quantity: value or error}.
Waits = Generator[float, None, None]
Reading = Generator[float, None, Told]
# What `measure` may return: it is a plain function, or one that yields its waits.
Measurement = Told | Reading

# How far beyond an end of its scale a formula's result is still clipped to that end, as a share of the scale.
CLIPPED = 0.1
# How far the last digit's rounding may take a value beyond an end of the range, as a share of that end.
ROUNDED = 0.001


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number that a sensor measures.

    Attributes:
        name: as in the batch, `temperature`.
        unit: `°C`; empty where there is none.
        kind: Home Assistant's device class, if it has one.
        low, high: the range that the datasheet allows; a value outside is no reading.
        step: the smallest difference that the sensor can tell.
        clips: a result of up to a tenth of the scale beyond `low` or `high` is that end, as in fog at 100.4 %.
        needs: another quantity of the device, without which this one cannot be told: its formula starts from it.
        noisy: a working sensor never shows the same digits for an hour; False for states, counts and coarse steps.
        accuracy: ± in its unit, at 25 °C, where the datasheet says so.
        words: what 0 and 1 mean to a person, `("open", "closed")`; empty for a number.
    """

    name: str
    unit: str = ""
    kind: str | None = None
    low: float = -math.inf
    high: float = math.inf
    step: float = 0.0
    clips: bool = False
    needs: str = ""
    noisy: bool = True
    accuracy: float | None = None
    words: tuple[str, ...] = ()

    def holds(self, value: object) -> bool:
        """Return whether this is a number within the range; not-a-number is in none."""
        return isinstance(value, (float, int)) and self.low <= value <= self.high

    def judge(self, value: float | Untold | None, device: str) -> float | Untold:
        """Return the value, within the range, or the error that stands in its place."""
        if isinstance(value, UNTOLD):
            return value
        if value is None or not math.isfinite(value):
            return InvalidReading(f"{device}: {self.name} is {value}, not a number")
        if self.low <= value <= self.high:
            return value
        end = self.low if value < self.low else self.high
        if self.clips and abs(value - end) <= CLIPPED * (self.high - self.low):
            return end
        # Zero is an end that rounding cannot pass: nothing is less than none.
        if abs(value - end) <= min(self.step, ROUNDED * abs(end)) + 1e-9:
            return value
        return InvalidReading(
            f"{device}: {self.name} of {value:g} {self.unit} is outside of {self.low:g}..{self.high:g}"
        )


def part(formula: Callable[..., float], *arguments: Any) -> float | Untold:
    """Return what a formula returns, or its `InvalidReading`: then only this quantity cannot be told."""
    try:
        return formula(*arguments)
    except InvalidReading as error:
        return error


def is_amiss(value: object) -> TypeGuard[Untold]:
    """Return whether this is an error that stands for something wrong: a value beyond the range does not."""
    return isinstance(value, UNTOLD) and not isinstance(value, BeyondRange)
