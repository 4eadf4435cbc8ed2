"""From TOML's dicts to dataclasses. Mistakes on the way go to the report."""

from __future__ import annotations

from dataclasses import MISSING, Field
from typing import Any, TypeVar

from .characters import odd
from .devices import BreakerConfig, RetryConfig
from .kinds import Kind, people
from .mistakes import Report, Where, Wrong, near
from .shapes import Several, Table, Tables, ValuesOf, keys, required

T = TypeVar("T")

SYNONYMS = {
    "interval": "every", "period": "every", "name": "id", "type": "driver", "chip": "driver", "gpio": "pin",
    "i2c_address": "address", "server": "host", "broker": "host", "user": "username", "root": "topic_root",
}  # fmt: skip
_FAILED: Any = object()


def read_table(into: type[T], raw: dict[str, Any], report: Report, where: Where = (), base: T | None = None) -> T:
    """Return `raw` as `into`; missing keys come from `base`, else from the defaults.

    A wrong value is reported and counts as missing; a missing key without a default is None.
    """
    known = {name for name, _, _ in keys(into)}
    for name in raw:
        if name not in known:
            _unknown(name, sorted(known), report, (*where, name))
    found: dict[str, Any] = {}
    for name, field, kind in keys(into):
        if name not in raw and required(field):
            report.mistake(where, f"{name} is missing", f"add {name} = …")
        inherited = getattr(base, field.name) if base is not None else _default(field)
        value = _value(kind, raw[name], report, (*where, name), inherited) if name in raw else _FAILED
        if value is not _FAILED:
            found[field.name] = value
        elif base is not None or required(field):
            found[field.name] = inherited
    _settle(into, raw, found, report, where)
    return into(**found)


def read_tables(into: type[T], raw: Any, report: Report, where: Where, base: T | None = None) -> tuple[T, ...]:
    """Return an array of tables, each as `read_table` does."""
    try:
        tables = Tables(into).read(raw)
    except Wrong as wrong:
        report.mistake(where, wrong.what, wrong.fix)
        return ()
    return tuple(read_table(into, one, report, (*where, number), base) for number, one in enumerate(tables))


def _value(kind: Kind, raw: Any, report: Report, where: Where, base: Any) -> Any:
    """Return one value, or _FAILED if it is wrong as a whole."""
    try:
        value = kind.read(raw)
    except Wrong as wrong:
        found = odd(raw) if isinstance(raw, str) else None
        what, fix = (f"{raw!r} has {found[0]} in it", found[1]) if found else (wrong.what, wrong.fix)
        report.mistake((*where, *wrong.inside), what, fix)
        for other in wrong.others:
            report.mistake((*where, *other.inside), other.what, other.fix)
        return _FAILED
    if isinstance(kind, Table):
        return read_table(kind.into, value, report, where, base)
    if isinstance(kind, Tables):
        return read_tables(kind.into, value, report, where)
    if isinstance(kind, ValuesOf):
        entries = {name: _value(kind.kind, one, report, (*where, name), None) for name, one in value.items()}
        return {name: one for name, one in entries.items() if one is not _FAILED}
    if isinstance(kind, Several):
        items = [_value(kind.kind, one, report, (*where, n), None) for n, one in enumerate(value)]
        return tuple(one for one in items if one is not _FAILED)
    return value


def _unknown(name: str, known: list[str], report: Report, where: Where) -> None:
    if found := odd(name):
        fix = f"it has {found[0]} in it: {found[1]}"
    elif "password" in name and "password_file" in known:
        fix = "never write a secret here: put it into a file of mode 600 and name that in password_file"
    elif meant := near(name, known) or (SYNONYMS.get(name) if SYNONYMS.get(name) in known else None):
        fix = f"did you mean `{meant}`?"
    else:
        fix = f"remove it; known here: {', '.join(known)}"
    report.mistake(where, "unknown key", fix)


def _settle(into: type[Any], raw: dict[str, Any], found: dict[str, Any], report: Report, where: Where) -> None:
    """Keep the first wait within the longest one: a default adapts; two written values that conflict are a mistake."""
    pair = {BreakerConfig: ("reset_timeout", "max_reset_timeout"), RetryConfig: ("base_delay", "max_delay")}.get(into)
    if pair is None:
        return
    first, longest = pair
    low, high = (
        found.get(field.name, _default(field)) for name in pair for _, field, _ in keys(into) if field.name == name
    )
    if low <= high:
        return
    if first in raw and longest in raw:
        what = f"{people(high)} is less than {first}, {people(low)}"
        report.mistake((*where, longest), what, f'write {longest} = "{people(low)}" or more')
    found[first], found[longest] = (low, low) if first in raw else (high, high)


def _default(field: Field[Any]) -> Any:
    return None if field.default is MISSING else field.default
