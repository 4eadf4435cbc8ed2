"""`limpet scan`: who is on the buses, found without disturbing anybody."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent import config
from agent.config.bus_load import bus_of
from drivers import catalog
from drivers.bus.i2c import adapter_name, adapters, open_bus
from drivers.bus.serial import ports
from drivers.bus.spi import selects
from drivers.kernel.listing import Listed, listing
from drivers.scan import BusScan, Found, run

from . import config_writer
from .commands import print_json, print_table, takes_config, takes_json

NO_BUS = """\
no I2C bus on this machine; on a Raspberry Pi:
  sudo raspi-config nonint do_i2c 0    enables it (dtparam=i2c_arm=on in /boot/firmware/config.txt), then reboot
  lsmod | grep i2c_dev                 shows whether /dev/i2c-* can appear; else: sudo modprobe i2c-dev
on a desktop: limpet scan --simulate"""

# Seconds: the simulated chips were switched on a while ago, as real ones were. Some take 2 s until they answer.
SINCE_POWER = 60.0
# What a scan cannot find: SPI has no addresses, and not every sensor on a UART talks unasked.
UNKNOWABLE = "what is on it cannot be found out; `limpet chips` lists the sensors for it"

A_BENCH = """
[mqtt]
host = "localhost"
[[sensor]]
id = "air"
driver = "bme280"
[[sensor]]
id = "outside"
driver = "sht4x"
[[sensor]]
id = "voltages"
driver = "ads1115"
[[sensor]]
id = "light"
driver = "bh1750"
[[sensor]]
id = "tank"
driver = "tmp117"
address = 0x49
mux = { address = 0x70, channel = 2 }
[[sensor]]
id = "boiler"
driver = "ds18b20"
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument("--bus", type=int, metavar="N", help="only /dev/i2c-N")
    parser.add_argument(
        "--simulate", action="store_true", help="scan the simulated buses of the configuration, or of a small bench"
    )
    parser.add_argument("--toml", action="store_true", help="print a configuration with what was found")
    parser.epilog = (
        "example:\n  limpet scan\n  limpet scan --toml > limpet.toml\n\n"
        "Nothing is written that could change an unknown chip. Stop the service first where chips are behind\n"
        "multiplexers: two programs that switch one disturb each other."
    )


def main(args: argparse.Namespace) -> int:
    """Scan and print; return 1 if there is no bus, or one could not be scanned."""
    if args.simulate:
        scans, listed, close = _simulated(args)
    else:
        scans, listed = this_machine(args.bus)
        close = _nothing
    try:
        look(scans)
    finally:
        close()
    unknowable = _simulated_places(args) if args.simulate else [*selects(), *ports()]
    _show(args, scans, listed, [] if args.bus is not None else unknowable)
    for scan in scans:
        if scan.error:
            print(scan.error, file=sys.stderr)
    is_enough = bool(scans or (args.simulate and unknowable))
    if not is_enough:
        print(NO_BUS, file=sys.stderr)
    return 0 if is_enough and not any(scan.error for scan in scans) else 1


def this_machine(bus: int | None = None) -> tuple[list[BusScan], list[Listed]]:
    """Return scans to be made, of one bus or of all, and what the kernel shows."""
    numbers = list(adapters()) if bus is None else [bus]
    return [BusScan(number, _opener(number)) for number in numbers], list(listing())


def look(scans: Sequence[BusScan]) -> None:
    """Make the scans, and put in order what was found."""
    run(scans)
    for scan in scans:
        scan.found.sort(key=lambda one: (one.mux or (0, 0), one.address))


def _nothing() -> None:
    """Close what needs no closing."""


def _opener(number: int) -> Any:
    return lambda: open_bus(number)


def _simulated(args: argparse.Namespace) -> tuple[list[BusScan], list[Listed], Any]:
    """Return scans of the simulated buses, what the simulated kernel shows, and what ends the simulation."""
    return _scans(_settings(args.config), args.bus)


def bench() -> tuple[list[BusScan], list[Listed], Any]:
    """Return the same of a small bench."""
    return _scans(_bench(), None)


