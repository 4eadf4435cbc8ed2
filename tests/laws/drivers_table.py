"""The table in drivers/README.md, made from the drivers and measured on their fakes. Writes it when run as a module."""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
from pathlib import Path

import drivers
from drivers import catalog

from .bench import I2C_DRIVERS, bench

README = Path(drivers.__file__).with_name("README.md")
BEGIN, END = "<!-- table: made by `python -m tests.laws.drivers_table` -->\n", "<!-- end of the table -->"
HEADS = ("driver", "bus", "quantities", "transfers", "ms", "what is checked")
BITS_PER_SECOND = 100_000
CHECKS = {  # what the source shows -> what it means
    "WrongChip(": "identity",
    "crc.words(": "checksum",
    "crc.crc8(": "checksum",
    "crc.agreed(": "read twice",
    "ChecksumError(": "checksum",
    "LostPower(": "power",
    "NotReady(": "ready",
    "InvalidReading(": "values",
    "NoAcknowledge(": "absence",
    "NoEcho(": "echo",
}


def table() -> str:
    """Return the table in Markdown."""
    rows = [HEADS, tuple("---" for _ in HEADS), *(row(name) for name in catalog._MODULES)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def row(name: str) -> tuple[str, ...]:
    """Return the cells of one driver."""
    driver = catalog.find(name)
    names = ", ".join(f"{quantity.name} {quantity.unit}".strip() for quantity in driver.quantities)
    transfers, milliseconds = measured(name) if name in I2C_DRIVERS else ("", "")
    bus = " ".join(spans(driver.addresses)) or getattr(driver, "bus_name", name)
    return name, bus, names or "what the device has", transfers, milliseconds, ", ".join(checks(driver))


def spans(addresses: tuple[int, ...]) -> list[str]:
    """Return addresses for people: `0x40..0x4f`, or each of a few."""
    if len(addresses) > 3:
        return [f"0x{addresses[0]:02x}..0x{addresses[-1]:02x}"]
    return [f"0x{address:02x}" for address in addresses]


def measured(name: str) -> tuple[str, str]:
    """Return transfers and milliseconds of a reading after the first one."""
    with bench(name) as one:
        for _ in range(2):
            assert one.outcome() == "truth"
            one.settle()
        before, began = len(one.bus.seen), one.time.now
        one.driver.read()
        transfers = one.bus.seen[before:]
        bits = sum(sum(9 * (1 + length) + 1 for _, length in transfer) + 1 for transfer in transfers)
        milliseconds = (one.time.now - began + bits / BITS_PER_SECOND) * 1000
        return str(len(transfers)), f"{milliseconds:.{0 if milliseconds >= 10 else 1}f}"


def checks(driver: type) -> list[str]:
    """Return what a driver's source, and that of what it is made of, looks at."""
    text = sources(driver)
    return list(dict.fromkeys(what for sign, what in CHECKS.items() if sign in text))


@functools.cache
def sources(driver: type) -> str:
    """Return the source of a driver's classes, and of the modules of its room that it imports."""
    modules = {cls.__module__ for cls in driver.__mro__ if cls.__module__.count(".") == 2}
    texts = [inspect.getsource(importlib.import_module(module)) for module in sorted(modules)]
    helpers = itertools.chain.from_iterable(vars(importlib.import_module(module)).values() for module in modules)
    near = {one.__module__ for one in helpers if inspect.isfunction(one) and one.__module__.startswith("drivers.chips")}
    return "".join([*texts, *(inspect.getsource(importlib.import_module(module)) for module in sorted(near - modules))])


def written(text: str) -> str:
    """Return the README with a fresh table."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
