"""The table in drivers/README.md, made from the drivers and measured on their fakes. Writes it when run as a module."""

from __future__ import annotations

from pathlib import Path

import drivers
from drivers import catalog
from drivers.conformance.bench import I2C_DRIVERS, bench
from drivers.conformance.observed import observed

README = Path(drivers.__file__).with_name("README.md")
BEGIN, END = "<!-- table: made by `python -m tests.laws.drivers_table` -->\n", "<!-- end of the table -->"
HEADS = ("driver", "bus", "quantities", "transfers", "ms", "what is checked")
BITS_PER_SECOND = 100_000


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
    return name, bus, names or "what the device has", transfers, milliseconds, ", ".join(observed(name))


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


def written(text: str) -> str:
    """Return the README with a fresh table."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
