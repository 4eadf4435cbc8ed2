"""Quantities that are computed from measured ones, and are as doubtful as what they come from.

Sources: WMO-No. 8 (2018), volume I, annex 4.B: saturation vapour pressure over water, of moist air near 1000 hPa; dew
point is its inverse. Absolute humidity: the gas law, R_v = 461.52 J/(kg K). Sea level: ISO 2533:1975, the standard
atmosphere, as an altimeter is set (QNH).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from agent.model import Reading
from drivers.chip import Quantity
from drivers.errors import BeyondRange

ZERO_CELSIUS = 273.15
MAGNUS = 6.112, 17.62, 243.12  # hPa, -, °C
GAS_CONSTANT_OF_WATER = 461.52  # J/(kg K)
STANDARD = 288.15, 0.0065, 5.25588  # K, K/m, -
# From the most doubtful on: the first that a source has is that of what comes from it.
DOUBTFUL = ("stale", "substituted", "suspect")


class Formula(NamedTuple):
    """How one quantity is computed.

    Attributes:
        low, high: where it can lie. finest: the smallest difference that is told.
        sources: measured quantity -> by how much this one moves where that moves by one, at most in usual weather.
        of: takes the sources' values in their order, and the altitude in metres.
    """

    unit: str
    kind: str | None
    low: float
    high: float
    finest: float
    sources: Mapping[str, float]
    of: Callable[..., float]


def vapour_pressure(celsius: float) -> float:
    """Return the saturation vapour pressure over water in hPa."""
    scale, slope, pole = MAGNUS
    return scale * math.exp(slope * celsius / (pole + celsius))


def dew_point(celsius: float, percent: float, _altitude: float) -> float:
    """Return the dew point in °C.

    Raises:
        BeyondRange: dry air has none.
    """
    if percent <= 0:
        raise BeyondRange("dew_point: air of 0 % humidity has none")
    _, slope, pole = MAGNUS
    exponent = math.log(percent / 100) + slope * celsius / (pole + celsius)
    return pole * exponent / (slope - exponent)


def absolute_humidity(celsius: float, percent: float, _altitude: float) -> float:
    """Return the water in the air in g/m³."""
    pascals = percent * vapour_pressure(celsius)
    return 1000 * pascals / (GAS_CONSTANT_OF_WATER * (celsius + ZERO_CELSIUS))


def vapour_pressure_deficit(celsius: float, percent: float, _altitude: float) -> float:
    """Return what vapour pressure is lacking to saturation, in kPa; none in fog."""
    return max(0.0, (1 - percent / 100) * vapour_pressure(celsius) / 10)


def sea_level_pressure(hectopascals: float, altitude: float) -> float:
    """Return the pressure at sea level in hPa, below a standard atmosphere."""
    warmth, lapse, exponent = STANDARD
    return float(hectopascals * (1 - lapse * altitude / warmth) ** -exponent)


def _of_air(temperature: float, humidity: float) -> dict[str, float]:
    return {"temperature": temperature, "humidity": humidity}


FORMULAS = {
    "dew_point": Formula("°C", "temperature", -MAGNUS[2], 200.0, 0.01, _of_air(1.0, 0.3), dew_point),
    "absolute_humidity": Formula("g/m³", None, 0.0, 1000.0, 0.01, _of_air(0.6, 0.2), absolute_humidity),
    "vapour_pressure_deficit": Formula(
        "kPa", "pressure", 0.0, 200.0, 0.001, _of_air(0.1, 0.03), vapour_pressure_deficit
    ),
    "sea_level_pressure": Formula(
        "hPa", "atmospheric_pressure", 0.0, 3000.0, 0.01, {"pressure": 1.0}, sea_level_pressure
    ),
}


class Derivation(NamedTuple):
    """What is derived for one sensor.

    Attributes:
        altitude: metres above the sea.
    """

    names: Sequence[str]
    altitude: float = 0.0

    def quantities(self, measured: Iterable[Quantity]) -> tuple[Quantity, ...]:
        """Return what is derived from these, each with the smallest difference that its sources can tell.

        What is measured is not derived once more: the members of a vote may tell it.
        """
        steps = {one.name: one.step for one in measured}
        return tuple(
            Quantity(name, one.unit, one.kind, one.low, one.high, _step(one, steps), noisy=False)
            for name, one in FORMULAS.items()
            if name in self.names and name not in steps and one.sources.keys() <= steps.keys()
        )

    def of(self, name: str, readings: Mapping[str, Reading]) -> Reading | None:
        """Return one derived quantity, or None where a source is missing.

        Raises:
            BeyondRange: with these values there is none.
        """
        formula = FORMULAS[name]
        sources = [readings[source] for source in formula.sources if source in readings]
        if len(sources) < len(formula.sources):
            return None
        try:
            value = formula.of(*(one.value for one in sources), self.altitude)
        except (ArithmeticError, ValueError):
            value = math.nan
        # Not-a-number is in no range.
        if not formula.low <= value <= formula.high:
            values = ", ".join(f"{one.quantity} of {one.value:g} {one.unit}" for one in sources)
            raise BeyondRange(f"{name}: there is none with {values}")
        worst = min(sources, key=lambda one: DOUBTFUL.index(one.status) if one.status != "ok" else len(DOUBTFUL))
        reason = f"{worst.quantity}: {worst.reason}" if worst.status == "suspect" else None
        age = max((one.age or 0.0 for one in sources), default=0.0) if worst.status == "stale" else None
        measured = min((one.measured for one in sources if one.measured is not None), default=None)
        source = worst.source if worst.status == "substituted" else None
        return Reading(worst.sensor, name, value, formula.unit, worst.status, age, reason, source, None, measured)


def _step(formula: Formula, steps: Mapping[str, float]) -> float:
    return max(formula.finest, *(steps[source] * share for source, share in formula.sources.items()))
