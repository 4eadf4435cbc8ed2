"""Checks of what is on SPI and on serial ports: each place has one chip, and what reads it is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from .bus_load import bus_of
from .mistakes import Report, Where
from .wiring import Fitted

# BCM numbers that an SPI port needs: MOSI, MISO, clock; and of its chip selects.
SPI_PINS = {"spi0": (10, 9, 11), "spi1": (20, 19, 21)}
# A third one of port 0 is wherever an overlay of one's own puts it.
SELECT_PINS = {"spi0.0": 8, "spi0.1": 7, "spi1.0": 18, "spi1.1": 17, "spi1.2": 16}
# Pins 8 and 10 of the header.
HEADER_UART, HEADER_UART_PINS = ("/dev/serial0", "/dev/ttyAMA0", "/dev/ttyS0"), (14, 15)
# One chip that several sensors may read, each an input of its own.
OF_SEVERAL_INPUTS = ("mcp3008", "mcp3208")


def check_ports(fitted: Sequence[Fitted], report: Report) -> None:
    """Report two sensors in one place, pins that a port needs, and a missing pyserial. Needs known drivers."""
    _one_sensor_each(fitted, report)
    _pins(fitted, report)
    serial = [one for one in fitted if one.sensor.port is not None]
    if serial and find_spec("serial") is None:
        what = "serial ports cannot be read: pyserial is not installed for this Python"
        fix = f"sudo sh deploy/install.sh; or {sys.executable} -m pip install pyserial"
        report.warning((*serial[0].where, "port"), what, fix)


def _places(fitted: Sequence[Fitted]) -> Iterator[tuple[Fitted, str, Where]]:
    """Yield each sensor on SPI or a UART with its place, whatever that is called, and its key."""
    for one in fitted:
        if one.sensor.port is not None:
            yield one, os.path.realpath(one.sensor.port), (*one.where, "port")
        elif (bus := bus_of(one.sensor)).startswith("spi"):
            yield one, bus, (*one.where, "options")


def _one_sensor_each(fitted: Sequence[Fitted], report: Report) -> None:
    taken: dict[str, Fitted] = {}
    for one, place, where in _places(fitted):
        other = taken.setdefault(place, one)
        if other is one:
            continue
        if one.sensor.driver == other.sensor.driver and one.sensor.driver in OF_SEVERAL_INPUTS:
            continue
        called = one.sensor.port or place
        fix = "give each a port of its own" if one.sensor.port else "write options = { select = 1 } for one of them"
        report.mistake(where, f'{called} is where "{other.sensor.id}" is', fix)


def _pins(fitted: Sequence[Fitted], report: Report) -> None:
    """Report sensors on pins that a configured SPI port takes; warn of those that a UART needs."""
    taken: dict[int, str] = {}
    needed: dict[int, str] = {}
    for one, place, _ in _places(fitted):
        if port := SPI_PINS.get(place.partition(".")[0]):
            taken |= dict.fromkeys(port, place)
            if place in SELECT_PINS:
                taken[SELECT_PINS[place]] = place
        elif one.sensor.port in HEADER_UART:
            needed |= dict.fromkeys(HEADER_UART_PINS, one.sensor.port)
    for one in fitted:
        for pin, _, where in one.pins():
            if pin in taken:
                report.mistake(where, f"pin {pin} is taken by {taken[pin]}", "use another pin")
            elif pin in needed:
                what = f"GPIO{pin} is a wire of {needed[pin]}, which has a sensor on it"
                report.warning(where, what, "use another pin")
