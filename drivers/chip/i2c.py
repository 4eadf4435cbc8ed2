"""What every chip on an I2C bus is: a driver with an address, messages and registers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Annotated

from .. import crc
from ..bus.i2c import Bus, I2cDevice
from ..errors import ChecksumError, WrongChip
from ..registers import Register
from .driver import Driver
from .options import Among
from .quantity import Waits

# How often a command is written that a chip does not seem to take.
COMMANDS = 3
# Of what is read once and used from then on: how many reads at most, until enough agree.
READS, ALIKE = 8, 3
# The message that asks for a register, by its address.
ASKING = tuple(bytes([address]) for address in range(256))


def seven_bits(address: object) -> int:
    """Return an I2C address that a chip may have.

    Raises:
        ValueError: it is none.
    """
    if isinstance(address, bool) or not isinstance(address, int) or not 0x08 <= address <= 0x77:
        shown = hex(address) if type(address) is int else repr(address)
        raise ValueError(f"address is {shown}, not a number of 0x08..0x77, such as 0x76; `limpet scan` lists them")
    return address


class I2cChip(Driver):
    """A chip on an I2C bus. Keeps its bus, its address and its options, and does no I/O before it is asked to.

    Args:
        bus: anything with smbus2.SMBus's methods.
        address: 0x08..0x77, also one that this chip cannot have; the chip's first one if None.
        identity: `strict`, or `lenient`: a device that does not identify itself as this chip is believed to be one,
            as for an emulator or an unknown clone. All other checks remain.

    Raises:
        ValueError: the address is none.
    """

    def __init__(
        self, bus: Bus, address: int | None = None, *, identity: Annotated[str, Among(("strict", "lenient"))] = "strict"
    ) -> None:
        if identity not in ("strict", "lenient"):
            raise ValueError(f"identity = {identity!r}: allowed are strict, lenient")
        self.lenient = identity == "lenient"
        self.address = self.addresses[0] if address is None else seven_bits(address)
        self.device = I2cDevice(bus, self.address, self.name)
        self.write = self.device.write
        self.read_bytes = self.device.read
        self.write_read = self.device.write_read

    def get(self, register: Register) -> int:
        """Return what a register holds."""
        return register.decode(self.write_read(ASKING[register.address], register.size))

    def get_twice(self, register: Register, *, between: Callable[[], object] | None = None) -> int:
        """Return what two reads of a register agree on: the proof that a chip without a checksum allows.

        Args:
            between: looks at something that is known, between the two: a line that fails for a moment then cannot
                damage both unseen.

        Raises:
            ChecksumError: they differ.
        """
        where = ASKING[register.address]
        first = self.write_read(where, register.size)
        if between is not None:
            between()
        return register.decode(crc.agreed(first, self.write_read(where, register.size)))

    def get_alike(self, where: int, length: int) -> bytes:
        """Return bytes from a register on, on which three reads agree: calibration, say, that is kept.

        Damaged, it would spoil every reading from now on.

        Raises:
            ChecksumError: no three reads agree.
        """
        seen: Counter[bytes] = Counter()
        for _ in range(READS):
            block = self.write_read(bytes([where]), length)
            seen[block] += 1
            if seen[block] == ALIKE:
                return block
        raise ChecksumError(f"{self.name}: no {ALIKE} reads of the calibration agree; shorten or shield the cable")

    def put(self, register: Register, value: int) -> None:
        """Write a register."""
        self.write(register.encode(value))

    def command(self, register: Register, value: int, taken: Callable[[int], bool]) -> int:
        """Write a register until it shows that the chip took the command, at most three times; return what it shows.

        Bits flip in what is written, too: then another command arrives, or none, and the value from before would be
        read in place of a new one. A chip that is through before it can be asked shows nothing, so what was written
        three times counts as taken.

        Args:
            taken: whether the register, as it is read back, shows the command.
        """
        for _ in range(COMMANDS):
            self.put(register, value)
            found = self.get(register)
            if taken(found):
                break
        return found

    def _identified(self) -> Waits:
        """Make sure that no kernel driver owns the address, then identify."""
        self.device.claim()
        try:
            yield from super()._identified()
        except WrongChip:
            if not self.lenient:
                raise
