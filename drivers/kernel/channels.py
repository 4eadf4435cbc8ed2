"""The channels of IIO and hwmon: from the kernel's names and units to quantities.

Source: Linux, Documentation/ABI/testing/sysfs-bus-iio; Documentation/hwmon/sysfs-interface.rst.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..chip import Quantity


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: its file's name without suffix, its quantity, and the factor from the kernel's unit to ours."""

    base: str
    quantity: Quantity
    factor: float


# Pattern; quantity, with groups of the pattern as `\1`; unit; kind; factor.
Rule = tuple[str, str, str, str | None, float]

IIO: tuple[Rule, ...] = (
    (r"in_temp\d*_ambient", "ambient_temperature", "°C", "temperature", 1e-3),
    (r"in_temp\d*_object", "object_temperature", "°C", "temperature", 1e-3),
    (r"in_temp\d*", "temperature", "°C", "temperature", 1e-3),
    (r"in_humidityrelative\d*", "humidity", "%", "humidity", 1e-3),
    (r"in_pressure\d*", "pressure", "hPa", "pressure", 10.0),  # kPa
    (r"in_illuminance\d*", "illuminance", "lx", "illuminance", 1.0),
    (r"in_uvindex\d*", "uv_index", "", None, 1.0),
    (r"in_intensity\d*_(uv[ab])", r"\1", "", None, 1.0),
    (r"in_resistance\d*", "gas_resistance", "Ω", None, 1.0),
    (r"in_concentration\d*_co2", "co2", "ppm", "carbon_dioxide", 1e4),  # %
    (r"in_concentration\d*_voc", "tvoc", "ppb", "volatile_organic_compounds_parts", 1e7),  # %
    (r"in_massconcentration\d*_pm1", "pm1", "µg/m³", "pm1", 1.0),
    (r"in_massconcentration\d*_pm2p5", "pm2_5", "µg/m³", "pm25", 1.0),
    (r"in_massconcentration\d*_pm4", "pm4", "µg/m³", None, 1.0),
    (r"in_massconcentration\d*_pm10", "pm10", "µg/m³", "pm10", 1.0),
    (r"in_voltage(\d+)", r"a\1", "V", "voltage", 1e-3),
    (r"in_voltage(\d+)-voltage(\d+)", r"a\1_a\2", "V", "voltage", 1e-3),
    (r"in_voltage(?:\d*_supply)?", "voltage", "V", "voltage", 1e-3),
    (r"in_current\d*(?:_supply)?", "current", "A", "current", 1e-3),
    (r"in_power\d*", "power", "W", "power", 1e-3),
    (r"in_energy\d*", "energy", "J", None, 1.0),
    (r"in_distance\d*", "distance", "mm", "distance", 1e3),  # m
    (r"in_proximity\d*", "proximity", "", None, 1.0),
    (r"in_accel_([xyz])", r"acceleration_\1", "m/s²", None, 1.0),
    (r"in_anglvel_([xyz])", r"rotation_\1", "rad/s", None, 1.0),
)
# Told as the chip counts: what a scale makes of them has no unit that two chips share, or none at all.
UNSCALED = ("in_proximity", "in_intensity")
# Without a scale, these are in the kernel's unit already.
SCALED = ("in_current",)

HWMON: tuple[Rule, ...] = (
    (r"temp\d+", "temperature", "°C", "temperature", 1e-3),
    (r"in\d+", "voltage", "V", "voltage", 1e-3),
    (r"curr\d+", "current", "A", "current", 1e-3),
    (r"power\d+", "power", "W", "power", 1e-6),
    (r"energy\d+", "energy", "J", None, 1e-6),
    (r"humidity\d+", "humidity", "%", "humidity", 1e-3),
    (r"fan\d+", "frequency", "Hz", "frequency", 1 / 60),  # revolutions a minute
)

LIMITS = {
    "°C": (-273.15, 2000.0), "%": (0.0, 100.0), "hPa": (0.0, 20000.0), "lx": (0.0, 1e6), "ppm": (0.0, 1e6),
    "µg/m³": (0.0, 1e6), "ppb": (0.0, 1e9), "mm": (0.0, 1e6), "Ω": (0.0, 1e12), "Hz": (0.0, 1e6),
}  # fmt: skip
# Of quantities that know better than their unit: air without carbon dioxide is a sensor that has not measured yet.
LIMITS_OF = {"co2": (1.0, 1e6), "uv_index": (0.0, 1000.0), "energy": (0.0, 1e15)}
# In dry air and in fog, a chip's formula returns slightly less than 0 % or more than 100 %.
CLIPS = {"%"}
# Quantities whose last digit moves even in a quiet room. Others may not move: steps are coarse, inputs are grounded.
NOISY = ("in_pressure", "in_accel", "in_anglvel", "in_temp", "in_humidityrelative", "in_resistance", "in_distance")

