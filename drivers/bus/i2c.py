"""I2C over smbus2: whole messages out, whole messages in, and the kernel's errno as a named error."""

from __future__ import annotations

import contextlib
import errno
import fcntl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import smbus2.smbus2 as below
from smbus2 import SMBus, i2c_msg

from ..errors import (
    AccessDenied,
    AdapterGone,
    AddressClaimed,
    BusError,
    BusTimeout,
    ChecksumError,
    NoAcknowledge,
    NotSupported,
    PermanentError,
    TransientError,
)
from .lasting import LastingBus

# linux/i2c-dev.h: claims an address; EBUSY if a kernel driver owns it.
I2C_SLAVE = 0x0703
I2C_TIMEOUT = 0x0702  # linux/i2c-dev.h: in units of 10 ms
# Reserved (NXP UM10204, "Reserved addresses"): no chip answers there.
NO_CHIP = 0x7F
# Seconds; a sensor's transfer takes under 5 ms, the kernel's default of 1 s costs the whole bus.
ADAPTER_TIMEOUT = 0.05


class Bus(Protocol):
    """What a driver needs of a bus, as smbus2.SMBus has it."""

    def i2c_rdwr(self, *messages: i2c_msg) -> None: ...


def open_bus(number: int | str, *, timeout: float = ADAPTER_TIMEOUT) -> SMBus:
    """Open /dev/i2c-`number`, or a path, and lower the adapter's timeout if the adapter allows it.

    Raises:
        AdapterGone: there is no such bus (yet). AccessDenied: this user may not open it.
    """
    try:
        bus = SMBus(number)
    except OSError as error:
        raise named(error, f"i2c-{number}" if isinstance(number, int) else number) from error
    with contextlib.suppress(OSError):
        # Emulated adapters have no timeout to lower.
        fcntl.ioctl(bus.fd or -1, I2C_TIMEOUT, max(1, round(timeout * 100)))
    return bus


class I2cDevice:
    """One address on one bus. It keeps no other state; each method is one transfer."""

    __slots__ = ("_lasting", "address", "bus", "name")

    def __init__(self, bus: Bus, address: int, name: str) -> None:
        self.bus, self.address, self.name = bus, address, name
        self._lasting = bus if isinstance(bus, LastingBus) else None

    def write(self, data: bytes) -> None:
        """Write one message.

        Raises:
            TransientError, PermanentError: as `named` says.
        """
        self._transfer(i2c_msg.write(self.address, data))

    def read(self, length: int) -> bytes:
        """Read one message of `length` bytes."""
        answer = i2c_msg.read(self.address, length)
        self._transfer(answer)
        return bytes(answer)

    def write_read(self, data: bytes, length: int) -> bytes:
        """Write, then read `length` bytes after a repeated start, as one transaction."""
        if self._lasting is not None:
            try:
                return self._lasting.write_read(self.address, data, length)
            except TransientError:
                raise
            except OSError as error:
                raise named(error, bus_name(self.bus), self.address, self.name) from error
        answer = i2c_msg.read(self.address, length)
        self._transfer(i2c_msg.write(self.address, data), answer)
        return bytes(answer)

    def _transfer(self, *messages: i2c_msg) -> None:
        transfer = getattr(self.bus, "i2c_rdwr", None)
        if transfer is None:
            raise PermanentError(f"{self.name}: {self.bus!r} is no bus; write open_chip({self.name!r}, SMBus(1))")
        try:
            transfer(*messages)
        except TransientError:
            raise
        except OSError as error:
            raise named(error, bus_name(self.bus), self.address, self.name) from error

    def acknowledges_everything(self) -> bool:
        """Return whether the bus acknowledges an address that no chip has, because its data line is held low."""
        try:
            I2cDevice(self.bus, NO_CHIP, self.name).read(1)
        except (TransientError, PermanentError, LookupError):
            # A simulated bus may raise LookupError for an unknown address.
            return False
        return True

    def claim(self) -> None:
        """Check that no kernel driver owns the address; `i2c_rdwr` alone would interfere with it.

        Raises:
            AddressClaimed: the message names the kernel driver.
        """
        descriptor = getattr(self.bus, "fd", None)
        if not isinstance(descriptor, int):
            return
        try:
            # Through smbus2's own ioctl, so that a fake kernel below smbus2 sees the call.
            below.ioctl(descriptor, I2C_SLAVE, self.address)  # type: ignore[attr-defined]
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise named(error, bus_name(self.bus), self.address, self.name) from error
        if isinstance(self.bus, SMBus):
            # smbus2 caches the address that it set last, which is no longer the current one.
            self.bus.address = None


def bus_name(bus: object) -> str:
    """Return the name of an open bus such as `i2c-1`; `i2c` if it is unknown."""
    name = getattr(bus, "name", None)
    if isinstance(name, str):
        return name
    descriptor = getattr(bus, "fd", None)
    with contextlib.suppress(OSError, TypeError):
        return Path(f"/proc/self/fd/{descriptor}").readlink().name
    return "i2c"


