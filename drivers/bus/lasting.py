"""An I2C bus that opens on first use and again after its adapter was unplugged, and that transfers at little cost."""

from __future__ import annotations

import contextlib
import ctypes
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

import smbus2.smbus2 as below
from smbus2 import SMBus, i2c_msg
from smbus2.smbus2 import I2C_M_RD, I2C_RDWR, i2c_rdwr_ioctl_data

if TYPE_CHECKING:
    from .i2c import Bus

# More than the chips of any bus ask; a driver whose questions never repeat must not fill the memory.
MOST_QUERIES = 512


class Query:
    """A write and the read after it, built once for the kernel. Building takes longer than sending.

    smbus2 builds the arguments of each transfer anew, and a reading takes several transfers.
    """

    __slots__ = ("_answer", "_argument", "_blank", "_messages", "_read", "_write")

    def __init__(self, data: bytes, length: int) -> None:
        self._answer = ctypes.create_string_buffer(length)
        self._blank = bytes(length)
        answer = i2c_msg(addr=0, flags=I2C_M_RD, len=length, buf=self._answer)
        self._messages = [i2c_msg.write(0, data), answer]
        self._argument = i2c_rdwr_ioctl_data.create(*self._messages)  # type: ignore[arg-type]
        self._write, self._read = self._argument.msgs[0], self._argument.msgs[1]

    def ask(self, descriptor: int | None, address: int) -> bytes:
        """Return what the device at `address` answers."""
        self._write.addr = self._read.addr = address
        # An adapter that delivers less than it says must not leave the previous answer.
        self._answer.raw = self._blank
        below.ioctl(descriptor, I2C_RDWR, self._argument)  # type: ignore[attr-defined]
        return self._answer.raw


class LastingBus:
    """A bus that opens on first use, and again after its adapter was unplugged. Belongs to one thread.

    Args:
        name: `i2c-1`, for messages.
        opener: returns an open bus, or raises a named error.

    Attributes:
        on_open: called whenever the bus was opened, before its first transfer; must not raise.
    """

    def __init__(self, name: str, opener: Callable[[], Bus]) -> None:
        self.name, self.opener = name, opener
        self.on_open: list[Callable[[], None]] = []
        self._bus: Bus | None = None
        # Whether the open bus has a descriptor that the kernel answers.
        self._takes_queries = False
        self._queries: dict[tuple[bytes, int], Query] = {}

    @property
    def fd(self) -> int | None:
        """The open descriptor, if there is one."""
        return getattr(self._bus, "fd", None)

    def i2c_rdwr(self, *messages: i2c_msg) -> None:
        """Transfer as smbus2 does; opens the bus if need be.

        Raises:
            AdapterGone, AccessDenied: it cannot be opened. OSError: as smbus2.
        """
        bus = self._bus or self._opened()
        try:
            bus.i2c_rdwr(*messages)
        except OSError as error:
            self._close_if_gone(error)
            raise

    def write_read(self, address: int, data: bytes, length: int) -> bytes:
        """Write, then read after a repeated start; raises as `i2c_rdwr` does."""
        bus = self._bus or self._opened()
        try:
            if self._takes_queries:
                query = self._queries.get((data, length)) or self._query(data, length)
                return query.ask(bus.fd, address)  # type: ignore[attr-defined]
            answer = i2c_msg.read(address, length)
            bus.i2c_rdwr(i2c_msg.write(address, data), answer)
        except OSError as error:
            self._close_if_gone(error)
            raise
        return bytes(answer)

    def _query(self, data: bytes, length: int) -> Query:
        if len(self._queries) >= MOST_QUERIES:
            self._queries.clear()
        query = self._queries[data, length] = Query(data, length)
        return query

    def _opened(self) -> Bus:
        self._bus = bus = self.opener()
        self._takes_queries = isinstance(bus, SMBus)
        for call in self.on_open:
            call()
        return bus

    def _close_if_gone(self, error: OSError) -> None:
        if error.errno in (errno.ENODEV, errno.EBADF, 108):
            self.close()

    def close(self) -> None:
        """Close the bus; the next transfer opens it again."""
        bus, self._bus = self._bus, None
        if bus is not None and hasattr(bus, "close"):
            with contextlib.suppress(OSError):
                bus.close()
