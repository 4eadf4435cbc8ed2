"""`limpet chips`: the drivers, with what they need and what they measure; with a name, all about one of them."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from drivers import UnknownDriver, catalog, wiring

from . import chip_page
from .commands import print_json, print_table, takes_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a driver, or what people call the sensor")
    takes_json(parser)
    parser.epilog = "example:\n  limpet chips\n  limpet chips bme280\n  limpet chips dht22"


def main(args: argparse.Namespace) -> int:
    """Print all drivers, or one; return 1 if it is unknown or cannot be loaded."""
    return _all(args.json) if args.name is None else _one(args.name, args.json)


def _all(as_json: bool) -> int:
    found, broken = [], []
    for name in catalog.names():
        try:
            found.append(_described(name, catalog.find(name)))
        except (ImportError, AttributeError) as error:
            broken.append(f"{name} cannot be loaded: {error}")
    if as_json:
        print_json(found)
    else:
        print_table([("NAME", "BUS", "ADDRESSES", "QUANTITIES"), *(_row(one) for one in found)])
    for line in broken:
        print(line, file=sys.stderr)
    return 1 if broken else 0


def _one(asked: str, as_json: bool) -> int:
    try:
        name, driver = _found(asked)
    except (LookupError, ImportError, AttributeError) as error:
        print(error if isinstance(error, LookupError) else f"{asked} cannot be loaded: {error}", file=sys.stderr)
        return 1
    if name != asked:
        print(f"{asked} is read by the driver {name}", file=sys.stderr)
    described = _described(name, driver) | chip_page.more(name, driver)
    if as_json:
        print_json(described)
    else:
        chip_page.show(described)
    return 0


def _found(asked: str) -> tuple[str, Any]:
    """Return a driver by its name, or by the one that people use where it means exactly one.

    Raises:
        UnknownDriver: with the nearest names.
    """
    try:
        return asked, catalog.find(asked)
    except UnknownDriver:
        name = catalog.known_as(asked)
        if name is None:
            raise
        return name, catalog.find(name)


def _described(name: str, driver: Any) -> dict[str, Any]:
    fields = ("name", "unit", "kind")
    return {
        "name": name,
        "bus": wiring.bus(driver),
        "addresses": list(driver.addresses),
        "quantities": [{one: getattr(quantity, one) for one in fields} for quantity in driver.quantities],
    }


def _row(one: dict[str, Any]) -> tuple[str, str, str, str]:
    addresses = [f"0x{address:02x}" for address in one["addresses"]]
    if len(addresses) > 4:
        addresses = [f"{addresses[0]}..{addresses[-1]}"]
    names = [f"{each['name']} {each['unit']}".strip() for each in one["quantities"]]
    return one["name"], one["bus"], " ".join(addresses), ", ".join(names) or "what the device has"
