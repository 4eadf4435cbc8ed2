"""A first configuration, from what a scan found: what is sure is configured, what is not is a comment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from agent.config import SCHEMA_LINE
from agent.config.upgrade import current
from drivers.bus.i2c import stable_bus
from drivers.kernel.listing import Listed
from drivers.scan import Found

LOCAL_BROKER = '[mqtt]\nhost = "localhost"\n'


def head(command: str, mqtt: str) -> str:
    """Return the first lines of a configuration that a command writes: the schema, the version, the broker."""
    return f"""\
{SCHEMA_LINE}
# Written by `{command}`. `limpet check` looks it over, `limpet run` runs it.

config_version = {current()}

{mqtt}"""


def draft(found: Sequence[Found], listed: Iterable[Listed], start: str = "") -> str:
    """Return the text of a configuration that `limpet check` accepts.

    Args:
        start: its first lines; by default those of `limpet scan --toml`, with a broker on this machine.
    """
    ids = Ids()
    tables = [table for one in found if (table := _on_bus(one, ids))]
    tables += [_owned(one, ids) for one in listed if not one.note]
    tables += [_comment(one, ids) for one in found if one.driver is None and not one.multiplexer]
    if not any(line.startswith("[[sensor]]") for table in tables for line in table):
        tables.append(_table(ids.next("host"), "host"))
    start = start or head("limpet scan --toml", LOCAL_BROKER)
    return "\n".join([start, *("\n".join(table) + "\n" for table in tables)])


def quoted(text: str) -> str:
    """Return a text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False)


class Ids:
    """Gives out ids: `bme280`, `bme280-2`, …"""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def next(self, driver: str) -> str:
        """Return the next free id for a driver."""
        name = "".join(c if c.isalnum() or c in "_-" else "-" for c in driver.lower())[:56]
        self._given[name] = number = self._given.get(name, 0) + 1
        return name if number == 1 else f"{name}-{number}"


def _table(name: str, driver: str, *more: str) -> list[str]:
    return ["[[sensor]]", f'id = "{name}"', f'driver = "{driver}"', *more]


def _on_bus(one: Found, ids: Ids) -> list[str]:
    if one.driver is None:
        return []
    return _table(ids.next(one.driver), one.driver, *_wiring(one), *_doubts(one.candidates[1:]))


def _wiring(one: Found) -> Iterator[str]:
    bus = stable_bus(one.bus)
    if bus != 1:
        yield f"bus = {bus}" if isinstance(bus, int) else f'bus = "{bus}"'
    yield f"address = 0x{one.address:02x}"
    if one.mux:
        yield f"mux = {{ address = 0x{one.mux[0]:02x}, channel = {one.mux[1]} }}"


def _doubts(others: Sequence[str]) -> Iterator[str]:
    if others:
        yield f"# or {', '.join(others)}: reading alone cannot tell"


def _owned(one: Listed, ids: Ids) -> list[str]:
    return _table(ids.next(one.driver), one.driver, f"device = {quoted(one.device)}  # {', '.join(one.quantities)}")


def _comment(one: Found, ids: Ids) -> list[str]:
    """Return what cannot be configured unasked: an uncertain chip, or one that must not be touched."""
    if one.candidates:
        guess = _table(ids.next(one.candidates[0]), one.candidates[0], *_wiring(one), *_doubts(one.candidates[1:]))
        return [f"# {place(one)}: reading alone cannot tell who it is; if it is this one, uncomment", *_quoted(guess)]
    return [f"# {place(one)}: {explained(one)}"]


def _quoted(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.startswith("#") else f"# {line}"


def place(one: Found) -> str:
    """Return where a device is, for people."""
    behind = f" behind channel {one.mux[1]} of the multiplexer 0x{one.mux[0]:02x}" if one.mux else ""
    bus = f"i2c-{one.bus}" if isinstance(one.bus, int) else one.bus
    return f"0x{one.address:02x} on {bus}{behind}"


def explained(one: Found) -> str:
    """Return who is there, in a few words."""
    if one.error:
        return one.error
    if one.owner:
        return f'the kernel driver {one.owner} owns it: read it with driver = "iio" or "hwmon"'
    if one.multiplexer:
        return "a multiplexer TCA9548A"
    if one.driver:
        return " or ".join(one.candidates)
    return f"perhaps {' or '.join(one.candidates)}" if one.candidates else "an unknown device"
