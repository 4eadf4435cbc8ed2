"""What Texas Instruments' power monitors with triggered conversions have in common: two identities, and a flag."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

from ..chip import I2cChip, Question, says
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Register

CONFIG = Register(0x00, 2)
MANUFACTURER, MANUFACTURER_ID = Register(0xFE, 2), 0x5449
DIE = Register(0xFF, 2)
# By die: what else of Texas Instruments may answer at the same addresses.
OTHERS = {0x2260: "INA226", 0x2270: "INA260", 0x3220: "INA3221"}
POLLS = 3


class OneShotMonitor(I2cChip):
    """A power monitor that converts once when its configuration is written, and says when it is done.

    So a value is of now, and its registers stand still to be read twice.

    Attributes:
        die: its identity, besides that of the manufacturer.
        one_shot: the configuration that begins a conversion; differs from that after power-on.
        converting_takes: seconds, the longest.
        results: the registers of one conversion.
        flags: reading it clears `converted`. overflow: of the chip's own arithmetic.
    """

    die: ClassVar[int]
    one_shot: ClassVar[int]
    converting_takes: ClassVar[float]
    results: ClassVar[tuple[Register, ...]]
    flags: ClassVar[Register]
    converted: ClassVar[int]
    overflow: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # The die first: 0xfe resets an HTU21D.
        cls.questions = (
            Question(b"\xff", 2, says(cls.die.to_bytes(2, "big"))),
            Question(b"\xfe", 2, says(MANUFACTURER_ID.to_bytes(2, "big"))),
        )

    def identify(self) -> None:
        """Look at both identity registers.

        Raises:
            WrongChip: something else answers.
        """
        if (found := self.get(MANUFACTURER)) != MANUFACTURER_ID:
            raise WrongChip(self.name, self.address, expected=MANUFACTURER_ID, found=found)
        if (found := self.get(DIE)) != self.die:
            hint = f"this is an {OTHERS[found]}" if found in OTHERS else ""
            raise WrongChip(self.name, self.address, expected=self.die, found=found, hint=hint)

    def convert(self) -> Generator[float, None, tuple[int, ...]]:
        """Convert once; return what the result registers hold.

        Raises:
            NotReady: the conversion never ended. LostPower: the configuration is gone. ChecksumError: two reads differ.
            InvalidReading: the chip says that its arithmetic overflowed.
        """
        self.put(CONFIG, self.one_shot)
        for _ in range(POLLS):
            yield self.converting_takes
            flags = self.get(self.flags)
            if flags & self.converted:
                break
        else:
            raise NotReady(f"{self.name}: the conversion did not end")
        # The configuration is read between the two: a line that fails for a moment cannot damage both of them unseen.
        first, config = self._results(), self.get(CONFIG)
        if first != self._results():
            raise ChecksumError(f"{self.name}: two reads of one conversion differ; shorten or shield the cable")
        if config != self.one_shot:
            raise LostPower(f"{self.name}: the configuration is 0x{config:04x}, written was 0x{self.one_shot:04x}")
        if flags & self.overflow:
            raise InvalidReading(f"{self.name}: its flags are 0x{flags:04x}: overflow, or an open line")
        return first

    def _results(self) -> tuple[int, ...]:
        return tuple(self.get(register) for register in self.results)
