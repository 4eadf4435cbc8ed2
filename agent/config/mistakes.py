"""Mistakes in a configuration: where each is, what it is, and what cures it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

# The path to a key: ("sensor", 0, "retry", "attempts").
Where = tuple[str | int, ...]


class Mistake(NamedTuple):
    """One mistake, or one warning.

    Attributes:
        file: as the user named it.
        line: from 1; 0 if it has no line.
        key: within its table, `retry.attempts`.
        path: with its table, `sensor.retry.attempts`.
        sensor: id of the sensor in whose table it stands, or its place in the file (`#2`) where it has no id.
        what: what was found. fix: what to write or to do.
        is_warning: whether the agent starts nevertheless.
    """

    file: str
    line: int
    key: str
    what: str
    fix: str
    is_warning: bool = False
    path: str = ""
    sensor: str | None = None

    def __str__(self) -> str:
        place = ": ".join(part for part in (f"{self.file}:{self.line}" if self.line else self.file, self.key) if part)
        owner = f" (sensor {self.sensor})" if self.sensor is not None else ""
        return f"{place}: {'warning: ' if self.is_warning else ''}{self.what}{owner}\n    fix: {self.fix}"


class ConfigError(Exception):
    """The configuration cannot be used.

    Attributes:
        mistakes: all of them, warnings included, in the order of the file.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class Wrong(ValueError):
    """One value is wrong. `inside` is the path from its key to the wrong part.

    Attributes:
        others: what else is wrong with the same value.
    """

    def __init__(self, what: str, fix: str, *inside: str | int) -> None:
        super().__init__(what)
        self.what, self.fix, self.inside = what, fix, inside
        self.others: list[Wrong] = []

    @classmethod
    def raised_for(cls, found: list[Wrong]) -> None:
        """Raise what was found, if anything was, as one error."""
        if found:
            found[0].others = [*found[0].others, *found[1:]]
            raise found[0]


class Report:
    """Collects mistakes by the path to their key; lines are looked up only if there is something to report."""

    def __init__(self) -> None:
        self.found: list[tuple[Where, str, str, bool]] = []

    def mistake(self, where: Where, what: str, fix: str) -> None:
        """Add a mistake, which makes the configuration unusable."""
        self.found.append((where, what, fix, False))

    def warning(self, where: Where, what: str, fix: str) -> None:
        """Add a warning."""
        self.found.append((where, what, fix, True))

    def touches(self, where: Where) -> bool:
        """Return whether a mistake was reported at `where` or inside it."""
        return any(not unwise and place[: len(where)] == where for place, _, _, unwise in self.found)

    def mistakes(self, text: str, file: str | Path, sensors: Sequence[str] = ()) -> list[Mistake]:
        """Return everything with its line, in the order of the file. A warning that many sensors share is listed once.

        Args:
            sensors: the sensors' ids, in the order of the file.
        """
        if not self.found:
            return []
        from .positions import line_of, positions

        known = positions(text)
        mistakes = [
            Mistake(str(file), line_of(known, w), shown(w), what, fix, soft, path(w), _owner(w, sensors))
            for w, what, fix, soft in self.found
        ]
        return _bunched(sorted(mistakes, key=lambda mistake: mistake.line))


def shown(where: Where) -> str:
    """Return a key without the name of its table.

    >>> shown(("sensor", 0, "retry", "attempts"))
    'retry.attempts'
    """
    names = [part for part in where if isinstance(part, str)]
    return ".".join(names[1:] or names)


def path(where: Where) -> str:
    """Return a key with its table.

    >>> path(("sensor", 0, "retry", "attempts"))
    'sensor.retry.attempts'
    """
    return ".".join(part for part in where if isinstance(part, str))


def _owner(where: Where, sensors: Sequence[str]) -> str | None:
    if len(where) < 2 or where[0] != "sensor" or not isinstance(where[1], int):
        return None
    named = sensors[where[1]] if where[1] < len(sensors) else ""
    return named or f"#{where[1] + 1}"


def _bunched(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return the mistakes, with warnings that several sensors share merged into one that gives their number."""
    same: dict[object, list[Mistake]] = {}
    for number, one in enumerate(mistakes):
        shared = one.is_warning and one.sensor is not None
        same.setdefault((one.key, one.what, one.fix) if shared else number, []).append(one)
    return [
        first if not others else first._replace(what=f"{first.what}; the same for {len(others)} more")
        for first, *others in same.values()
    ]


def near(name: str, names: Sequence[str]) -> str | None:
    """Return the one of `names` that was probably meant."""
    import difflib

    found = difflib.get_close_matches(name.lower(), names, 1, 0.6)
    return found[0] if found else None
