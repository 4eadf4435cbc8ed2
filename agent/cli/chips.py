"""`limpet chips`: the drivers, with what they need and what they measure."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from drivers import catalog

from .commands import print_json, print_table, takes_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_json(parser)
    parser.epilog = "example:\n  limpet chips --json"


def main(args: argparse.Namespace) -> int:
    """Print all drivers; return 1 if one cannot be loaded."""
    found, broken = [], []
    for name in catalog.names():
        try:
            found.append(_described(name, catalog.find(name)))
        except (ImportError, AttributeError) as error:
            broken.append(f"{name} cannot be loaded: {error}")
    if args.json:
        print_json(found)
    else:
        print_table([("NAME", "BUS", "ADDRESSES", "QUANTITIES"), *(_row(one) for one in found)])
    for line in broken:
        print(line, file=sys.stderr)
    return 1 if broken else 0


def _described(name: str, driver: Any) -> dict[str, Any]:
    fields = ("name", "unit", "kind")
    return {
        "name": name,
        "bus": _bus(driver),
        "addresses": list(driver.addresses),
        "quantities": [{one: getattr(quantity, one) for one in fields} for quantity in driver.quantities],
    }


def _bus(driver: Any) -> str:
    if driver.addresses:
        return "i2c"
    return str(getattr(driver, "bus_name", driver.name))


def _row(one: dict[str, Any]) -> tuple[str, str, str, str]:
    addresses = [f"0x{address:02x}" for address in one["addresses"]]
    if len(addresses) > 4:
        addresses = [f"{addresses[0]}..{addresses[-1]}"]
    names = [f"{each['name']} {each['unit']}".strip() for each in one["quantities"]]
    return one["name"], one["bus"], " ".join(addresses), ", ".join(names) or "what the device has"
