"""Checks of the options of pins, made when a driver is constructed."""

from __future__ import annotations

UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PULLS = ("up", "down", "none")
EDGES = ("rising", "falling", "both")
# BCM numbers; the 40-pin header has 2..27, a compute module more.
HIGHEST_PIN = 53


def bcm(pin: object, name: str = "pin") -> int:
    """Return a BCM pin number.

    Raises:
        ValueError: it is none.
    """
    if isinstance(pin, bool) or not isinstance(pin, int) or not 0 <= pin <= HIGHEST_PIN:
        raise ValueError(f"{name} is {pin!r}, not a BCM number (2..27 on the 40-pin header), as in `{name} = 17`")
    return pin


def one_of(value: str, name: str, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of `allowed`.

    Raises:
        ValueError: it is not.
    """
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, not one of {', '.join(allowed)}")
    return value


def seconds(value: float | str, name: str) -> float:
    """Return a duration in seconds from a number of them, or from `"20ms"`.

    Raises:
        ValueError: it is neither, or negative.
    """
    number, factor = str(value).strip(), 1.0
    for unit, size in UNITS.items():
        if number.endswith(unit):
            number, factor = number.removesuffix(unit), size
            break
    try:
        result = float(number) * factor
    except ValueError:
        result = -1.0
    if isinstance(value, bool) or not 0 <= result < float("inf"):
        raise ValueError(f'{name} is {value!r}, not a duration such as "20ms" or 0.02')
    return result