def named(error: OSError, bus: str, address: int | None = None, chip: str = "") -> TransientError | PermanentError:
    """Return the named error for the kernel's errno: who, where, and what to do."""
    number = error.errno
    where = bus if address is None else f"{bus}: 0x{address:02x}"
    who = f" ({chip})" if chip else ""
    if address is None and number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return AdapterGone(
            f"{where}: no such bus; enable I2C with `sudo raspi-config nonint do_i2c 0` "
            f"(dtparam=i2c_arm=on), or plug the adapter in; the number of a USB adapter may change: write `bus = ` and "
            f"its name, as `limpet scan` shows it",
            errno=number,
        )
    for numbers, kind, text in _MEANINGS:
        if number in numbers:
            message = f"{where}{who}: {text.format(owner=owner(bus, address))}"
            return kind(message, errno=number) if issubclass(kind, TransientError) else kind(message)
    return BusError(f"{where}{who}: {error.strerror or error}", errno=number)


_MEANINGS: tuple[tuple[tuple[int, ...], type[TransientError] | type[PermanentError], str], ...] = (
    ((121, errno.ENXIO), NoAcknowledge, "no acknowledge; check power, wiring and address with `limpet scan`"),
    ((110,), BusTimeout, "the transfer did not end in time; a line is held low or the chip hangs"),
    ((errno.EAGAIN,), BusError, "arbitration was lost; another controller drives the bus"),
    ((errno.EIO,), BusError, "the transfer failed on the wire"),
    ((74,), ChecksumError, "the bytes arrived damaged (PEC); shorten or shield the cable"),
    ((errno.ENODEV, errno.ENOENT, 108, errno.EBADF), AdapterGone, "the adapter is gone; plug it in again"),
    ((errno.EACCES, errno.EPERM), AccessDenied, "no permission; `sudo usermod -aG i2c $USER`, then log in again"),
    ((errno.EBUSY,), AddressClaimed, "the kernel driver {owner} owns this address; read it through driver = \"iio\" or "
     "\"hwmon\", or remove its dtoverlay"),
    ((95, errno.EINVAL), NotSupported, "this adapter cannot do this transfer"),
)  # fmt: skip


def owner(bus: str, address: int | None) -> str:
    """Return the name of the kernel driver that owns an address; `of another device` if it is unknown."""
    with contextlib.suppress(OSError, ValueError):
        node = Path(f"/sys/bus/i2c/devices/{bus.removeprefix('i2c-')}-{address or 0:04x}/driver")
        return node.readlink().name
    return "of another device"


def adapters() -> Iterator[int]:
    """Yield the numbers of the I2C buses of this machine, ascending."""
    yield from sorted(
        int(node.name.removeprefix("i2c-")) for node in Path("/dev").glob("i2c-*") if node.name[4:].isdigit()
    )


def adapter_name(number: int | str) -> str:
    """Return the kernel's name for an adapter; empty if it has none."""
    with contextlib.suppress(OSError):
        return Path(f"/sys/class/i2c-dev/i2c-{number}/name").read_text(encoding="ascii", errors="replace").strip()
    return ""


def find_bus(where: int | str) -> int | str:
    """Return what `open_bus` takes for a bus that is given as number, path, or adapter's name ("i2c-tiny-usb").

    Numbers of buses may change at a reboot, so this is done whenever a bus is opened. The part of an adapter's name
    after " at " is the socket that it is plugged into, and may be omitted.

    Raises:
        AdapterGone: there is no such bus (yet). PermanentError: several adapters have this name.
    """
    if isinstance(where, int):
        return where
    if where.startswith("/"):
        if not Path(where).exists():
            raise AdapterGone(f"{where}: no such bus; plug the adapter in, or see `ls -l /dev/i2c-*`")
        return where
    names = {number: adapter_name(number) for number in adapters()}
    fits = _called(where, names)
    there = ", ".join(f"{name} (i2c-{number})" for number, name in names.items()) or "none"
    if not fits:
        raise AdapterGone(f"no I2C adapter is called {where!r}; there: {there}")
    if len(fits) > 1:
        raise PermanentError(
            f"which I2C adapter? several are called {where!r}; write a path, or all of its name: {there}"
        )
    return fits[0]


def stable_bus(number: int | str) -> int | str:
    """Return the number or name to configure, so that it means the same bus after a reboot.

    A bus of the board keeps its number. An adapter on USB does not; its name is returned if no other one has it.
    """
    with contextlib.suppress(OSError):
        if "/usb" in str(Path(f"/sys/class/i2c-dev/i2c-{number}/device").resolve()):
            name = adapter_name(number).partition(" at ")[0]
            if name and _called(name, {one: adapter_name(one) for one in adapters()}) == [number]:
                return name
    return number


def _called(name: str, names: Mapping[int, str]) -> list[int]:
    return [number for number, full in names.items() if name in (full, full.partition(" at ")[0])]
