"""What the JSON Schema of the configuration says of each driver: its keys, its options and their values."""

from __future__ import annotations

from typing import Any

from drivers import catalog

from .devices import OF_DEVICES, VOTE
from .wiring import own_keys, parameters

Schema = dict[str, Any]


def with_drivers(config: Schema) -> Schema:
    """Return the schema of the configuration so that it knows the drivers that are installed here."""
    sensor = config["properties"]["sensor"]["items"]
    names = catalog.names()
    sensor["properties"]["driver"] |= {"enum": names}
    sensor["allOf"] = [
        {"if": {"properties": {"driver": {"const": name}}, "required": ["driver"]}, "then": rule}
        for name in names
        if (rule := _rule(name))
    ]
    above = {"contains": {"const": "sea_level_pressure"}}
    needs = {"if": {"properties": {"derive": above}, "required": ["derive"]}, "then": {"required": ["altitude"]}}
    sensor["allOf"].append(needs)
    return config


def _rule(name: str) -> Schema:
    """Return what holds for a sensor with this driver; nothing where the driver cannot be loaded."""
    try:
        driver = catalog.find(name)
    except (ImportError, AttributeError):
        return {}
    declared, (known, needed, open_ended) = catalog.options(driver), parameters(driver)
    absent: tuple[str, ...] = () if driver.addresses else ("bus", "address", "mux")
    absent += () if open_ended else tuple(one for one in ("pin", "device") if one not in known)
    absent += OF_DEVICES if name == VOTE else ()
    keys = own_keys(driver)
    absent += () if open_ended or "port" in keys else ("port",)
    own = {one: option.schema() for one, option in declared.items() if one in keys}
    inside = {one: option.schema() for one, option in declared.items() if one not in keys}
    must = [one for one in needed if one in inside]
    options = {"type": "object", "properties": inside, "additionalProperties": open_ended}
    rule = {
        "properties": {
            **dict.fromkeys(absent, False),
            **own,
            "options": {**options, **({"required": must} if must else {})},
        },
        "required": [*(one for one in needed if one in own), *(["options"] if must else [])],
    }
    pairs = [{"not": {"allOf": [_given(one, keys) for one in pair]}} for pair in getattr(driver, "either", ())]
    return {**rule, "allOf": pairs} if pairs else rule


def _given(name: str, keys: tuple[str, ...]) -> Schema:
    """Return the schema of a sensor that has this option; `keys` are those of the table itself."""
    if name in keys:
        return {"required": [name]}
    return {"required": ["options"], "properties": {"options": {"required": [name]}}}
