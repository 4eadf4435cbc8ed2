"""Delays that grow under a cap, the source of randomness, and checks of parameters."""

import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

Clock = Callable[[], float]


class Rng(Protocol):
    """The source of jitter; `random.Random` is one."""

    def uniform(self, a: float, b: float, /) -> float:
        """Return a number between `a` and `b`."""


class Entropy:
    """The kernel's randomness. Unlike `random`, it has no state that a fork would copy or a seed would fix."""

    def uniform(self, a: float, b: float, /) -> float:
        """Return a number with a <= number <= b."""
        return a + (b - a) * ((int.from_bytes(os.urandom(7), "big") >> 3) * 2.0**-53)


ENTROPY = Entropy()
LARGEST = sys.float_info.max


def grown(first: float, multiplier: float, times: int, cap: float) -> float:
    """Return `first` multiplied `times` times, at most `cap`, for any number of times."""
    try:
        return min(cap, first * multiplier**times)
    except OverflowError:
        return min(cap, first and cap)


def check_seconds(name: str, value: float | None, *, zero: bool = False, none: bool = False) -> None:
    """Raise ValueError unless `value` is a finite length of time, longer than zero unless `zero` is allowed."""
    if not (none and value is None):
        check_number(name, value, 0.0, above=not zero)


def check_number(name: str, value: Any, low: float, *, above: bool = False) -> None:
    """Raise ValueError unless `value` is finite and at least `low` (`above`: more than `low`)."""
    no_number = isinstance(value, bool) or not isinstance(value, int | float)
    if no_number or not low <= value <= LARGEST or (above and value == low):
        raise ValueError(f"{name} must be a finite number {'above' if above else 'of at least'} {low:g}, not {value!r}")


def check_count(name: str, value: object) -> None:
    """Raise ValueError unless `value` is a whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")


def check_exceptions(classes: object) -> None:
    """Raise ValueError unless `classes` is a tuple of Exception classes: a cancellation is no fault."""
    if not isinstance(classes, tuple):
        raise ValueError(f"exceptions must be a tuple of classes, not {classes!r}")
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, Exception)):
            raise ValueError(f"exceptions must be classes derived from Exception, not {each!r}")
