"""TCA9548A multiplexers: one channel as a bus of its own, and how to recognise one."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from smbus2 import i2c_msg

from ..errors import NoAcknowledge, PermanentError, TransientError
from .i2c import Bus, I2cDevice, bus_name, named

ADDRESSES = range(0x70, 0x78)
CHANNELS = range(8)
# Adapters differ in the errno for a missing acknowledge.
NO_ANSWER = (121, 6)


class _Trunk:
    """What the multiplexers of one bus share.

    Attributes:
        lock: held for a whole transfer.
        known: addresses of the multiplexers in use.
        left_open: those that may be open, because a program was killed or closing failed.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: set[int] = set()
        self.left_open: set[int] = set()


_trunks: WeakKeyDictionary[Bus, _Trunk] = WeakKeyDictionary()
_trunks_lock = threading.Lock()


class Mux:
    """One channel as a bus: selects the channel, transfers, deselects it.

    These are three transfers, since a channel is connected only after the stop condition, and a Pi 5 refuses a transfer
    with two addresses. Before the first selection on a bus its other multiplexers are closed: chips behind one that
    another program left open would answer, too. Threads that share the bus through `Mux` objects take turns; a call of
    `i2c_rdwr` is one turn.

    Args:
        bus: what the multiplexer is on; the same object for all its channels and all multiplexers of this bus.
        address: of the multiplexer, 0x70 to 0x77.
        channel: 0 to 7.
    """

    def __init__(self, bus: Bus, address: int = 0x70, channel: int = 0) -> None:
        if address not in ADDRESSES:
            raise ValueError(f"0x{address:02x} is no address of a TCA9548A; it has one of 0x70..0x77")
        if channel not in CHANNELS:
            raise ValueError(f"{channel} is no channel of a TCA9548A; it has 0..7")
        self.bus, self.address, self.channel = bus, address, channel
        with _trunks_lock:
            self._trunk = _trunks.setdefault(bus, _Trunk())
            is_new = address not in self._trunk.known
            self._trunk.known.add(address)
        if is_new:
            self._trunk.left_open.add(address)
            # A chip on the bus itself must not be read while one at the same address answers through an open channel.
            getattr(bus, "on_open", []).append(self._close_at_first)

    def __repr__(self) -> str:
        return f"<Mux 0x{self.address:02x} channel {self.channel}>"

    @property
    def fd(self) -> int | None:
        """The descriptor of the bus below, if it has one."""
        return getattr(self.bus, "fd", None)

    @property
    def name(self) -> str | None:
        """The name of the bus below, if it has one."""
        return getattr(self.bus, "name", None)

    def i2c_rdwr(self, *messages: i2c_msg) -> None:
        """Transfer with a chip behind this channel, as smbus2 does.

        Raises:
            NoAcknowledge: the multiplexer does not answer; the message names it.
            TransientError, PermanentError: selecting the channel failed in another way.
            OSError: of the transfer itself, as smbus2.
        """
        with self._trunk.lock:
            for other in self._trunk.left_open - {self.address}:
                self._close(other)
            self._select()
            try:
                self.bus.i2c_rdwr(*messages)
            finally:
                self._close(self.address)

    def _select(self) -> None:
        # Noted first: if selecting fails, the chip may still have taken the byte.
        self._trunk.left_open.add(self.address)
        try:
            self.bus.i2c_rdwr(i2c_msg.write(self.address, [1 << self.channel]))
        except TransientError:
            raise
        except OSError as error:
            where = bus_name(self.bus)
            if error.errno in NO_ANSWER:
                message = "does not answer; check its power, wiring and address with `limpet scan`"
                raise NoAcknowledge(
                    f"{where}: the multiplexer 0x{self.address:02x} {message}", errno=error.errno
                ) from error
            raise named(error, where, self.address, f"the multiplexer, channel {self.channel}") from error

    def _close_at_first(self) -> None:
        self._close(self.address)

    def _close(self, address: int) -> None:
        """Disconnect all channels. After a failure the transfer counts; closing is tried again before the next."""
        try:
            self.bus.i2c_rdwr(i2c_msg.write(address, [0]))
        except (OSError, PermanentError):
            self._trunk.left_open.add(address)
        else:
            self._trunk.left_open.discard(address)


def multiplexer(device: I2cDevice) -> bytes | None:
    """Disconnect a TCA9548A and return its previous register; None for any other chip.

    It is recognised by its only register, which keeps any value that is written.
    """
    try:
        before = device.read(1)
        for trial in (b"\x00", b"\x01", b"\x02", b"\x00"):
            device.write(trial)
            if device.read(1) != trial:
                return None
    except NoAcknowledge:
        return None
    return before
