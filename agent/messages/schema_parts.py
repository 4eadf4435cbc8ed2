"""What the JSON Schemas of all documents are made of."""

from __future__ import annotations

from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
NAME: Schema = {"type": "string", "minLength": 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
SECONDS: Schema = {"type": "number", "minimum": 0}
TIME: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
    "description": "RFC 3339, UTC, with milliseconds",
}
BREAKER_STATE: Schema = {"enum": ["closed", "open", "half_open"]}
SIMULATED: Schema = {"const": True, "description": "the sensors were simulated: nothing here was measured"}
USABLE = ("ok", "stale", "suspect", "substituted")
STATUSES = [*USABLE, "partial", "beyond_range", "unavailable"]


def or_null(schema: Schema) -> Schema:
    """Return a schema that takes null as well."""
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema, **more: Any) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}


def closed(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object that has these properties and no others."""
    return {**open_ended(properties, optional), "additionalProperties": False}


def open_ended(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object to which later versions may add."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def titled(title: str, schema: Schema) -> Schema:
    """Return a schema as a document of its own."""
    return {"$schema": DRAFT, "title": title, **schema}
