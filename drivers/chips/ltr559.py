"""Lite-On LTR-559: illuminance and proximity on I2C.

Sources: Lite-On data sheet "LTR-559ALS-01" (DS86-2013-0003), sections "Register Set" and "Pseudo Codes" with the
formula for lx (appendix A); Pimoroni's ltr559-python for the same registers and coefficients.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from typing import Annotated, Any

from ..chip import Among, I2cChip, Quantity, Question, Reading, Untold, Waits
from ..errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

LIGHT_CONTROL, PROXIMITY_CONTROL, STATUS = Register(0x80), Register(0x81), Register(0x8C)
# From the controls on: both, the LED, its pulses, both rates, and the two identities.
SETTINGS, SETTINGS_LENGTH = 0x80, 8
IDENTITY, PART_AND_MAKER = Register(0x86, 2), 0x9205
# Channel 1, channel 0, the status, the proximity: channel 1 has to be read first.
FRAME, FRAME_LENGTH, LAYOUT = 0x88, 7, "<HHBH"
RESET, STANDBY, ACTIVE = 0x02, 0x00, 0x01
GAIN, GAINS = Field(4, 2), {1: 0, 2: 1, 4: 2, 8: 3, 48: 6, 96: 7}
# It says when it is saturated.
PROXIMITY_STANDBY, PROXIMITY_ACTIVE = 0x20, 0x23
# The LED at 60 kHz, always, 100 mA; one pulse; every 100 ms; 100 ms of light every 100 ms. After power-on the last
# one is 0x03.
WRITTEN = bytes([0x7F, 0x01, 0x02, 0x01])
# Of the status.
IS_INVALID, GAIN_OF_DATA, LIGHT_IS_NEW, PROXIMITY_IS_NEW = 0x80, Field(6, 4), 0x04, 0x01
# Of the proximity.
SATURATED, COUNTS = 0x8000, 0x07FF
FULL = 0xFFFF
# With less than LITTLE counts the next higher gain does not saturate.
LADDER, LITTLE = (1, 8, 96), 4500
MOST = 64_000.0  # lx
# Seconds after power-on or a reset; and of a measurement, with the time to wake up, and 10 %.
STARTING_TAKES, MEASURING_TAKES = 0.1, 1.1 * (0.100 + 0.010)
POLLS, READS = 3, 6


class Ltr559(I2cChip):
    """One LTR-559. Each reading begins a measurement of its own of both.

    Args:
        gain: of the light, 1, 2, 4, 8, 48 or 96; None finds the best of 1, 8 and 96 by itself.
    """

    name = "ltr559"
    addresses = (0x23,)
    questions = (Question(b"\x86", 2, lambda answer: answer == b"\x92\x05"),)
    takes = 2.0
    holds = 0.015
    quantities = (
        Quantity("illuminance", "lx", "illuminance", 0.0, MOST, 0.03, noisy=False),
        Quantity("proximity", "", None, 0.0, float(COUNTS - 1), 1.0, noisy=False),
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
        self.gain = gain or 8
        step = lux(1, 1, self.gains[-1])
        light = Quantity("illuminance", "lx", "illuminance", 0.0, MOST, step, noisy=False)
        self.quantities = (light, *type(self).quantities[1:])

    def identify(self) -> Waits:
        """Look at both identity registers.

        Raises:
            WrongChip: something else answers.
        """
        yield STARTING_TAKES
        found = self.get(IDENTITY)
        if found != PART_AND_MAKER:
            raise WrongChip(self.name, self.address, expected=PART_AND_MAKER, found=found)

    def configure(self) -> Waits:
        """Reset it, and set LED and rates."""
        self.put(LIGHT_CONTROL, RESET)
        yield STARTING_TAKES
        for offset, value in enumerate(WRITTEN):
            self.put(Register(0x82 + offset), value)

    def measure(self) -> Reading:
        """Return illuminance in lx, found with the best gain, and the counts of proximity.

        Raises:
            NotReady: nothing was measured. LostPower: the settings are gone. ChecksumError: the reads do not agree.
        """
        new, light, proximity = yield from self._measured()
        for _ in self.gains[1:]:
            gain = self._better(max(light))
            if gain == self.gain or not new & LIGHT_IS_NEW:
                break
            self.gain = gain
            new, light, proximity = yield from self._measured()
        told: dict[str, float | Untold] = {"illuminance": self._light(*light), "proximity": self._near(proximity)}
        for name, flag in (("illuminance", LIGHT_IS_NEW), ("proximity", PROXIMITY_IS_NEW)):
            if not new & flag:
                told[name] = InvalidReading(f"{self.name}: it did not measure {name}")
        return told

    def _measured(self) -> Generator[float, None, tuple[int, tuple[int, int], int]]:
        """Measure once; return the flags of what is new, the counts of both channels of the light, the proximity."""
        control = GAIN.put(GAINS[self.gain])
        self.put(LIGHT_CONTROL, control | STANDBY)
        self.put(PROXIMITY_CONTROL, PROXIMITY_STANDBY)
        # Reading clears the flags of results from before.
        self.write_read(bytes([FRAME]), FRAME_LENGTH)
        self.put(PROXIMITY_CONTROL, PROXIMITY_ACTIVE)
        self.put(LIGHT_CONTROL, control | ACTIVE)
        both = LIGHT_IS_NEW | PROXIMITY_IS_NEW
        for _ in range(POLLS):
            yield MEASURING_TAKES
            new = self.get(STATUS) & both
            if new == both:
                break
        else:
            # One alone is told if both of two looks show it.
            new &= self.get(STATUS)
        infrared, visible, status, proximity = self._agreed(bytes([control | ACTIVE, PROXIMITY_ACTIVE]))
        if not new:
            raise NotReady(f"{self.name}: nothing was measured")
        if status & IS_INVALID or GAIN_OF_DATA.of(status) != GAINS[self.gain]:
            new &= ~LIGHT_IS_NEW
        return new, (visible, infrared), proximity

    def _agreed(self, controls: bytes) -> tuple[int, int, int, int]:
        """Return what two reads agree on; three, where the next result or a flipped bit came between the first two."""
        reads: list[tuple[int, int, int, int]] = []
        while len(reads) < READS:
            settings = self.write_read(bytes([SETTINGS]), SETTINGS_LENGTH)
            one, zero, status, proximity = struct.unpack(LAYOUT, self.write_read(bytes([FRAME]), FRAME_LENGTH))
            reads.append((one, zero, status & 0xF0, proximity))
            if len(reads) > 1 and reads.count(reads[-1]) == min(len(reads), 3):
                break
        else:
            raise ChecksumError(f"{self.name}: the reads of a result do not agree; shorten or shield the cable")
        written = controls + WRITTEN + PART_AND_MAKER.to_bytes(2, "big")
        if settings != written and not (self.lenient and settings[:6] == written[:6]):
            raise LostPower(f"{self.name}: its settings are {settings.hex(' ')}, written was {written.hex(' ')}")
        return reads[-1]

    def _better(self, counts: int) -> int:
        at = self.gains.index(self.gain)
        if counts >= FULL:
            return self.gains[max(0, at - 1)]
        return self.gains[min(len(self.gains) - 1, at + 1)] if counts < LITTLE else self.gain

    def _light(self, visible: int, infrared: int) -> float | Untold:
        value = lux(visible, infrared, self.gain)
        if max(visible, infrared) >= FULL:
            return self.beyond("illuminance", at_least=min(value, MOST), hint="lower the gain")
        return value if value <= MOST else self.beyond("illuminance", at_least=MOST)

    def _near(self, proximity: int) -> float | Untold:
        if proximity & SATURATED:
            return BeyondRange(f"{self.name}: too much infrared light to tell proximity")
        counts = proximity & COUNTS
        return float(counts) if counts < COUNTS else self.beyond("proximity", at_least=COUNTS)


def lux(visible: int, infrared: int, gain: int) -> float:
    """Return lx from channel 0 (visible and infrared) and channel 1 (infrared) of 100 ms (appendix A)."""
    share = infrared / (visible + infrared) if visible or infrared else 0.0
    if share < 0.45:
        return (1.7743 * visible + 1.1059 * infrared) / gain
    if share < 0.64:
        return (4.2785 * visible - 1.9548 * infrared) / gain
    if share < 0.85:
        return (0.5926 * visible + 0.1185 * infrared) / gain
    # So much infrared that nothing is visible.
    return 0.0
