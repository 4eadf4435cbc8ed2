"""The options of a driver, as its constructor declares them: name, default, and what a value may be.

An annotation says what is allowed: `bool`, `int`, `float`, `str`, `Literal[...]`, a sequence of these; and, inside
`Annotated`, `Among(...)`: a few values, `Within(...)`: a range, `Matching(...)`: a text, `DURATION`: a time.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

# The arguments that say where a sensor is, not how it works.
PLACE = ("bus", "address")
_TIME = r"[0-9]+(?:\.[0-9]+)?\s*(?:ms|s|m|h|d)"
_LARGEST = sys.float_info.max


class Allowed(Protocol):
    """What a value may be."""

    def holds(self, value: object) -> bool:
        """Return whether a value is allowed."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema that says the same."""

    def __str__(self) -> str:
        """Return it for people, as in `write …`."""


@dataclass(frozen=True)
class Among:
    """One of a few values, or of those in a class attribute of this name."""

    values: Collection[Any] | str

    def holds(self, value: object) -> bool:
        return any(isinstance(value, bool) == isinstance(one, bool) and value == one for one in self.values)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.values)}

    def __str__(self) -> str:
        values = sorted(self.values) if all(type(one) in (int, float) for one in self.values) else self.values
        shown = [str(one).lower() if isinstance(one, bool) else f"{one}" for one in values]
        return " or ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)


class Within(NamedTuple):
    """A number of `low` to `high`; `above`: more than `low`. `whole`: without a fraction."""

    low: float = -_LARGEST
    high: float = _LARGEST
    unit: str = ""
    above: bool = False
    whole: bool = False

    def holds(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def schema(self) -> dict[str, Any]:
        low = {"exclusiveMinimum" if self.above else "minimum": self.low}
        return {"type": "integer" if self.whole else "number", **low, "maximum": self.high}

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        low, high = (None if abs(end) == _LARGEST else f"{end:g}" for end in (self.low, self.high))
        if low is None and high is None:
            return kind
        if high is None:
            return f"{kind}, {low} {self.unit}".rstrip() + " or more"
        if self.above:
            return f"{kind} above {low}, up to {high} {self.unit}".rstrip()
        return f"{kind}, {low}..{high} {self.unit}".rstrip()


class Matching(NamedTuple):
    """A text that fits a pattern as a whole."""

    pattern: str = r"[^\x00]+"
    says: str = "a text"

    def holds(self, value: object) -> bool:
        return isinstance(value, str | os.PathLike) and re.fullmatch(self.pattern, os.fspath(value)) is not None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True)
class ListOf:
    """A list whose items are of one kind.

    Attributes:
        least, unique: how many there are at least, and whether each is there once; told to editors, and reported where
            it is known what the items are.
    """

    items: Allowed
    least: int = 1
    unique: bool = False

    def holds(self, value: object) -> bool:
        return isinstance(value, list | tuple | set | frozenset) and bool(value) and all(map(self.items.holds, value))

    def schema(self) -> dict[str, Any]:
        unique = {"uniqueItems": True} if self.unique else {}
        return {"type": "array", "items": self.items.schema(), "minItems": self.least, **unique}

    def __str__(self) -> str:
        return f"a list, each of it {self.items}"


@dataclass(frozen=True)
class TableOf:
    """A table of free names whose values are of one kind."""

    values: Allowed

    def holds(self, value: object) -> bool:
        return isinstance(value, Mapping) and all(map(self.values.holds, value.values()))

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.values.schema()}

    def __str__(self) -> str:
        return f"a table, each value of it {self.values}"


@dataclass(frozen=True)
class AnyOf:
    """One of several kinds."""

    kinds: tuple[Allowed, ...]

    def holds(self, value: object) -> bool:
        return any(kind.holds(value) for kind in self.kinds)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [kind.schema() for kind in self.kinds]}

    def __str__(self) -> str:
        return ", or ".join(map(str, self.kinds))


class Undeclared:
    """What only the driver can judge."""

    def holds(self, _value: object) -> bool:
        return True

    def schema(self) -> dict[str, Any]:
        return {}

    def __str__(self) -> str:
        return "what its driver takes"


# A number of seconds, or a text such as "20ms".
DURATION = AnyOf((Within(0.0, unit="s"), Matching(rf"\s*{_TIME}\s*", 'a duration such as "20ms"')))
BCM = Within(0, 53, whole=True)
_PLAIN: dict[Any, Allowed] = {
    bool: Among((True, False)),
    int: Within(whole=True),
    float: Within(),
    str: Matching(),
    os.PathLike: Matching(says="a path"),
}


