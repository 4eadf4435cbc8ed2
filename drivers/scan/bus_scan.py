"""Finds the chips on an I2C bus by reading alone: a scan changes nothing in an unknown chip.

One byte is read from each address, then the `questions` of the chips that can be there are sent: first those that write
nothing or one byte, which most chips take for a register's number. A question of two bytes is a command to some chips
and a write to others. It is sent only if the bare read was refused: chips with commands refuse it, chips with registers
do not. The empty write of `i2cdetect` is never used: a Pi 5 refuses it, and some chips take it for a command.
At 0x70..0x77, what answers the bare read is first examined for being a multiplexer, by bytes that are a register's
number to all others: a multiplexer would take a question for channels to be connected. What may be an I/O expander
(0x20..0x27, 0x38..0x3f) is sent nothing: its outputs would take that.

One question can have an effect: it reaches the control byte of a PCF8591 (0x48..0x4f), whose analog output turns off.
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
# Addresses. If more answer, they are no chips: a line is held low.
CROWD = 64
EVERYTHING = (
    "every address is acknowledged, even where there is no chip: a line is held low (by a short, a missing pull-up, a "
    "chip without power), or this is no bus of sensors, but a display's"
)
# Addresses in a row with transfers that did not end. Then a line is held low, and the scan ends.
DEAD_AFTER = 3
LIMIT = 2.0  # seconds that one step may take
LOOKS_EVERY = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Found:
    """What was found at one address.

    Attributes:
        mux: address and channel of the multiplexer in front of it.
        driver: the name of its driver; None if it is not certain.
        candidates: the drivers that may fit, `driver` first; several if reading alone cannot distinguish them.
        owner: the kernel driver that owns the address, which was then left alone.
        multiplexer: whether it is a multiplexer.
        error: why it could not be examined.
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
        found: what was found so far.
        error: why the scan ended early.
    """

    def __init__(self, number: int | str, opener: Callable[[], Any]) -> None:
        self.number, self.opener = number, opener
        self.found: list[Found] = []
        self.error: str | None = None
        # The address that is being examined.
        self.at = 0
        # Imported here, so that the imports do not count against the limit of a step.
        known = drivers()
        self._drivers = {at: [driver for driver in known if at in driver.addresses] for at in ADDRESSES}
        # Multiplexers, and the channels that they had connected.
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
        # Multiplexers first: through an open one, chips behind it would seem to be on the bus itself.
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
        """Examine the addresses; an error at one of them is noted in its entry.

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
        # Before any question: a multiplexer takes a question for channels to be connected.
        if mux is None and address in OF_MULTIPLEXERS and (yield from inquiry.reads_bare()):
            before = multiplexer(device)
            if before is not None:
                self._left.append((device, before))
                self._note(address, mux, multiplexer=True)
                return
        sure, maybe = yield from inquiry.names(self._drivers[address])
        if not inquiry.answered:
            return
        if (not self.found and device.acknowledges_everything()) or len(self.found) > CROWD:
            self.found = []
            raise NotSupported(f"{self.name}: {EVERYTHING}")
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
    """Return all drivers that can be imported."""
    found = []
    for name in catalog.names():
        try:
            found.append(catalog.find(name))
        except (ImportError, AttributeError):
            continue
    return found


def run(scans: Sequence[BusScan], clock: Callable[[], float] = now) -> None:
    """Run scans, each bus in its own thread, until all have ended. A bus that hangs is given up, with an error.

    Args:
        clock: seconds, monotonic, for the limit of a step.
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
                # A copy, because the thread may still append to its own list.
                scan.found = list(scan.found)
                scan.error = f"{scan.name}: a transfer with 0x{scan.at:02x} never ends; chip or bus hangs"
                break
        worker.close()
        if turn.crashed is not None:
            raise turn.crashed
