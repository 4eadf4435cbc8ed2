"""What ST's environmental sensors have in common: an identity, one conversion on command, a flag for each quantity."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

from .. import crc
from ..chip import I2cChip, Question
from ..errors import LostPower, NotReady, WrongChip
from ..registers import Register

WHO_AM_I, STATUS = Register(0x0F), Register(0x27)
POLLS = 4


class OneShotSensor(I2cChip):
    """A sensor that converts once when a bit is set, and shows by a flag for each of its quantities that it has.

    Attributes:
        identity: what it is. burst: added to a register's address, so that the address advances.
        begin: the register and the value that begin a conversion; the bit returns to 0.
        settings: where its settings begin, and what they are, the register of `begin` last: the sign that it kept its
            power.
        data: where its results begin, and their length.
        done: of the status: all flags. Each is cleared when the last byte of its result is read.
        converting_takes: seconds; no longer than a period of its highest rate.
    """

    identity: ClassVar[int]
    burst: ClassVar[int] = 0
    begin: ClassVar[tuple[Register, int]]
    settings: ClassVar[tuple[int, bytes]]
    data: ClassVar[tuple[int, int]]
    done: ClassVar[int]
    converting_takes: ClassVar[float]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.questions = (Question(b"\x0f", 1, lambda answer: answer[0] == cls.identity),)

    def identify(self) -> None:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        found = self.get(WHO_AM_I)
        if found != self.identity:
            raise WrongChip(self.name, self.address, expected=self.identity, found=found)

    def convert(self) -> Generator[float, None, tuple[int, bytes]]:
        """Convert once; return the flags of what was converted, and the results.

        Raises:
            NotReady: nothing was converted. LostPower: the settings are gone. ChecksumError: two reads differ.
        """
        # Reading the results clears the flags of a conversion before.
        self.registers(*self.data)
        self.put(*self.begin)
        flags = 0
        for _ in range(POLLS):
            yield self.converting_takes
            flags = self.get(STATUS) & self.done
            if flags == self.done:
                break
        else:
            # Some alone are told if both of two looks show them.
            flags &= self.get(STATUS)
        first = self.registers(*self.data)
        where, written = self.settings
        found = self.registers(where, len(written))
        # The bit that began it may be there still.
        found = found[:-1] + bytes([found[-1] & ~(self.begin[1] & ~written[-1])])
        data = crc.agreed(first, self.registers(*self.data))
        if found != written:
            raise LostPower(f"{self.name}: its settings are {found.hex(' ')}, written was {written.hex(' ')}")
        if not flags:
            raise NotReady(f"{self.name}: the conversion did not end")
        return flags, data

    def registers(self, first: int, length: int) -> bytes:
        """Return what registers hold, from the first one on."""
        return self.write_read(bytes([first | self.burst]), length)
