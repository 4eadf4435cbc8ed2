"""Kinds of values in the configuration: how each is read into SI units, and its JSON Schema."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from .characters import PLAIN, odd
from .mistakes import Wrong

_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "kB": 1000, "KB": 1000, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(B|kB|KB|MB|GB|KiB|MiB|GiB)")
_NOT_ZERO = r"(?=[0-9.]*[1-9])"
_LARGEST = sys.float_info.max
# The schema of `number`.
FINITE: dict[str, Any] = {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST}
_TEN_YEARS = 3650 * 86400.0
_DURATION_FIX = 'write seconds, or a text with a unit: 10, "250ms", "10s", "5m", "2h", "7d"'
_SIZE_FIX = 'write bytes, or a text with a unit: "64MB", "512KiB"'


class Kind(Protocol):
    """One kind of value. Kinds are plain classes, because twenty dataclasses would cost each start 10 ms."""

    def read(self, raw: Any) -> Any:
        """Return the value as the agent uses it.

        Raises:
            Wrong: says what was found and what to write.
        """

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""


def named(raw: object) -> str:
    """Return TOML's name for the type of a value."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return names.get(type(raw), "a date or time")


def number(raw: Any, fix: str) -> float:
    """Return a finite number that is no boolean.

    Raises:
        Wrong: it is not.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise Wrong(f"{named(raw)} where a number belongs", fix)
    if not _finite(raw):
        raise Wrong(f"{raw} is no usable number", fix)
    return raw


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    # TOML has integers that no float can hold.
    except OverflowError:
        return False


class Text:
    """A text that matches `pattern` as a whole; `says` puts the pattern into words.

    Args:
        longest: the most characters that it may have; None: no limit.
        taken: values that are not allowed, each with the reason.
    """

    def __init__(
        self,
        pattern: str = r"[^\x00-\x1f\x7f]+",
        says: str = "a text that is not empty",
        *,
        longest: int | None = None,
        taken: Mapping[str, str] | None = None,
    ) -> None:
        self.pattern, self.says, self.longest, self.taken = pattern, says, longest, taken or {}

    def read(self, raw: Any) -> str:
        if not isinstance(raw, str):
            raise Wrong(f"{named(raw)} where a text belongs", f"write {self.says}, in quotes")
        if self.longest is not None and len(raw) > self.longest:
            raise Wrong(f"has {len(raw)} characters", f"write at most {self.longest}")
        if raw in self.taken:
            raise Wrong(f"{raw!r} is {self.taken[raw]}", "write another one")
        if found := odd(raw):
            raise Wrong(f"{raw!r} has {found[0]} in it", found[1])
        if raw != raw.strip():
            raise Wrong(f"{raw!r} {'ends' if raw == raw.lstrip() else 'begins'} with a blank", "remove the blank")
        if not re.fullmatch(self.pattern, raw):
            raise Wrong(f"{raw!r} is not {self.says}" if raw else "is empty", f"write {self.says}")
        return raw

    def schema(self) -> dict[str, Any]:
        longest = {} if self.longest is None else {"maxLength": self.longest}
        others = {"not": {"enum": list(self.taken)}} if self.taken else {}
        return {"type": "string", "pattern": f"^{PLAIN}(?:{self.pattern})$", **longest, **others}


class Flag:
    """true or false."""

    def read(self, raw: Any) -> bool:
        if not isinstance(raw, bool):
            raise Wrong(f"{named(raw)} where true or false belongs", "write true or false, without quotes")
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Whole:
    """A whole number within low..high; `form` is how people write it."""

    def __init__(self, low: int, high: int, form: str = "d", says: str = "a whole number") -> None:
        self.low, self.high, self.form, self.says = low, high, form, says

    def read(self, raw: Any) -> int:
        span = f"{self._form(self.low)}..{self._form(self.high)}"
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise Wrong(f"{named(raw)} where {self.says} belongs", f"write {self.says}, {span}, without quotes")
        if not self.low <= raw <= self.high:
            found = self._form(raw) if raw >= 0 else str(raw)
            raise Wrong(f"{found} is outside of {span}", f"write {self.says}, {span}")
        return raw

    def _form(self, value: int) -> str:
        return format(value, self.form)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Number:
    """A number above `above`, or from `low` on, up to `high`."""

    def __init__(self, *, low: float = -math.inf, above: float = -math.inf, high: float = _LARGEST) -> None:
        self.low, self.above, self.high = low, above, high

    def read(self, raw: Any) -> float:
        bound = f"{self.low:g} or more" if self.low > -math.inf else f"more than {self.above:g}"
        bound += f", {self.high:g} at most" if self.high < _LARGEST else ""
        value = number(raw, f"write a number, {bound}")
        if value < self.low or value <= self.above or value > self.high:
            raise Wrong(f"{raw} is too {'large' if value > self.high else 'small'}", f"write a number, {bound}")
        return float(value)

    def schema(self) -> dict[str, Any]:
        above = {"exclusiveMinimum": self.above} if self.above > -math.inf else {}
        low = {"minimum": self.low} if self.low > -math.inf else {}
        return {**FINITE, **low, "maximum": self.high, **above}


class Duration:
    """A time: a number of seconds or a text with a unit. Read as float seconds, above 0 and `low` at least."""

    def __init__(self, high: float = _TEN_YEARS, low: float = 0.0) -> None:
        self.high, self.low = high, low

    def read(self, raw: Any) -> float:
        if isinstance(raw, str):
            found = _DURATION.fullmatch(raw.strip())
            if not found:
                raise Wrong(f"{raw!r} is no duration", _DURATION_FIX)
            seconds = float(found[1]) * _SECONDS[found[2]]
        elif isinstance(raw, bool) or not isinstance(raw, int | float):
            raise Wrong(f"{named(raw)} where a duration belongs", _DURATION_FIX)
        else:
            seconds = raw
        # Not `seconds <= 0`: NaN is neither.
        if not seconds > 0:
            raise Wrong(f"{raw} is no duration: it must be more than 0", _DURATION_FIX)
        if seconds > self.high:
            raise Wrong(f"{raw} is too long", f"write at most {people(self.high)}")
        if seconds < self.low:
            what = (
                f"{raw} is less than {people(self.low)}: no bus can be read so often, and the log would fill the card"
            )
            raise Wrong(what, f'write "{people(self.low)}" or more')
        return float(seconds)

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "pattern": rf"^\s*{_NOT_ZERO}{_DURATION.pattern}\s*$"}
        bound = {"minimum": self.low} if self.low else {"exclusiveMinimum": 0}
        return {"anyOf": [text, {"type": "number", **bound, "maximum": self.high}]}


class Size:
    """A number of bytes, or a text with a unit. Read as int bytes, above 0."""

    def read(self, raw: Any) -> int:
        if isinstance(raw, str):
            found = _SIZE.fullmatch(raw.strip())
            if not found:
                raise Wrong(f"{raw!r} is no size", _SIZE_FIX)
            size = float(found[1]) * _BYTES[found[2]]
        else:
            size = number(raw, _SIZE_FIX)
        if not 1 <= size < 2**62:
            raise Wrong(f"{raw} is no usable size", _SIZE_FIX)
        return int(size)

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "pattern": rf"^\s*{_NOT_ZERO}{_SIZE.pattern}\s*$"}
        return {"anyOf": [text, {"type": "number", "minimum": 1, "exclusiveMaximum": 2**62}]}


class OneOf:
    """One of a few values."""

    def __init__(self, values: tuple[str | int, ...]) -> None:
        self.values = values

    def read(self, raw: Any) -> str | int:
        for value in self.values:
            if type(raw) is type(value) and raw == value:
                return value
        choices = ", ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in self.values)
        found = f'"{raw}"' if isinstance(raw, str) else str(raw)
        raise Wrong(f"{found} is not known here", f"write one of {choices}")

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.values)}


class Place:
    """A file or folder; `~` is the user's home. Read as a Path; a relative one counts from the file's folder."""

    def read(self, raw: Any) -> Path:
        if not isinstance(raw, str) or not raw or "\0" in raw:
            raise Wrong("is empty" if raw == "" else f"{named(raw)} where a path belongs", "write a path, in quotes")
        try:
            return Path(raw).expanduser()
        except RuntimeError:
            raise Wrong(f"{raw!r}: whose home is that?", "write the whole path, from / on") from None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}


def seconds(raw: str) -> float | None:
    """Return the seconds that a text such as `20ms` means, or None if it is no duration."""
    return Duration().read(raw) if _DURATION.fullmatch(raw) and float(raw.rstrip("mshd ")) else None


def people(seconds: float) -> str:
    """Return a duration as it is written in the configuration.

    >>> people(0.25), people(90), people(120)
    ('250ms', '90s', '2m')
    """
    for unit in ("d", "h", "m"):
        if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:g}{unit}"
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"