# Raw numbers at the ends of a chip's scale, by the names of chip and channel. The kernel passes them on as values.
# Sources: data sheets, and drivers/iio of Linux: vl53l0x-i2c, bh1750, ti-ads1015, mcp320x, ina2xx-adc.
STOPS: tuple[tuple[str, str, float, float], ...] = (
    (r"vl53l0x", r"in_distance", -math.inf, 2000),  # the end of its range; without a target it says 8190
    (r"bh1750", r"in_illuminance", -math.inf, 65535),
    (r"ads1015", r"in_voltage.*", -2048, 2047),
    (r"ads1115", r"in_voltage.*", -32768, 32767),
    (r"mcp300[1248]", r"in_voltage.*", -math.inf, 1023),
    (r"mcp320[1248]", r"in_voltage.*", -math.inf, 4095),
    (r"ina219", r"in_voltage0", -32000, 32000),
    # Of hwmon, in millivolts over the shunt, which the kernel rounds.
    (r"ina219", r"in0", -320, 320),
    (r"ina226|ina23[01]", r"in0", -81.9, 81.9),
)
# Channels that the chip, or the kernel, computes from another one: where that stops, so do they.
COMPUTED: tuple[tuple[str, str, str], ...] = (
    (r"ina2\d\d", r"in_(current|power)\d", "in_voltage0"),
    (r"ina2\d\d", r"(curr|power)1", "in0"),
)
# Numbers to which the kernel clips what its formula makes of an element that is dead: raw 0 would be -116 %.
DEAD: tuple[tuple[str, str, float], ...] = ((r"bme280", r"in_humidityrelative", 0.0),)


def channel(base: str, rules: Iterable[Rule]) -> Channel | None:
    """Return the channel whose files begin with `base`; None for one that has no unit here."""
    for pattern, name, unit, kind, factor in rules:
        match = re.fullmatch(pattern, base)
        if match:
            quantity, noisy = match.expand(name), base.startswith(NOISY)
            low, high = LIMITS_OF.get(quantity) or LIMITS.get(unit, (-math.inf, math.inf))
            return Channel(base, Quantity(quantity, unit, kind, low, high, clips=unit in CLIPS, noisy=noisy), factor)
    return None


def stops(chip: str, base: str, kind: str) -> tuple[float, float]:
    """Return the lowest and highest raw number of a channel, infinite where they are unknown.

    Args:
        chip: its name.
        base: the channel's name.
        kind: the kernel's description of the raw number, `le:s12/16>>4`; empty if there is none.
    """
    for name, channel_name, low, high in STOPS:
        if re.fullmatch(name, chip) and re.fullmatch(channel_name, base):
            return low, high
    match = re.match(r"[lb]e:([su])(\d+)/", kind)
    if match is None:
        return -math.inf, math.inf
    bits = int(match[2])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if match[1] == "s" else (-math.inf, (1 << bits) - 1)


def computed_from(chip: str, base: str) -> str | None:
    """Return the channel from which another one of a chip is computed; None for one that is measured."""
    fits = (source for name, bases, source in COMPUTED if re.fullmatch(name, chip) and re.fullmatch(bases, base))
    return next(fits, None)


def is_dead(chip: str, base: str, value: float) -> bool:
    """Return whether a value, in the kernel's unit, is what a dead element is clipped to."""
    return any(
        re.fullmatch(name, chip) and base == channel_name and value == clipped for name, channel_name, clipped in DEAD
    )


def scales(base: str) -> tuple[str, ...]:
    """Return where a channel's scale or offset may be, by the file's name without suffix, the channel's own first.

    Then it is that of all channels of its kind, of its type, of all inputs, or of the whole device: `in_voltage0`,
    `in_voltage`, `in`, and the empty text; that of differences is `in_voltage-voltage`.
    """
    kind = re.sub(r"((?:in_|-)[a-z]+)\d+", r"\1", base)
    type_ = re.match(r"in_[a-z]+(?:-[a-z]+)?", kind)
    return tuple(dict.fromkeys((base, kind, type_[0] if type_ else kind, "in", "")))


def unique(found: Iterable[Channel]) -> tuple[Channel, ...]:
    """Return the channels so that no two quantities share a name: `temperature1`, `temperature2` if there are two."""
    channels = list(found)
    names = [c.quantity.name for c in channels]
    return tuple(
        c if names.count(c.quantity.name) == 1 else replace(c, quantity=c.quantity._replace(name=_numbered(c)))
        for c in channels
    )


def _numbered(one: Channel) -> str:
    """Return the name of a channel's quantity with the channel's number behind it."""
    name, number = one.quantity.name, re.match(r"(?:in_)?[a-z]+(\d+)", one.base)
    return name + ("_" if name[-1].isdigit() else "") + number[1] if number else name
