"""Compound values in the configuration: tables, lists, pairs; and the fields that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, field, fields
from typing import Any

from .characters import PLAIN, odd
from .kinds import FINITE, Kind, named, number
from .mistakes import Wrong


def key(kind: Kind, default: Any = MISSING, *, factory: Any = MISSING, name: str | None = None) -> Any:
    """Return a dataclass field that is read as `kind`; `name` is its TOML key where that differs."""
    return field(default=default, default_factory=factory, metadata={"kind": kind, "name": name})


def keys(table: Any) -> Iterator[tuple[str, Field[Any], Kind]]:
    """Yield TOML key, field and kind of each key that a table may have."""
    for one in fields(table):
        if kind := one.metadata.get("kind"):
            yield one.metadata["name"] or one.name, one, kind


def required(one: Field[Any]) -> bool:
    """Return whether a field must be written."""
    return one.default is MISSING and one.default_factory is MISSING


class Table:
    """A table, read as the dataclass `into`."""

    def __init__(self, into: type[Any]) -> None:
        self.into = into

    def read(self, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise Wrong(f"{named(raw)} where a table belongs", "write it as a table: key = value pairs in { } or [ ]")
        return raw

    def schema(self) -> dict[str, Any]:
        texts = described(self.into)
        properties: dict[str, Any] = {}
        for name, one, kind in keys(self.into):
            properties[name] = kind.schema()
            if one.name in texts:
                properties[name]["description"] = texts[one.name]
            if isinstance(one.default, bool | int | float | str):
                properties[name]["default"] = one.default
        must = [name for name, one, _ in keys(self.into) if required(one)]
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**schema, "required": must} if must else schema


class Tables:
    """An array of tables, read as a tuple of `into`."""

    def __init__(self, into: type[Any]) -> None:
        self.into = into

    def read(self, raw: Any) -> list[dict[str, Any]]:
        if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
            raise Wrong(f"{named(raw)} where tables belong", "write each as a table of its own, in [[ ]]")
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": Table(self.into).schema()}


class ValuesOf:
    """A table of free names whose values are all of one kind. Read as a dict."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def read(self, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise Wrong(f"{named(raw)} where a table belongs", "write { QUANTITY = … }, such as { temperature = … }")
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.kind.schema()}


class Several:
    """A list of one kind. Read as a tuple.

    Args:
        unique: the schema says that each is there once; the reader of the list reports it.
    """

    def __init__(self, kind: Kind, *, unique: bool = False) -> None:
        self.kind, self.unique = kind, unique

    def read(self, raw: Any) -> list[Any]:
        if not isinstance(raw, list):
            raise Wrong(f"{named(raw)} where a list belongs", "write it in brackets, even a single one")
        return raw

    def schema(self) -> dict[str, Any]:
        unique = {"uniqueItems": True} if self.unique else {}
        return {"type": "array", "items": self.kind.schema(), **unique}


class Anything:
    """A table that the driver checks."""

    def read(self, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise Wrong(f"{named(raw)} where a table belongs", "write { name = value }")
        return dict(raw)

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}


class Span:
    """`[low, high]`, read as (low, high)."""

    def read(self, raw: Any) -> tuple[float, float]:
        fix = "write [low, high], such as [-20, 60]"
        if not isinstance(raw, list) or len(raw) != 2:
            raise Wrong("is not two numbers" if isinstance(raw, list) else f"{named(raw)} where two belong", fix)
        low, high = (float(number(one, fix)) for one in raw)
        if not low < high:
            raise Wrong(f"low ({low:g}) must be less than high ({high:g})", fix)
        return low, high

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": FINITE, "minItems": 2, "maxItems": 2}


class Listen:
    """`host:port`, read as (host, port). IPv6 stands in brackets."""

    def read(self, raw: Any) -> tuple[str, int]:
        fix = 'write host and port: "127.0.0.1:8080", "[::1]:8080"'
        if not isinstance(raw, str):
            raise Wrong(f"{named(raw)} where host:port belongs", fix)
        if found := odd(raw):
            raise Wrong(f"{raw!r} has {found[0]} in it", found[1])
        host, _, port = raw.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if (
            not re.fullmatch(r"[^\s/\x00-\x1f\x7f]+", bare)
            or (":" in host and bare == host)
            or not (port.isascii() and port.isdigit())
        ):
            raise Wrong(f"{raw!r} is not host:port", fix)
        if not 1 <= int(port) <= 65535:
            raise Wrong(f"{port} is no port", "write a port, 1..65535")
        return bare, int(port)

    def schema(self) -> dict[str, Any]:
        port = "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
        return {
            "type": "string",
            "pattern": rf"^{PLAIN}(?:\[[^\]\s/\x00-\x1f\x7f]+\]|(?!\[\]:)[^:\s/\x00-\x1f\x7f]+):0*{port}$",
        }


def described(table: type[Any]) -> dict[str, str]:
    """Return {field: description} from the `Attributes:` of a docstring."""
    _, _, attributes = (table.__doc__ or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    for line in attributes.strip().splitlines():
        name, colon, text = line.strip().partition(": ")
        if colon and name.isidentifier():
            found[name] = text
    return found
