"""Who is on an I2C bus, found by reading alone: a scan changes nothing in a chip that it does not know.

Each address is read one byte from, and asked the `questions` of the chips that can be there: first those that
write nothing or one byte, which is a register's number to most chips. A question of two bytes is a command to some and
a write to others; it is put only where the bare read was refused, as chips that take commands do and chips of registers
do not. An empty write, as `i2cdetect` does, is never done: a Pi 5 refuses it, and some chips take it for a command.

Where one question can do harm: it goes to the control byte of a PCF8591 (0x48..0x4f), whose analog output turns off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import catalog
from ..bus.clock import now
from ..bus.i2c import I2cDevice, bus_name, owner
from ..bus.mux import ADDRESSES as OF_MULTIPLEXERS
from ..bus.mux import CHANNELS, Mux, multiplexer
from ..bus.worker import BusWorker, Share, Turn
from ..chip import Waits
from ..errors import (
    AccessDenied,
    AdapterGone,
    AddressClaimed,
    BusTimeout,
    NotSupported,
    PermanentError,
    TransientError,
)
from .inquiry import Inquiry

ADDRESSES = range(0x08, 0x78)
CROWD = 64  # addresses that answer: no bus has more chips
EVERYTHING = (
    "every address is acknowledged, even where there is no chip: a line is held low (by a short, a missing pull-up, a "
    "chip without power), or this is no bus of sensors, but a display's"
)
# Addresses in a row at which the transfer did not end: a line is held low.
DEAD_AFTER = 3
LIMIT = 2.0  # seconds of one step; what takes longer has hung
LOOKS_EVERY = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Found:
    """Who is at one address.

    Attributes:
        mux: address and channel of the multiplexer that it is behind.
        driver: the name of its driver; None when that is not sure.
        candidates: the drivers that it may need, `driver` first; several where reading alone cannot tell more.
        owner: the kernel driver that owns the address; it was not touched then.
        multiplexer: whether it is one.
        error: why it could not be asked.
    """

    bus: int | str
    address: int
    mux: tuple[int, int] | None = None
    driver: str | None = None
    candidates: tuple[str, ...] = ()
    owner: str | None = None
    multiplexer: bool = False
    error: str | None = None


class BusScan:
    """The scan of one bus, as steps for the bus's thread.

    Args:
        number: N of /dev/i2c-N, or what the bus is called instead.
        opener: returns the open bus, or raises a named error.

    Attributes:
        found: who was found so far. error: why the scan ended early.
    """

    def __init__(self, number: int | str, opener: Callable[[], Any]) -> None:
        self.number, self.opener = number, opener
        self.found: list[Found] = []
        self.error: str | None = None
        # the address that is being asked
        self.at = 0
        # imported before the clock runs
        known = drivers()
        self._drivers = {at: [driver for driver in known if at in driver.addresses] for at in ADDRESSES}
        # multiplexers, and what they had connected
        self._left: list[tuple[I2cDevice, bytes]] = []

    @property
    def name(self) -> str:
        """What the bus is called in messages."""
        return f"i2c-{self.number}" if isinstance(self.number, int) else self.number

    def steps(self) -> Waits:
        """Scan the bus itself, then what is behind its multiplexers."""
        try:
            bus = self.opener()
            try:
                yield from self._everywhere(bus)
            finally:
                self._restore()
                bus.close()
        except (TransientError, PermanentError) as error:
            self.error = str(error)

    def _everywhere(self, bus: Any) -> Waits:
        rest = [address for address in ADDRESSES if address not in OF_MULTIPLEXERS]
        # an open multiplexer would show what is behind it
        yield from self._walk(bus, [*OF_MULTIPLEXERS, *rest])
        taken = {one.address for one in self.found}
        behind = [address for address in ADDRESSES if address not in taken]
        for one in [one for one in self.found if one.multiplexer]:
            for channel in CHANNELS:
                try:
                    yield from self._walk(Mux(bus, one.address, channel), behind, (one.address, channel))
                except BusTimeout as error:
                    self._note(one.address, (one.address, channel), error=str(error))

    def _walk(self, bus: Any, addresses: Iterable[int], mux: tuple[int, int] | None = None) -> Waits:
        """Look at addresses; what fails at one is noted there.

        Raises:
            BusTimeout: nothing moves any more. AdapterGone, AccessDenied, NotSupported: the bus cannot be scanned.
        """
        silent: list[Found] = []
        for address in addresses:
            yield 0.0
            self.at = address
            try:
                yield from self._look(bus, address, mux)
            except (AdapterGone, AccessDenied, NotSupported):
                raise
            except BusTimeout as error:
                silent.append(self._note(address, mux, error=str(error)))
                if len(silent) >= DEAD_AFTER:
                    self.found = [one for one in self.found if one not in silent]
                    raise
            except (TransientError, PermanentError) as error:
                self._note(address, mux, error=str(error))
            else:
                silent.clear()

    def _look(self, bus: Any, address: int, mux: tuple[int, int] | None) -> Waits:
        device = I2cDevice(bus, address, "scan")
        try:
            device.claim()
        except AddressClaimed:
            self._note(address, mux, owner=owner(bus_name(bus), address))
            return
        inquiry = Inquiry(device)
        sure, maybe = yield from inquiry.names(self._drivers[address])
        if not inquiry.answered:
            return
        if (not self.found and device.acknowledges_everything()) or len(self.found) > CROWD:
            self.found = []
            raise NotSupported(f"{self.name}: {EVERYTHING}")
        if mux is None and not sure and address in OF_MULTIPLEXERS and inquiry.answers_bare_reads:
            before = multiplexer(device)
            if before is not None:
                self._left.append((device, before))
                self._note(address, mux, multiplexer=True)
                return
        self._note(address, mux, driver=sure[0] if sure else None, candidates=tuple(sure or maybe))

    def _note(self, address: int, mux: tuple[int, int] | None, **what: Any) -> Found:
        found = Found(self.number, address, mux, **what)
        self.found.append(found)
        return found

    def _restore(self) -> None:
        for device, before in self._left:
            if any(before):
                try:
                    device.write(before)
                except (TransientError, PermanentError) as error:
                    self.error = self.error or f"the multiplexer 0x{device.address:02x} was left disconnected: {error}"


def drivers() -> list[Any]:
    """Return all drivers. What cannot be imported is left out."""
    found = []
    for name in catalog.names():
        try:
            found.append(catalog.find(name))
        except (ImportError, AttributeError):
            continue
    return found


def run(scans: Sequence[BusScan], clock: Callable[[], float] = now) -> None:
    """Run scans, each bus in its own thread, until all are over; a bus that hangs is given up, with an error.

    Args:
        clock: seconds, monotonic; by it a step of more than two seconds has hung.
    """
    running = []
    for scan in scans:
        worker, done = BusWorker(f"scan {scan.name}", clock), threading.Event()
        turn = Turn(scan.steps(), LIMIT)
        worker.submit(Share([turn], done.set))
        running.append((scan, worker, turn, done))
    for scan, worker, turn, done in running:
        while not done.wait(LOOKS_EVERY):
            if worker.overdue() is turn:
                turn.abandoned = True
                # ours from now on
                scan.found = list(scan.found)
                scan.error = f"{scan.name}: a transfer with 0x{scan.at:02x} never ends; chip or bus hangs"
                break
        worker.close()
        if turn.crashed is not None:
            raise turn.crashed
