"""I2C buses that cost next to nothing, below the real smbus2: an LM75 at every address, answered from a constant.

The same buses lie below the agent and below the limit, so that what differs is what stands above. When a sensor was
read last is left in a page of memory that the benchmark shares: so a batch's age is known to the microsecond.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from pathlib import Path
from typing import Any

import bus_in_c
import smbus2.smbus2 as below
from smbus2 import SMBus

import drivers.chips.lm75

ADDRESSES = range(0x08, 0x78)
drivers.chips.lm75.FIRST_CONVERSION = 0.0  # these chips have been measuring for long
drivers.chips.lm75.Lm75.addresses = tuple(ADDRESSES)
ETIMEDOUT = 110
WARM = b"\x19\x40"  # 25.25 °C
_wires: dict[int, Wire] = {}


class Page:
    """When each sensor was read last, in seconds of the monotonic clock, in memory that two processes share."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(8 * 128 * 8))
        with file.open("r+b") as opened:
            self.times = memoryview(mmap.mmap(opened.fileno(), 0)).cast("d")

    def read_at(self, place: tuple[int, int]) -> float:
        """Return when the sensor at (bus, address) was read."""
        return float(self.times[place[0] % 8 * 128 + place[1]])


class Wire:
    """One adapter: /dev/i2c-`number` as the kernel would show it.

    Args:
        hertz: speed of the wire; 0: a transfer takes no time.
        hang: (bus, address, seconds) of a sensor whose transfers end after so long, with ETIMEDOUT.
    """

    def __init__(self, number: int, page: Page, hertz: float, hang: tuple[int, int, float] | None) -> None:
        self.times, self.base, self.second_per_byte = page.times, number % 8 * 128, 9 / hertz if hertz else 0.0
        self.hangs = {hang[1]: hang[2]} if hang and hang[0] == number else {}
        self.settings: dict[int, bytes] = {}

    def ioctl(self, request: int, argument: Any) -> int:
        """Answer what /dev/i2c-N answers to whole messages."""
        if request != below.I2C_RDWR:
            return 0
        messages = argument.msgs
        asked = messages[0]
        address, said = asked.addr, asked.buf
        if self.hangs and address in self.hangs:
            time.sleep(self.hangs[address])
            raise OSError(ETIMEDOUT, "Connection timed out")
        if self.second_per_byte:
            time.sleep(self.second_per_byte * sum(1 + messages[i].len for i in range(argument.nmsgs)))
        if argument.nmsgs == 1:
            if asked.len == 2:
                self.settings[address] = said[1]
            return 0
        answer = messages[1].buf
        if said[0] == b"\x00":
            self.times[self.base + address] = time.monotonic()
            answer[0], answer[1] = 0x19, 0x40
        elif said[0] == b"\x01":
            answer[0] = self.settings.get(address, b"\x00")
        else:
            answer[0], answer[1] = 0x50, 0x00
        return 0


def opener(file: str, hertz: float = 0.0, hang: tuple[int, int, float] | None = None) -> Any:
    """Return what opens /dev/i2c-N: a real SMBus whose ioctls end here, or in C where that is preloaded."""
    if "BUS_IN_C_PAGE" in os.environ:
        return _open_in_c
    page = Page(Path(file))
    setattr(below, "ioctl", _ioctl)  # noqa: B010

    def open_bus(number: int, **_: Any) -> SMBus:
        bus = SMBus()
        bus.fd = os.open(os.devnull, os.O_RDWR)
        _wires[bus.fd] = Wire(number, page, hertz, hang)
        return bus

    return open_bus


def _open_in_c(number: int, **_: Any) -> SMBus:
    bus = SMBus()
    bus.fd = os.open(os.devnull, os.O_RDWR)
    fcntl.ioctl(bus.fd, bus_in_c.ATTACH, number)
    return bus


def _ioctl(descriptor: int, request: int, argument: Any = 0) -> int:
    return _wires[descriptor].ioctl(request, argument)


def buses(count: int) -> int:
    """Return on how many buses so many sensors are: four, or as many as have enough addresses."""
    return max(4, -(-count // len(ADDRESSES)))


def places(count: int) -> list[tuple[str, int, int]]:
    """Return (id, bus, address) of so many sensors."""
    wide = buses(count)
    return [(f"s{i}", 1 + i % wide, ADDRESSES[i // wide]) for i in range(count)]
