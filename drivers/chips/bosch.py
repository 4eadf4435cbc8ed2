"""What Bosch's environmental sensors have in common: an identity register, a reset, calibration without a checksum."""

from __future__ import annotations

from typing import ClassVar

from ..chip import I2cChip, Question, Waits
from ..errors import InvalidReading, WrongChip
from ..registers import Register

_BMP280 = 'this is a BMP280, often sold as BME280, but without humidity: write driver = "bmp280"'
# (identity register, what it answers); the numbers are from the chips' data sheets.
HINTS = {
    (0xD0, 0x55): 'this is a BMP180: write driver = "bmp180"',
    (0xD0, 0x56): _BMP280,
    (0xD0, 0x57): _BMP280,
    (0xD0, 0x58): _BMP280,
    (0xD0, 0x60): 'this is a BME280: write driver = "bme280"',
    (0xD0, 0x61): 'this is a BME680 or BME688: write driver = "bme680"',
    (0x00, 0x50): 'this is a BMP388: write driver = "bmp388"',
    (0x00, 0x60): 'this is a BMP390: write driver = "bmp390"',
}
# Seconds after power or reset: the data sheets say 2 ms, and an oscillator may be slow.
STARTING_TAKES = 0.003


class BoschChip(I2cChip):
    """One of Bosch's sensors.

    Attributes:
        identity_register: where it stands. identities: what that may answer, the chip in the shops first.
    """

    addresses: ClassVar[tuple[int, ...]] = (0x76, 0x77)
    identity_register: ClassVar[Register] = Register(0xD0)
    identities: ClassVar[tuple[int, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.questions = (
            Question(bytes([cls.identity_register.address]), 1, lambda answer: answer[0] in cls.identities),
        )

    def identify(self) -> Waits:
        """Read the identity register.

        Raises:
            WrongChip: something else answers; the hint names it where Bosch made it.
        """
        # It may have been plugged in just now.
        yield STARTING_TAKES
        found = self.get(self.identity_register)
        if found not in self.identities:
            expected, hint = self.identities[0], HINTS.get((self.identity_register.address, found), "")
            raise WrongChip(self.name, self.address, expected=expected, found=found, hint=hint)

    def constants(self, register: int, length: int) -> bytes:
        """Return calibration bytes, on which three reads agree.

        Raises:
            ChecksumError: no three of them agree. InvalidReading: a line is shorted or floats.
        """
        block = self.get_alike(register, length)
        if length > 1 and set(block) in ({0x00}, {0xFF}):
            raise InvalidReading(f"{self.name}: the calibration is {block.hex(' ')}; a line is shorted or floats")
        return block

    def twenty_bits(self, data: bytes) -> int:
        """Return the number in 20 left-justified bits.

        Raises:
            InvalidReading: it was never converted (0x80000), or the line is dead or floats.
        """
        raw = int.from_bytes(data[:3], "big") >> 4
        if raw in (0x80000, 0x00000, 0xFFFFF):
            raise InvalidReading(
                f"{self.name}: 0x{raw:05x} is no reading: never converted, or a line is shorted or floats"
            )
        return raw

    def sixteen_bits(self, data: bytes) -> int:
        """Return the number of a humidity's two bytes.

        Raises:
            InvalidReading: it was never converted (0x8000), or its element is dead.
        """
        raw = int.from_bytes(data[:2], "big")
        if raw in (0x8000, 0x0000, 0xFFFF):
            raise InvalidReading(f"{self.name}: humidity 0x{raw:04x} is no reading: never converted, or a dead element")
        return raw