class Option(NamedTuple):
    """One argument of a driver's constructor.

    Attributes:
        default: None where the driver chooses.
        needed: whether it must be given.
        text: what it is, from the docstring.
        allowed: what a value may be.
    """

    name: str
    default: Any
    needed: bool
    text: str
    allowed: Allowed

    @property
    def is_time(self) -> bool:
        """Whether a text such as `20ms` is taken for its seconds: a duration, or a float of which no more is known."""
        return self.allowed in (DURATION, _PLAIN[float])

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of its value in a configuration."""
        schema = (DURATION if self.is_time and self.allowed != DURATION else self.allowed).schema()
        told = {"description": self.text} if self.text else {}
        default = list(self.default) if isinstance(self.default, tuple) else self.default
        return {**schema, **told, **({} if default is None or self.needed else {"default": default})}

    def check(self, value: object) -> None:
        """Raise a ValueError with a cure where the value is not allowed; None stands for the default."""
        if value is not None and not self.allowed.holds(value):
            raise ValueError(f"{self.name} is {value!r}; write {self.allowed}")


@functools.lru_cache(maxsize=256)
def options(driver: Any) -> dict[str, Option]:
    """Return what the constructor of a driver takes by name, but bus and address."""
    texts = {name: text for one in reversed(driver.__mro__) for name, text in _documented(one.__doc__ or "")}
    found = {}
    for name, one in inspect.signature(driver).parameters.items():
        if name in PLACE or one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            continue
        needed = one.default is one.empty
        default = None if needed else one.default
        found[name] = Option(name, default, needed, texts.get(name, ""), _declared(driver, name))
    return found


def check(driver: Any, given: dict[str, Any]) -> None:
    """Raise a ValueError, with name and cure, where an option has a value that its driver does not declare."""
    known = options(driver)
    for name, value in given.items():
        if name in known:
            known[name].check(value)
    for one, other in getattr(driver, "either", ()):
        if given.get(one) is not None and given.get(other) is not None:
            raise ValueError(f"{one} and {other}: write one of the two")


def _declared(driver: Any, name: str) -> Allowed:
    """Return what an option may be: as the nearest constructor says it, else a parent's that says more than a type."""
    found: list[Allowed] = []
    for owner in driver.__mro__:
        parameter = inspect.signature(owner.__init__).parameters.get(name) if "__init__" in vars(owner) else None
        if parameter is not None:
            found.append(_allowed(_resolved(owner, parameter.annotation), driver))
    return next((one for one in found if one not in _PLAIN.values()), found[0])


def _resolved(owner: Any, annotation: Any) -> Any:
    """Return what an annotation means; Any where its names are not there at run time."""
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        return typing.get_type_hints(holder, vars(sys.modules[owner.__module__]), include_extras=True)["it"]
    except (NameError, TypeError, SyntaxError, AttributeError):
        return Any


def _allowed(hint: Any, driver: Any) -> Allowed:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    plain = origin or hint
    if isinstance(plain, type) and plain in _PLAIN:
        return _PLAIN[plain]
    if origin is typing.Annotated:
        return next(_annotated(hint.__metadata__, driver), None) or _allowed(inside[0], driver)
    if origin in (typing.Union, types.UnionType):
        kinds = tuple(_allowed(one, driver) for one in inside if one is not type(None))
        return kinds[0] if len(kinds) == 1 else AnyOf(kinds)
    if origin is typing.Literal:
        return Among(inside)
    if isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, dict):
        return ListOf(_allowed(inside[0], driver))
    return Undeclared()


def _annotated(metadata: Sequence[Any], driver: Any) -> Iterator[Allowed]:
    for one in metadata:
        if isinstance(one, Among) and isinstance(one.values, str):
            yield Among(getattr(driver, one.values))
        elif isinstance(one, Among | Within | Matching | AnyOf | ListOf | TableOf):
            yield one


def _documented(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of a docstring's `Args:`; `one, other: text` says it of both."""
    _, _, section = inspect.cleandoc(docstring).partition("Args:\n")
    names: list[str] = []
    text = ""
    for line in [*section.splitlines(), "end:"]:
        if line and not line.startswith("    "):
            yield from ((name, text.strip()) for name in names)
            return
        if head := re.match(r" {4}(\w+(?:, \w+)*): (.*)", line):
            yield from ((name, text.strip()) for name in names)
            names, text = head[1].split(", "), head[2]
        else:
            text += f" {line.strip()}"
