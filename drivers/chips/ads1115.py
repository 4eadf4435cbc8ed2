"""Texas Instruments ADS1115 and ADS1015: four analog inputs in volts on I2C.

Sources: Texas Instruments "ADS111x" (SBAS444) and "ADS101x" (SBAS473), "Register Map" and "Electrical Characteristics".
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Annotated, Any, ClassVar

from ..chip import Among, I2cChip, Quantity, Question, Reading, Untold, Waits, says
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

CONVERSION = Register(0x00, 2, is_signed=True)
CONFIG, LOW_THRESHOLD = Register(0x01, 2), Register(0x02, 2)

# Written: begin a conversion; read: no conversion under way.
START = 0x8000
INPUT, SINGLE_ENDED = Field(14, 12), 0b100  # input n against ground is 0b100 + n
FULL_SCALE, RATE = Field(11, 9), Field(7, 5)
ONE_SHOT = 0x0103  # the comparator off

FULL_SCALES = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256)  # volts, by the code in the register
# A conversion that is not there after three times its longest duration never comes.
POLLS = 3
SLOWEST_CONVERSION = 0.14  # at 8 a second
# No thermometer at these addresses keeps both; an ADS1015 loses the low 4 bits.
CONFIG_TRIAL, THRESHOLD_TRIAL = 0x5583, 0x2AA5
TWELVE_BITS = 0xFFF0
TMP117, TMP117_IS = Register(0x0F, 2), 0x117  # an ADS has no such register
# Likewise: the manufacturer of an INA228, whose registers 1 and 2 keep both, too.
INA228, INA228_IS = Register(0x3E, 2), 0x5449


AS_ADS1015 = 'this is an ADS1015 of 12 bits, often sold as ADS1115: write driver = "ads1015"'


class Ads1115(I2cChip):
    """One ADS1115: one-shot conversions, one input after the other.

    It has no identity register. What identifies it: the configuration and a threshold keep what is written to them, as
    in no other chip at these addresses; in an ADS1015 only the upper 12 bits of the threshold.

    Args:
        inputs: which of the inputs 0..3 are read, each against ground.
        full_scale: volts at full scale, one of 6.144, 4.096, 2.048, 1.024, 0.512, 0.256.
        data_rate: conversions per second, one of `rates`.
    """

    name = "ads1115"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    questions = tuple(Question(r, 2, says(v), decides=False) for r, v in ((b"\x02", b"\x80\0"), (b"\x03", b"\x7f\xff")))
    takes = 0.7
    default_rate: ClassVar[int] = 128
    rates: ClassVar[tuple[int, ...]] = (8, 16, 32, 64, 128, 250, 475, 860)
    # Low bits of a conversion that are always 0.
    spare_bits: ClassVar[int] = 0
    # The result that the chip still holds; 0 after power-on.
    before = 0
    quantities = tuple(Quantity(f"a{n}", "V", "voltage", -6.144, 6.144, 6.144 / 32768, noisy=False) for n in range(4))

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        inputs: Sequence[Annotated[int, Among((0, 1, 2, 3))]] = (0, 1, 2, 3),
        full_scale: Annotated[float, Among(FULL_SCALES)] = 6.144,
        data_rate: Annotated[int, Among("rates")] | None = None,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        rate = data_rate or self.default_rate
        if not inputs or not isinstance(inputs, list | tuple) or any(n not in (0, 1, 2, 3) for n in inputs):
            raise ValueError(f"inputs: {inputs!r} is not a list out of 0, 1, 2, 3")
        if full_scale not in FULL_SCALES:
            raise ValueError(f"full_scale: {full_scale!r} is none of {', '.join(map(str, FULL_SCALES))} volts")
        if rate not in self.rates:
            raise ValueError(f"data_rate: {rate!r} is none of {', '.join(map(str, self.rates))} per second")
        self.inputs, self.full_scale = tuple(dict.fromkeys(inputs)), full_scale
        # the oscillator may be 10 % slow; waking up
        self.converting_takes = 1.12 / rate + 0.0001
        self.settings = FULL_SCALE.put(FULL_SCALES.index(full_scale)) | RATE.put(self.rates.index(rate)) | ONE_SHOT
        step = full_scale / (32768 >> self.spare_bits)
        # the codes at the ends mean: beyond
        low, high = step - full_scale, full_scale - 2 * step
        self.quantities = tuple(Quantity(f"a{n}", "V", "voltage", low, high, step, noisy=False) for n in self.inputs)

    def identify(self) -> None:
        """Make sure that the configuration and a threshold keep what is written.

        Raises:
            WrongChip: something else answers; what was written is put back.
        """
        threshold = THRESHOLD_TRIAL >> self.spare_bits << self.spare_bits
        before = self.get(CONFIG), self.get(LOW_THRESHOLD)
        self.put(CONFIG, CONFIG_TRIAL)
        self.put(LOW_THRESHOLD, threshold)
        # read when both are written: in a memory of bytes they overlap
        config, kept, other = self.get(CONFIG), self.get(LOW_THRESHOLD), self.get(TMP117)
        is_configured = not (config ^ CONFIG_TRIAL) & ~START and other & 0x0FFF != TMP117_IS and not self._is_monitor()
        if not is_configured or kept != threshold:
            self.put(CONFIG, before[0] & ~START)
            self.put(LOW_THRESHOLD, before[1])
            expected = f"0x{CONFIG_TRIAL:04x}, 0x{threshold:04x}"
            found = f"0x{config:04x}, 0x{kept:04x} in registers 1, 2 and 0x{other:04x} in 15"
            hint = AS_ADS1015 if is_configured and kept == threshold & TWELVE_BITS else ""
            raise WrongChip(self.name, self.address, expected=expected, found=found, hint=hint)

    def _is_monitor(self) -> bool:
        return self.get(INA228) == INA228_IS

    def configure(self) -> Waits:
        """Put the threshold back and let a conversion end that is under way."""
        self.put(LOW_THRESHOLD, -0x8000)
        if not self.get(CONFIG) & START:
            yield SLOWEST_CONVERSION

    def measure(self) -> Reading:
        """Return volts of each configured input; of one beyond the full scale, what is known.

        Raises:
            LostPower: the configuration is gone. NotReady: the conversion never ended.
            ChecksumError: the result read twice differs. InvalidReading: an ADS1015 says 16 bits.
        """
        told = {}
        for number in self.inputs:
            told[f"a{number}"] = self._told(number, (yield from self._new_code(number)))
        return told

    def _new_code(self, number: int) -> Generator[float, None, int]:
        """Return the code of an input. One like the code before may be that one, its command lost: asked once more."""
        code = yield from self._convert(number)
        if code == self.before:
            code = yield from self._convert(number)
        self.before = code
        return code

    def _convert(self, number: int) -> Generator[float, None, int]:
        wanted = START | INPUT.put(SINGLE_ENDED + number) | self.settings
        self.put(CONFIG, wanted)
        for _ in range(POLLS):
            yield self.converting_takes
            # The configuration is read between the two: a loss of power shows in one of the three.
            first, state, second = self.get(CONVERSION), self.get(CONFIG), self.get(CONVERSION)
            # A chip that lost power also says "done", of a conversion that it never made.
            if (state ^ wanted) & ~START:
                raise LostPower(f"{self.name}: the configuration is 0x{state:04x}, written was 0x{wanted:04x}")
            if state & START and first == second:
                # An INA228 that was put in its place keeps the configuration, too, and shows 0.
                if not first and self._is_monitor():
                    raise LostPower(f"{self.name}: an INA228 answers all at once")
                return first
            if state & START:
                raise ChecksumError(f"{self.name}: two reads of input {number} differ; shorten or shield the cable")
        raise NotReady(f"{self.name}: the conversion of input {number} did not end")

    def _told(self, number: int, code: int) -> float | Untold:
        unused = (1 << self.spare_bits) - 1
        if code & unused:
            raise InvalidReading(f"{self.name}: input {number} has 16 bits; is it an ADS1115?")
        if code in (-0x8000, 0x7FFF - unused):
            end = {"at_least": self.full_scale} if code > 0 else {"at_most": -self.full_scale}
            return self.beyond(f"a{number}", hint="raise full_scale", **end)
        return volts(code, self.full_scale)


class Ads1015(Ads1115):
    """One ADS1015: as the ADS1115, with 12 bits (left-justified) and other data rates."""

    name = "ads1015"
    rates = (128, 250, 490, 920, 1600, 2400, 3300)
    default_rate = 1600
    spare_bits = 4
    quantities = tuple(Quantity(f"a{n}", "V", "voltage", -6.144, 6.144, 6.144 / 2048, noisy=False) for n in range(4))


def volts(code: int, full_scale: float) -> float:
    """Return volts from the signed 16-bit conversion (section "Data Format")."""
    return code * full_scale / 32768
