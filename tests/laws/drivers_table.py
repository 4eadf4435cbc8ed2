"""The table in drivers/README.md, made from the drivers and measured on their fakes. Writes it when run as a module."""

from __future__ import annotations

import json
from pathlib import Path

import drivers
from drivers import catalog
from drivers.conformance.bench import I2C_DRIVERS, bench
from drivers.conformance.observed import observed

README = Path(drivers.__file__).with_name("README.md")
BEGIN, END = "<!-- table: made by `python -m tests.laws.drivers_table` -->\n", "<!-- end of the table -->"
OPTIONS = "<!-- options: made by `python -m tests.laws.drivers_table` -->\n"
OPTIONS_END = "<!-- end of the options -->"
FOR_TESTS = ("root",)
HEADS = ("driver", "bus", "quantities", "transfers", "ms", "what is checked")
BITS_PER_SECOND = 100_000


def table() -> str:
    """Return the table in Markdown."""
    rows = [HEADS, tuple("---" for _ in HEADS), *(row(name) for name in catalog.ours())]
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


def options() -> str:
    """Return the table of all options in Markdown; drivers whose options are the same share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for name in catalog.ours():
        for one in catalog.options(catalog.find(name)).values():
            if one.name in FOR_TESTS:
                continue
            default = "needed" if one.needed else "" if one.default is None else f"`{shown(one.default)}`"
            rows.setdefault((one.name, default, str(one.allowed), one.text), []).append(name)
    lines = [("option", "default", "allowed", "what it is", "of"), ("---",) * 5]
    common = len(I2C_DRIVERS) - 1
    for cells, names in sorted(rows.items()):
        lines.append((*cells, ", ".join(names) if len(names) < common else "every chip on I2C"))
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n" for cells in lines)


def shown(default: object) -> str:
    """Return a default as TOML writes it."""
    return json.dumps(list(default) if isinstance(default, tuple) else default, ensure_ascii=False)


def written(text: str) -> str:
    """Return the README with fresh tables."""
    for begin, end, fresh in ((BEGIN, END, table), (OPTIONS, OPTIONS_END, options)):
        before, rest = text.split(begin)
        text = f"{before}{begin}{fresh()}{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
