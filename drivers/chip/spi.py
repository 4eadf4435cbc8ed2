"""What every chip on SPI is: a driver with a port, a chip select, and messages of bytes.

SPI has no acknowledge and no address: whether a chip is there shows only in what it sends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

from ..bus.spi import Spi
from ..errors import ChecksumError, InvalidReading, NoAcknowledge
from .driver import Driver
from .options import Among
from .quantity import Waits

# What is written to a register is sent to its address with this bit.
WRITE = 0x80
# Of one message, until two in a row agree.
READS = 4
# How often a command is written that a chip does not seem to take.
COMMANDS = 3


class SpiChip(Driver):
    """A chip on SPI. It is a bus of its own, called `spi0.0`. Does no I/O before it is asked to.

    Args:
        port, select: the SPI port and its chip select.

    Raises:
        ValueError: the Pi has no such chip select.
    """

    bus_name: str = "spi"
    mode: ClassVar[int] = 0
    # A few messages at 500 kHz.
    holds = 0.002

    def __init__(
        self, *, port: Annotated[int, Among((0, 1))] = 0, select: Annotated[int, Among((0, 1, 2))] = 0
    ) -> None:
        if isinstance(port, bool) or isinstance(select, bool) or port not in (0, 1) or select not in (0, 1, 2):
            raise ValueError(
                f"port {port!r}, select {select!r}: the Pi has port 0 (select 0, 1) and 1 (select 0, 1, 2)"
            )
        self.bus_name = f"spi{port}.{select}"
        self.spi = Spi(port, select, self.name, self.mode)

    def _identified(self) -> Waits:
        """Open the port if it is not open, then identify."""
        if not self.spi.is_open:
            self.spi.open()
        yield from super()._identified()

    def transfer(self, data: bytes) -> bytes:
        """Send `data` and return what the chip sends meanwhile.

        Raises:
            InvalidReading: it is not as long. TransientError, PermanentError: the port cannot be used.
        """
        answer = self.spi.transfer(data)
        if len(answer) != len(data):
            raise InvalidReading(f"{self.name}: {len(answer)} bytes instead of {len(data)}")
        return answer

    def get(self, register: int, length: int = 1) -> bytes:
        """Return the bytes from a register on."""
        return self.transfer(bytes([register, *bytes(length)]))[1:]

    def put(self, register: int, *values: int) -> None:
        """Write bytes from a register on."""
        self.transfer(bytes([register | WRITE, *values]))

    def begin(self, register: int, value: int, shows: int) -> None:
        """Write a register until it shows these bits, at most three times.

        Bits flip in what is written, too: then nothing begins, and the value from before would be read in place of a
        new one. A chip that is through before it can be asked shows nothing, so what was written three times counts.
        """
        for _ in range(COMMANDS):
            self.put(register, value)
            if self.get(register)[0] & shows == shows:
                break

    def agreed(self, ask: Callable[[], bytes]) -> bytes:
        """Return an answer that came twice in a row: all the proof that a chip without a checksum allows.

        Raises:
            ChecksumError: no two agree. NoAcknowledge: every byte is 00 or ff, as of a line that no chip drives.
        """
        answer = ask()
        for _ in range(READS - 1):
            before, answer = answer, ask()
            if answer == before:
                break
        else:
            raise ChecksumError(f"{self.name}: no two answers in a row agree; shorten or shield the cable")
        if set(answer) in ({0x00}, {0xFF}):
            raise NoAcknowledge(
                f"{self.name}: every byte from {self.bus_name} is {answer[0]:02x}: no chip drives the line; "
                "check power, wiring, port and select"
            )
        return answer

    def close(self) -> None:
        """Give the port back. Never raises."""
        self.known = False
        self.spi.close()
