"""Texas Instruments ADS1115 and ADS1015: four analog inputs in volts on I2C.

Sources: Texas Instruments "ADS111x" (SBAS444) and "ADS101x" (SBAS473), "Register Map" and "Electrical Characteristics".
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, ClassVar

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

CONVERSION = Register(0x00, 2, is_signed=True)
CONFIG, LOW_THRESHOLD = Register(0x01, 2), Register(0x02, 2)

START = 0x8000  # written: begin a conversion; read: no conversion under way
INPUT, SINGLE_ENDED = Field(14, 12), 0b100  # input n against ground is 0b100 + n
FULL_SCALE, RATE = Field(11, 9), Field(7, 5)
ONE_SHOT = 0x0103  # the comparator off

FULL_SCALES = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256)  # volts, by the code in the register
POLLS = 3  # a conversion that is not there after so many times its longest duration never comes
SLOWEST_CONVERSION = 0.14  # at 8 a second
CONFIG_TRIAL, THRESHOLD_TRIAL = 0x5583, 0x2AA5  # no thermometer here keeps both; an ADS1015 loses the low 4 bits
TMP117, TMP117_IS = Register(0x0F, 2), 0x117  # an ADS has no such register


class Ads1115(I2cChip):
    """One ADS1115: one-shot conversions, one input after the other.

    It has no identity register. What is proven: the configuration and a threshold keep what is written to them, as no
    other chip at these addresses does; in an ADS1015 only the upper 12 bits of the threshold.

    Args:
        inputs: which of the inputs 0..3 are read, each against ground.
        full_scale: volts at full scale, one of 6.144, 4.096, 2.048, 1.024, 0.512, 0.256.
        data_rate: conversions per second, one of `rates`.
    """

    name = "ads1115"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    probes = tuple(Probe(r, 2, says(v), decides=False) for r, v in ((b"\x02", b"\x80\0"), (b"\x03", b"\x7f\xff")))
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
        rate = data_rate or self.default_rate
        if not inputs or not isinstance(inputs, list | tuple) or any(n not in (0, 1, 2, 3) for n in inputs):
            raise ValueError(f"inputs: {inputs!r} is not a list out of 0, 1, 2, 3")
        if full_scale not in FULL_SCALES:
            raise ValueError(f"full_scale: {full_scale!r} is none of {', '.join(map(str, FULL_SCALES))} volts")
        if rate not in self.rates:
            raise ValueError(f"data_rate: {rate!r} is none of {', '.join(map(str, self.rates))} per second")
        self.inputs, self.full_scale = tuple(dict.fromkeys(inputs)), full_scale
        self.converting_takes = 1.12 / rate + 0.0001  # the oscillator may be 10 % slow; waking up
        self.settings = FULL_SCALE.put(FULL_SCALES.index(full_scale)) | RATE.put(self.rates.index(rate)) | ONE_SHOT
        step = full_scale / (32768 >> self.spare_bits)
        low, high = step - full_scale, full_scale - 2 * step  # the codes at the ends mean: beyond
        self.quantities = tuple(Quantity(f"a{n}", "V", "voltage", low, high, step) for n in self.inputs)

    def identify(self) -> None:
        """Make sure that the configuration and a threshold keep what is written.

        Raises:
            WrongChip: something else answers; what was written is put back.
        """
        threshold = THRESHOLD_TRIAL >> self.spare_bits << self.spare_bits
        before = [register.decode(self._read(register)) for register in (CONFIG, LOW_THRESHOLD)]
        self.write(CONFIG.encode(CONFIG_TRIAL))
        self.write(LOW_THRESHOLD.encode(threshold))
        # read when both are written: in a memory of bytes they overlap
        config, kept, other = (register.decode(self._read(register)) for register in (CONFIG, LOW_THRESHOLD, TMP117))
        if (config ^ CONFIG_TRIAL) & ~START or kept != threshold or other & 0x0FFF == TMP117_IS:
            self.write(CONFIG.encode(before[0] & ~START))
            self.write(LOW_THRESHOLD.encode(before[1]))
            found = f"0x{config:04x}, 0x{kept:04x} in registers 1, 2 and 0x{other:04x} in 15"
            raise WrongChip(self.name, self.address, expected=f"0x{CONFIG_TRIAL:04x}, 0x{threshold:04x}", found=found)

    def configure(self) -> Waits:
        """Put the threshold back and let a conversion end that somebody else began."""
        self.write(LOW_THRESHOLD.encode(-0x8000))
        if not CONFIG.decode(self._read(CONFIG)) & START:
            yield SLOWEST_CONVERSION

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
            first = self._read(CONVERSION)
            state = CONFIG.decode(self._read(CONFIG))  # between the two: a loss of power shows in one of them
            second = self._read(CONVERSION)
            if (state ^ wanted) & ~START:  # also a chip that lost power says "done", of a conversion it never made
                raise LostPower(f"{self.name}: the configuration is 0x{state:04x}, written was 0x{wanted:04x}")
            if state & START:
                return self._result(number, CONVERSION.decode(crc.agreed(first, second)))
        raise NotReady(f"{self.name}: the conversion of input {number} did not end")

    def _result(self, number: int, code: int) -> int:
        if code & (1 << self.spare_bits) - 1:
            raise InvalidReading(f"{self.name}: input {number} has 16 bits; is it an ADS1115?")
        if code in (-0x8000, 0x7FFF - ((1 << self.spare_bits) - 1)):
            raise InvalidReading(f"{self.name}: input {number} is beyond ±{self.full_scale} V; raise full_scale")
        return code

    def _read(self, register: Register) -> bytes:
        return self.write_read(bytes([register.address]), 2)


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
