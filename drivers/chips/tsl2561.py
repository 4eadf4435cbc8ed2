"""TAOS and ams TSL2561: illuminance on I2C.

Source: TAOS "TSL2560, TSL2561" data sheet (TAOS059N), sections "Register Set", "Operating Characteristics" and
"Calculating Lux", with its formulas for both packages.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any

from ..chip import Among, I2cChip, Quantity, Question, Reading, Untold
from ..errors import BeyondRange, ChecksumError, LostPower, WrongChip
from ..registers import Field, Register

# Each address with the bit of a command, 0x80; those of two bytes with the bit of a word, 0x20.
CONTROL, TIMING, INTERRUPT, IDENTITY = Register(0x80), Register(0x81), Register(0x86), Register(0x8A)
HIGH_THRESHOLD = Register(0xA4, 2, "little")
BOTH, INFRARED = Register(0xAC, 2, "little"), Register(0xAE, 2, "little")
# Of the identity: TSL2561 in a chip-scale package, and in the others. The lower bits are the revision.
PART, CHIP_SCALE, PARTS = Field(7, 4), 0b0001, (0b0001, 0b0101)
# Of the control and of the timing: the other bits are reserved, and some chips show them as 1.
OFF, ON, POWER = 0x00, 0x03, 0x03
GAIN, GAINS, TIMING_BITS = Field(4, 4), {1: 0, 16: 1}, 0x1B
# Of the timing: milliseconds -> the field, what it multiplies counts by to be those of 402 ms, counts at the stop.
TIMES = {13: (0, 322 / 11, 5047), 101: (1, 322 / 81, 37177), 402: (2, 1.0, 65535)}
# Written to the high threshold, which means nothing without interrupts: a line at one byte does not show it.
WITNESS = 0x5AA5
# With less than LITTLE of the counts at the stop, 16 times the gain does not saturate.
LITTLE = 0.05
MOST = 40_000.0  # lx ("Features")
# Channel 1 of channel 0 up to here -> lx of a count of channel 0, and of channel 1, at gain 16 and 402 ms. The first of
# each package has another form.
OF_CHIP_SCALE = ((0.52, 0.0315, 0.0593), (0.65, 0.0229, 0.0291), (0.80, 0.0157, 0.0180), (1.30, 0.00338, 0.00260))
OF_OTHERS = ((0.50, 0.0304, 0.0620), (0.61, 0.0224, 0.0310), (0.80, 0.0128, 0.0153), (1.30, 0.00146, 0.00112))


class Tsl2561(I2cChip):
    """One TSL2561. Each reading begins an integration of its own; no flag says that it is over.

    Args:
        gain: 1 or 16; None finds the better one by itself.
        integration_ms: 13, 101 or 402; at 402 it sees the finest steps, and 18 klx of daylight at most.
    """

    name = "tsl2561"
    addresses = (0x39, 0x29, 0x49)
    questions = (
        Question(b"\x8a", 1, lambda answer: PART.of(answer[0]) in PARTS),
        Question(b"\x80", 1, lambda answer: answer[0] & POWER in (OFF, ON)),
        Question(b"\x86", 1, lambda answer: not answer[0] & 0xC0),
    )
    takes = 2.0
    quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, MOST, 0.12, clips=True, noisy=False),)
    coefficients = OF_OTHERS

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        gain: Annotated[int, Among(tuple(GAINS))] | None = None,
        integration_ms: Annotated[int, Among(tuple(TIMES))] = 101,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        if gain is not None and gain not in tuple(GAINS):
            raise ValueError(f"gain: {gain!r} is none of 1, 16")
        if integration_ms not in tuple(TIMES):
            raise ValueError(f"integration_ms: {integration_ms!r} is none of 13, 101, 402")
        self.gains = (1, 16) if gain is None else (gain,)
        self.gain, self.integration_ms = self.gains[-1], integration_ms
        self.full = TIMES[integration_ms][2]
        # An oscillator that is 6 % slow, and more.
        self.integrating_takes = 1.2 * integration_ms / 1000
        step = self._lux(1, 0, self.gains[-1])
        most = min(MOST, self._lux(self.full - 1, 0, self.gains[0]))
        self.quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, most, step, noisy=False),)

    def identify(self) -> None:
        """Look at the identity register, and see that it can be switched on.

        Raises:
            WrongChip: something else answers. ChecksumError: two reads differ.
        """
        found = PART.of(self.get(IDENTITY))
        if found not in PARTS:
            raise WrongChip(self.name, self.address, expected=PARTS[-1], found=found)
        # A flipped bit would be the other package, whose formula is another one.
        if PART.of(self.get(IDENTITY)) != found:
            raise ChecksumError(f"{self.name}: two reads of its identity differ; shorten or shield the cable")
        self.coefficients = OF_CHIP_SCALE if found == CHIP_SCALE else OF_OTHERS
        self.put(CONTROL, ON)
        if (found := self.get(CONTROL)) & POWER != ON:
            raise WrongChip(self.name, self.address, expected="0x03 when it is switched on", found=f"0x{found:02x}")

    def configure(self) -> None:
        """Switch its interrupt off, and leave a witness."""
        self.put(INTERRUPT, 0)
        self.put(HIGH_THRESHOLD, WITNESS)

    def measure(self) -> Reading:
        """Return illuminance in lx, found with the better gain; in too bright light, what is known of it.

        Raises:
            LostPower: its settings are gone. ChecksumError: two reads differ.
        """
        both, infrared = yield from self._integrate()
        gain = self._better(both, infrared)
        if gain != self.gain:
            self.gain = gain
            both, infrared = yield from self._integrate()
        return {"illuminance": self._told(both, infrared)}

    def _integrate(self) -> Generator[float, None, tuple[int, int]]:
        timing = GAIN.put(GAINS[self.gain]) | TIMES[self.integration_ms][0]
        self.put(CONTROL, OFF)
        self.put(TIMING, timing)
        self.command(CONTROL, ON, lambda found: found & POWER == ON)
        yield self.integrating_takes
        counts = self.get(BOTH), self.get(INFRARED)
        # The settings are read between the two: a line that fails for a moment cannot damage both unseen.
        found = self.get(CONTROL) & POWER, self.get(TIMING) & TIMING_BITS, self.get(HIGH_THRESHOLD)
        if counts != (self.get(BOTH), self.get(INFRARED)):
            raise ChecksumError(f"{self.name}: two reads of one integration differ; shorten or shield the cable")
        if found != (ON, timing, WITNESS):
            shown = " ".join(f"0x{value:02x}" for value in found)
            raise LostPower(f"{self.name}: its settings are {shown}, written was 0x03 0x{timing:02x} 0x{WITNESS:04x}")
        return counts

    def _better(self, both: int, infrared: int) -> int:
        if max(both, infrared) >= self.full:
            return self.gains[0]
        return self.gains[-1] if max(both, infrared) < LITTLE * self.full else self.gain

    def _told(self, both: int, infrared: int) -> float | Untold:
        cure = f"lower the gain of {self.gain}, or integration_ms"
        if infrared >= self.full:
            return BeyondRange(f"{self.name}: too bright; {cure}")
        value, end = self._lux(both, infrared, self.gain), self.quantities[0].high
        if both >= self.full or value > end + self.quantities[0].step:
            return self.beyond("illuminance", at_least=min(value, end), hint=cure)
        return min(value, end)

    def _lux(self, both: int, infrared: int, gain: int) -> float:
        scale = TIMES[self.integration_ms][1] * 16 / gain
        return lux(both * scale, infrared * scale, self.coefficients)


def lux(both: float, infrared: float, coefficients: tuple[tuple[float, float, float], ...] = OF_OTHERS) -> float:
    """Return lx from channel 0 (visible and infrared) and channel 1 (infrared), as of gain 16 and 402 ms."""
    share = infrared / both if both else 0.0
    for at, (end, of_both, of_infrared) in enumerate(coefficients):
        if share <= end:
            less = both * share**1.4 if at == 0 else infrared
            return of_both * both - of_infrared * less
    # So much infrared that nothing is visible.
    return 0.0
