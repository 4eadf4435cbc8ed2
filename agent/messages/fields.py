"""The fields of a payload that came in: what each must be, and how it is stored."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from .payloads import SCHEMA
from .schema_parts import TIME

# What the integers of a database hold.
MOST = 2**63 - 1
# UTF-8. Four names must fit into the key of an index: PostgreSQL's may have 2700 bytes.
LONGEST_NAME = 600
# A batch that names one quantity a million times is no batch.
MOST_ENTRIES = 10_000
_TIME = re.compile(TIME["pattern"])
# What JSON can spell and a database refuses: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

Check = Callable[[Any], Any]
Checks = Mapping[str, Check]


class NotOurs(ValueError):
    """A payload is not what its topic says; the text says why."""


def document(payload: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        NotOurs: it is none.
    """
    try:
        return an_object(json.loads(payload, parse_constant=_no_constant), "it")
    except NotOurs:
        raise
    except RecursionError:
        raise NotOurs("no JSON: too deep") from None
    except ValueError as error:
        raise NotOurs(f"no JSON: {error}") from None


def _no_constant(word: str) -> None:
    raise NotOurs(f"no JSON: {word}")


def an_object(value: Any, what: str) -> dict[str, Any]:
    """Return the value, which must be an object."""
    if not isinstance(value, dict):
        raise NotOurs(f"{what} is not an object")
    return value


def known(found: Mapping[str, Any], must: Checks, may: Checks, where: str = "") -> dict[str, Any]:
    """Return the known fields under their names in snake_case; what may be absent is None then.

    Raises:
        NotOurs: one is missing, or is not what it must be.
    """
    fields = {}
    for key, check in must.items():
        if key not in found:
            raise NotOurs(f"{where}{key} is missing")
        fields[snake(key)] = _checked(check, found[key], where + key)
    for key, check in may.items():
        fields[snake(key)] = _checked(check, found[key], where + key) if key in found else None
    return fields


def entries(values: list[Any], what: str, must: Checks, may: Checks) -> Iterator[dict[str, Any]]:
    """Yield the known fields of each object in a list."""
    for index, value in enumerate(values):
        where = f"{what}[{index}]"
        yield known(an_object(value, where), must, may, f"{where}.")


def _checked(check: Check, value: Any, where: str) -> Any:
    try:
        return check(value)
    except NotOurs as error:
        raise NotOurs(f"{where} {error}") from None


# A few dozen names, thousands of times a second.
_spelt: dict[str, str] = {}


def snake(key: str) -> str:
    """Return a field's name in snake_case.

    >>> snake("retryAfter")
    'retry_after'
    """
    if key not in _spelt:
        _spelt[key] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()
    return _spelt[key]


# --- checks: each returns the value as it is stored


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise NotOurs("is not true or false")
    return value


def text(value: Any) -> str:
    """Return a text, with a sign for each character that no database takes."""
    if not isinstance(value, str):
        raise NotOurs("is not a text")
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)


def name(value: Any) -> str:
    """Return a text that names something: it is stored as it is, or not at all."""
    if not isinstance(value, str) or not value:
        raise NotOurs("is not a name")
    if _UNSTORABLE.search(value):
        raise NotOurs("holds a character that no database takes")
    if len(value.encode()) > LONGEST_NAME:
        raise NotOurs(f"is longer than {LONGEST_NAME} bytes")
    return value


def whole(least: int) -> Check:
    """Return the check of a whole number of at least `least`."""

    def check(value: Any) -> int:
        # JSON has one kind of number: 3.0 is as whole as 3.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise NotOurs("is not a whole number")
        if not least <= value <= MOST:
            raise NotOurs(f"is not within {least}..2^63-1")
        return value

    return check


def number(value: Any) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotOurs("is not a number")
    try:
        finite = float(value)
    except OverflowError:
        finite = math.inf
    if not math.isfinite(finite):
        raise NotOurs("is not a finite number")
    return finite


def seconds(value: Any) -> float:
    """Return a number of 0 or more."""
    found = number(value)
    if found < 0:
        raise NotOurs("is negative")
    return found


def interval(value: Any) -> float:
    """Return a number above 0."""
    found = number(value)
    if found <= 0:
        raise NotOurs("is not above 0")
    return found


def time(value: Any) -> str:
    """Return a time as it is written."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise NotOurs("is not a time like 2026-11-23T12:00:00.123Z")
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise NotOurs("is not a time that exists") from None
    return value


def schema(value: Any) -> int:
    """Return the number of the schema."""
    if isinstance(value, bool) or value != SCHEMA:
        raise NotOurs(f"is {repr(value)[:20]}, and only {SCHEMA} is known here")
    return SCHEMA


def one_of(*words: str) -> Check:
    """Return the check of one of these words."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or value not in words:
            raise NotOurs(f"is not one of {', '.join(words)}")
        return value

    return check


def or_null(check: Check) -> Check:
    """Return a check that lets null pass."""
    return lambda value: None if value is None else check(value)


def each(check: Check = lambda value: value) -> Check:
    """Return the check of a list."""

    def checked(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise NotOurs("is not a list")
        if len(value) > MOST_ENTRIES:
            raise NotOurs(f"has more than {MOST_ENTRIES} entries")
        return [check(one) for one in value]

    return checked
