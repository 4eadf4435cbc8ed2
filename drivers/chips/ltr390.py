"""Lite-On LTR-390UV: illuminance and UV index on I2C.

Sources: Lite-On data sheet "LTR-390UV-01" (DS86-2015-0004), sections "Register Set" and "Application Information"
with both formulas; the Linux driver ltr390.c for the counts of a UV index.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any

from ..chip import Among, I2cChip, Quantity, Question, Reading
from ..errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

CONTROL, STATUS = Register(0x00), Register(0x07)
RATE, GAIN, IDENTITY = Register(0x04), Register(0x05), Register(0x06)
# All three of them.
SETTINGS = Register(0x04, 3)
LIGHT, ULTRAVIOLET = Register(0x0D, 3, "little"), Register(0x10, 3, "little")
# Of the identity; the lower bits are the revision.
PART, PART_NUMBER = Field(7, 4), 0xB
STANDBY, MEASURE_LIGHT, MEASURE_ULTRAVIOLET = 0x00, 0x02, 0x0A
# Of the status: a result that was not read yet; power came on since the status was read.
NEW, POWERED_ON = 0x08, 0x20
# 18 bits in 100 ms, every 100 ms.
EIGHTEEN_BITS = 0x22
FULL = (1 << 18) - 1
GAINS = {1: 0, 3: 1, 6: 2, 9: 3, 18: 4}
# With less than LITTLE counts at the lowest gain the highest does not saturate.
LADDER, LITTLE = (18, 1), 12_000
ULTRAVIOLET_GAIN = 18
# Counts of a UV index at gain 18: 2300 in 400 ms.
COUNTS_PER_INDEX = 575.0
# Seconds: 100 ms, and a slow oscillator.
MEASURING_TAKES = 0.125
POLLS, READS = 3, 6


class Ltr390(I2cChip):
    """One LTR-390UV. It measures light and ultraviolet one after the other, each begun here.

    Args:
        gain: of the light, 1, 3, 6, 9 or 18; None finds the better one of 18 and 1 by itself.
    """

    name = "ltr390"
    addresses = (0x53,)
    questions = (Question(b"\x06", 1, lambda answer: answer[0] >> 4 == PART_NUMBER),)
    takes = 2.0
    holds = 0.015
    quantities = (
        Quantity("illuminance", "lx", "illuminance", 0.0, 0.6 * (FULL - 1), 0.6 / 18, noisy=False),
        Quantity("uv_index", "", None, 0.0, (FULL - 1) / COUNTS_PER_INDEX, 1 / COUNTS_PER_INDEX, noisy=False),
    )

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        gain: Annotated[int, Among(tuple(GAINS))] | None = None,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        if gain is not None and gain not in tuple(GAINS):
            raise ValueError(f"gain: {gain!r} is none of {', '.join(map(str, GAINS))}")
        self.gains = LADDER if gain is None else (gain,)
        self.gain = self.gains[0]
        most, step = lux(FULL - 1, self.gains[-1]), lux(1, self.gains[0])
        light = Quantity("illuminance", "lx", "illuminance", 0.0, most, step, noisy=False)
        self.quantities = (light, *type(self).quantities[1:])

    def identify(self) -> None:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        found = self.get(IDENTITY)
        if PART.of(found) != PART_NUMBER:
            raise WrongChip(self.name, self.address, expected=PART.put(PART_NUMBER) | 2, found=found)

    def configure(self) -> None:
        """Stop it, set the resolution, and read away the sign that power came on."""
        self.put(CONTROL, STANDBY)
        self.put(RATE, EIGHTEEN_BITS)
        self.get(STATUS)

    def measure(self) -> Reading:
        """Return illuminance in lx and the UV index; beyond the scale, what is known of them.

        Raises:
            NotReady: a measurement did not end. LostPower: power was lost. ChecksumError: no two reads agree.
            InvalidReading: more bits than there are.
        """
        light = yield from self._counts(MEASURE_LIGHT, self.gain, LIGHT)
        if self._better(light) != self.gain:
            self.gain = self._better(light)
            light = yield from self._counts(MEASURE_LIGHT, self.gain, LIGHT)
        ultraviolet = yield from self._counts(MEASURE_ULTRAVIOLET, ULTRAVIOLET_GAIN, ULTRAVIOLET)
        self.put(CONTROL, STANDBY)
        lx, uv = lux(light, self.gain), index(ultraviolet)
        return {
            "illuminance": lx if light < FULL else self.beyond("illuminance", at_least=lx, hint="lower the gain"),
            "uv_index": uv if ultraviolet < FULL else self.beyond("uv_index", at_least=uv),
        }

    def _better(self, counts: int) -> int:
        if counts >= FULL:
            return self.gains[-1]
        return self.gains[0] if self.gain == self.gains[-1] and counts < LITTLE else self.gain

    def _counts(self, mode: int, gain: int, data: Register) -> Generator[float, None, int]:
        """Measure in one mode; return the counts."""
        self.put(CONTROL, STANDBY)
        self.put(GAIN, GAINS[gain])
        # Reading clears the sign of a result from before.
        self.get(data)
        self._is_new()
        self.put(CONTROL, mode)
        for _ in range(POLLS):
            yield MEASURING_TAKES
            if self._is_new():
                return self._agreed(data, mode, gain)
        raise NotReady(f"{self.name}: the measurement did not end")

    def _is_new(self) -> bool:
        """Return whether there is a result that was not read yet. Each look clears the sign that power came on."""
        status = self.get(STATUS)
        if status & POWERED_ON:
            raise LostPower(f"{self.name}: its status is 0x{status:02x}: power came on")
        return bool(status & NEW)

    def _agreed(self, data: Register, mode: int, gain: int) -> int:
        """Return what two reads agree on; three, where the next result or a flipped bit came between the first two."""
        reads = [self.get(data)]
        while len(reads) < READS:
            settings, control = self.get(SETTINGS), self.get(CONTROL)
            reads.append(self.get(data))
            if reads.count(reads[-1]) == min(len(reads), 3):
                break
        else:
            raise ChecksumError(f"{self.name}: the reads of a result do not agree; shorten or shield the cable")
        if settings >> 8 != EIGHTEEN_BITS << 8 | GAINS[gain] or control != mode:
            raise LostPower(f"{self.name}: its settings are 0x{settings:06x} and 0x{control:02x}, not as written")
        if reads[-1] > FULL:
            raise InvalidReading(f"{self.name}: 0x{reads[-1]:06x} has more than 18 bits: a line is stuck")
        return reads[-1]


def lux(counts: int, gain: int) -> float:
    """Return lx from the counts of 100 ms, without a window ("ALS calculation")."""
    return 0.6 * counts / gain


def index(counts: int) -> float:
    """Return the UV index from the counts at gain 18 in 100 ms, without a window ("UVI calculation")."""
    return counts / COUNTS_PER_INDEX
