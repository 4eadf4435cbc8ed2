"""All about one driver: options, what it checks, how it is wired, and a block for the configuration."""

from __future__ import annotations

import json
import math
import textwrap
from typing import Any

from drivers import catalog, conformance, wiring

from .commands import print_table

# What stands in the block where a sensor must be told something: one of the ways to wire it.
EXAMPLES: dict[str, Any] = {
    "pin": 17,
    "trigger": 23,
    "echo": 24,
    "channel": 0,
    "port": "/dev/serial0",
    "device": "…",
    "of": ["left", "right"],
}
# Before a vote: the sensors that it asks.
MEMBERS = "".join(
    f'[[sensor]]\nid = "{name}"\ndriver = "sht4x"\naddress = 0x{address:02x}\n\n'
    for name, address in (("left", 0x44), ("right", 0x45))
)
OWN_KEYS = ("pin", "device", "altitude", "port")


def more(name: str, driver: Any) -> dict[str, Any]:
    """Return what is told of one driver, beside what is told of all."""
    options = catalog.options(driver).values()
    return {
        "about": (driver.__doc__ or "").partition("\n")[0],
        "ranges": {one.name: [one.low, one.high] for one in driver.quantities if math.isfinite(one.high - one.low)},
        "accuracy": {one.name: one.accuracy for one in driver.quantities if one.accuracy is not None},
        "options": [
            {
                "name": one.name,
                "default": one.default,
                "needed": one.needed,
                "allowed": str(one.allowed),
                "text": one.text,
            }
            for one in options
            if one.name != "root"
        ],
        "checked": _checked(name),
        "wiring": list(wiring.hint(name, driver)),
        "configuration": block(name, driver),
    }


def _checked(name: str) -> list[str] | None:
    """Return what a driver was seen to check when its fake failed; None where it has no fake."""
    try:
        return conformance.observed(name)
    except LookupError:
        return None


def block(name: str, driver: Any) -> str:
    """Return a table for the configuration that `limpet check` accepts; what need not be written is a comment."""
    lines = ["[[sensor]]", f'id = "{name}"', f'driver = "{name}"']
    if driver.addresses:
        others = ", ".join(f"0x{one:02x}" for one in driver.addresses[1:])
        lines.append(f"address = 0x{driver.addresses[0]:02x}" + (f"  # or {others}" if others else ""))
    options = catalog.options(driver)
    lines += [f"{one} = {json.dumps(EXAMPLES[one])}" for one in OWN_KEYS if one in options and options[one].needed]
    inside = {
        one.name: EXAMPLES.get(one.name, 1) for one in options.values() if one.needed and one.name not in OWN_KEYS
    }
    if inside:
        lines.append(f"options = {{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in inside.items())} }}")
    return (MEMBERS if name == "vote" else "") + "\n".join(lines) + "\n"


def show(one: dict[str, Any]) -> None:
    """Print it for people."""
    addresses = " ".join(f"0x{address:02x}" for address in one["addresses"])
    print(f"{one['name']}: {one['about']}\n{one['bus']} {addresses}".rstrip())
    if one["quantities"]:
        print()
        print_table([("QUANTITY", "UNIT", "RANGE", "ACCURACY"), *(_quantity(each, one) for each in one["quantities"])])
    if one["options"]:
        print("\noptions:", *(line for option in one["options"] for line in _option(option)), sep="\n")
    if one["checked"]:
        print(f"\nchecked with every reading: {', '.join(one['checked'])}")
    print("\nwiring:", *(f"  {line}" for line in one["wiring"]), "\nfor the configuration:", sep="\n")
    print(textwrap.indent(one["configuration"], "  "), end="")


def _quantity(quantity: dict[str, Any], one: dict[str, Any]) -> tuple[str, str, str, str]:
    name = quantity["name"]
    low, high = one["ranges"].get(name, ("", ""))
    accuracy = one["accuracy"].get(name)
    span = f"{low:g}..{high:g}" if name in one["ranges"] else ""
    return name, quantity["unit"], span, "" if accuracy is None else f"± {accuracy:g}"


def _option(option: dict[str, Any]) -> list[str]:
    default = "needed" if option["needed"] else f"default {_toml(option['default'])}"
    head = f"  {option['name']}" if default == "default null" else f"  {option['name']} ({default})"
    margin = " " * 6
    text = textwrap.wrap(option["text"], 96, initial_indent=margin, subsequent_indent=margin)
    return [f"{head}: {option['allowed']}", *text]


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