def _scans(settings: config.Config, only: int | None) -> tuple[list[BusScan], list[Listed], Any]:
    from agent.simulation.machine import SimulatedMachine

    ahead = 0.0
    machine = SimulatedMachine(settings, clock=lambda: time.monotonic() + ahead)
    ahead = SINCE_POWER
    scans = [
        BusScan(number, _shared(bus))
        for number, bus in ((_number(name), bus) for name, bus in sorted(machine.buses.items()))
        if only in (None, number)
    ]
    roots = {wiring["root"] for one in machine.devices.values() if "root" in (wiring := _wiring(one))}
    return scans, [one for root in sorted(roots) for one in listing(root)], machine.close


def _simulated_places(args: argparse.Namespace) -> list[str]:
    """Return the chip selects and serial ports of the configuration."""
    names = (bus_of(sensor) for sensor in _settings(args.config).sensors)
    return [name for name in dict.fromkeys(names) if name.startswith(("spi", "/"))]


def _number(name: str) -> int | str:
    number = name.removeprefix("i2c-")
    return int(number) if number.isdigit() else name


def _settings(explicit: str | None) -> config.Config:
    try:
        file = config.find(explicit)
    except config.ConfigError:
        if explicit:
            raise
        return _bench()
    return config.load(file)


def _bench() -> config.Config:
    settings, _ = config.parse(A_BENCH)
    assert settings is not None
    return settings


def _wiring(part: Any) -> dict[str, Any]:
    return getattr(getattr(part, "fake", None), "wiring", {})


def _shared(bus: Any) -> Any:
    return lambda: bus


def _show(
    args: argparse.Namespace, scans: Sequence[BusScan], listed: Sequence[Listed], unknowable: Sequence[str]
) -> None:
    found = [one for scan in scans for one in scan.found]
    if args.json:
        document = _document(args, scans, listed)
        print_json({**document, "unknowable": [{"place": one, "note": UNKNOWABLE} for one in unknowable]})
    elif args.toml:
        print(config_writer.draft(found, listed), end="")
    else:
        if found or listed:
            print_table([("WHERE", "ADDRESS", "BEHIND", "WHAT"), *map(row, found), *map(kernel_row, listed)])
        for place in unknowable:
            print(f"{place}: {UNKNOWABLE}", file=sys.stderr)
        for scan in scans:
            if not scan.found and not scan.error:
                hint = "check power and wiring" if not args.simulate else "the configuration has no chip on it"
                print(f"{scan.name}{_named(args, scan)}: no device answers; {hint}", file=sys.stderr)


def _named(args: argparse.Namespace, scan: BusScan) -> str:
    name = "" if args.simulate else adapter_name(scan.number)
    return f" ({name})" if name else ""


def _called(bus: int | str) -> str:
    return f"i2c-{bus}" if isinstance(bus, int) else bus


def row(one: Found) -> tuple[str, ...]:
    """Return bus, address, multiplexer and name of a device, as a row of the table."""
    behind = f"0x{one.mux[0]:02x} channel {one.mux[1]}" if one.mux else ""
    return _called(one.bus), f"0x{one.address:02x}", behind, _what(one)


def _what(one: Found) -> str:
    what = config_writer.explained(one)
    if one.driver is None:
        return what
    names = [f"{quantity.name} {quantity.unit}".strip() for quantity in catalog.open_chip(one.driver).quantities]
    return f"{what}: {', '.join(names)}"


def kernel_row(one: Listed) -> tuple[str, ...]:
    """Return the row of a sensor that the kernel owns."""
    return one.driver, one.device, "", ", ".join(one.quantities) or one.note


def _document(args: argparse.Namespace, scans: Sequence[BusScan], listed: Sequence[Listed]) -> dict[str, Any]:
    return {
        "buses": [
            {
                "bus": scan.number,
                "name": scan.name,
                "adapter": "simulated" if args.simulate else adapter_name(scan.number),
                "error": scan.error,
                "devices": [_device(one) for one in scan.found],
            }
            for scan in scans
        ],
        "kernel": [asdict(one) for one in listed],
    }


def _device(one: Found) -> dict[str, Any]:
    mux = None if one.mux is None else {"address": one.mux[0], "channel": one.mux[1]}
    return {**asdict(one), "mux": mux, "hex": f"0x{one.address:02x}"}
