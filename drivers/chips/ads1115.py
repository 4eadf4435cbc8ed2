"""Texas Instruments ADS1115 and ADS1015: four analog inputs in volts on I2C.

Sources: Texas Instruments "ADS111x" (SBAS444) and "ADS101x" (SBAS473), sections "Register Map" and "Electrical
Characteristics" (data rate: ±10 %).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, ClassVar

from ..chip import I2cChip, Quantity, Reading
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

CONVERSION = Register(0x00, 2, is_signed=True)
CONFIG = Register(0x01, 2)
LOW_THRESHOLD = Register(0x02, 2)

START = 0x8000  # written: begin a conversion; read: no conversion under way
INPUT = Field(14, 12)
SINGLE_ENDED = 0b100  # input n against ground is 0b100 + n
FULL_SCALE = Field(11, 9)
ONE_SHOT = 0x0100
RATE = Field(7, 5)
NO_COMPARATOR = 0x0003

FULL_SCALES = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256)  # volts, by the code in the register
POLLS = 3  # a conversion that is not there after so many times its longest duration never comes
CONFIG_TRIAL = 0x5583  # what no thermometer at these addresses would keep
THRESHOLD_TRIAL = 0x2AA0  # its low 4 bits are 0, as an ADS1015 has them


class Ads1115(I2cChip):
    """One ADS1115: one-shot conversions, one input after the other.

    It has no identity register. What is proven: the configuration and a threshold keep what is written to them, as no
    other chip at these addresses does. An ADS1015 cannot be told from an ADS1115 in this way.

    Args:
        inputs: which of the inputs 0..3 are read, each against ground.
        full_scale: volts at full scale, one of 6.144, 4.096, 2.048, 1.024, 0.512, 0.256.
        data_rate: conversions per second, one of `rates`.
    """

    name = "ads1115"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    takes = 0.7
    default_rate: ClassVar[int] = 128
    rates: ClassVar[tuple[int, ...]] = (8, 16, 32, 64, 128, 250, 475, 860)
    spare_bits: ClassVar[int] = 0  # low bits of a conversion that are always 0
    quantities = tuple(Quantity(f"a{n}", "V", "voltage", -6.144, 6.144, 6.144 / 32768) for n in range(4))

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        inputs: Sequence[int] = (0, 1, 2, 3),
        full_scale: float = 6.144,
        data_rate: int | None = None,
    ) -> None:
        super().__init__(bus, address)
        rate = self.default_rate if data_rate is None else data_rate
        if not inputs or isinstance(inputs, str) or any(n not in (0, 1, 2, 3) for n in inputs):
            raise ValueError(f"inputs: {inputs!r} is not a list out of 0, 1, 2, 3")
        if full_scale not in FULL_SCALES:
            raise ValueError(f"full_scale: {full_scale!r} is none of {', '.join(map(str, FULL_SCALES))} volts")
        if rate not in self.rates:
            raise ValueError(f"data_rate: {rate!r} is none of {', '.join(map(str, self.rates))} per second")
        self.inputs, self.full_scale = tuple(dict.fromkeys(inputs)), full_scale
        self.converting_takes = 1.12 / rate + 0.0001  # the oscillator may be 10 % slow; waking up
        self.settings = (
            FULL_SCALE.put(FULL_SCALES.index(full_scale)) | ONE_SHOT | RATE.put(self.rates.index(rate)) | NO_COMPARATOR
        )
        step = full_scale / (32768 >> self.spare_bits)
        self.quantities = tuple(Quantity(f"a{n}", "V", "voltage", -full_scale, full_scale, step) for n in self.inputs)

    def identify(self) -> None:
        """Make sure that the configuration and a threshold keep what is written; put back what was there.

        Raises:
            WrongChip: something else answers.
        """
        for register, trial in ((CONFIG, CONFIG_TRIAL), (LOW_THRESHOLD, THRESHOLD_TRIAL)):
            ignored = START if register is CONFIG else 0
            before = self._word(register)
            self.write(register.encode(trial))
            kept = self._word(register)
            self.write(register.encode(before & ~ignored))
            if (kept ^ trial) & ~ignored:
                expected = f"0x{trial:04x} in register {register.address} after it was written"
                raise WrongChip(self.name, self.address, expected=expected, found=f"0x{kept:04x}")

    def measure(self) -> Reading:
        """Return volts of each configured input.

        Raises:
            LostPower: the configuration is gone. NotReady: the conversion never ended.
            ChecksumError: the result read twice differs. InvalidReading: the input is out of range.
        """
        values = {}
        for number in self.inputs:
            raw = yield from self._convert(number)
            values[f"a{number}"] = volts(raw, self.full_scale)
        return values

    def _convert(self, number: int) -> Generator[float, None, int]:
        wanted = START | INPUT.put(SINGLE_ENDED + number) | self.settings
        self.write(CONFIG.encode(wanted))
        for _ in range(POLLS):
            yield self.converting_takes
            first, state, second = self._word(CONVERSION), self._word(CONFIG), self._word(CONVERSION)
            if (state ^ wanted) & ~START:  # also a chip that lost power says "done", of a conversion it never made
                raise LostPower(f"{self.name}: the configuration is 0x{state:04x}, written was 0x{wanted:04x}")
            if state & START:
                return self._result(number, first, second)
        raise NotReady(f"{self.name}: the conversion of input {number} did not end")

    def _result(self, number: int, first: int, second: int) -> int:
        if first != second:
            raise ChecksumError(f"{self.name}: input {number} read twice gave {first} and {second}")
        if first & (1 << self.spare_bits) - 1:
            raise InvalidReading(f"{self.name}: input {number} has 16 bits; is it an ADS1115?")
        if first in (-0x8000, 0x7FFF - ((1 << self.spare_bits) - 1)):
            raise InvalidReading(f"{self.name}: input {number} is beyond ±{self.full_scale} V; raise full_scale")
        return first

    def _word(self, register: Register) -> int:
        return register.decode(self.write_read(bytes([register.address]), 2))


class Ads1015(Ads1115):
    """One ADS1015: as the ADS1115, with 12 bits (left-justified) and other data rates."""

    name = "ads1015"
    rates = (128, 250, 490, 920, 1600, 2400, 3300)
    default_rate = 1600
    spare_bits = 4
    quantities = tuple(Quantity(f"a{n}", "V", "voltage", -6.144, 6.144, 6.144 / 2048) for n in range(4))


def volts(code: int, full_scale: float) -> float:
    """Return volts from the signed 16-bit conversion (section "Data Format")."""
    return code * full_scale / 32768
