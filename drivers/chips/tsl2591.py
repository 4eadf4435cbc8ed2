"""ams TSL2591: illuminance on I2C.

Source: ams "TSL2591" datasheet, section "Register Description". It has no formula for lx; this one is that of the
Adafruit libraries, which is in common use.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from typing import Annotated, Any

from ..chip import Among, I2cChip, Quantity, Question, Reading, Untold, says
from ..errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

# Each address with the command bits of normal operation and auto-increment: 0xA0.
ENABLE, CONTROL = Register(0xA0), Register(0xA1)
SETTINGS = Register(0xA0, 2)  # both of them
ID, IDENTITY = Register(0xB2), 0x50
STATUS = Register(0xB3)
FRAME, FRAME_LENGTH = b"\xb3", 5  # status and both channels
ON = 0x03  # power and light sensor
OFF = 0x00
VALID = 0x01
GAIN, GAINS = Field(5, 4), {1: 0, 25: 1, 428: 2, 9876: 3}
TIME, TIMES = Field(2, 0), {100: 0, 200: 1, 300: 2, 400: 3, 500: 4, 600: 5}
# With less than LITTLE counts the next higher gain does not saturate.
LADDER, LITTLE = (1, 25, 428), 1000
FULL_AT_100_MS, FULL = 36863, 65535
# Counts that a channel may show without light ("dark ADC count value").
DARK = 25
MOST = 88_000.0  # lx ("operating characteristics")
POLLS = 3


class Tsl2591(I2cChip):
    """One TSL2591. Each reading begins an integration of its own, so that the flag at its end is of now.

    Args:
        gain: 1, 25, 428 or 9876; None finds the best of the first three by itself.
        integration_ms: 100, 200, 300, 400, 500 or 600.
    """

    name = "tsl2591"
    addresses = (0x29,)
    questions = (Question(b"\xb2", 1, says(b"\x50")),)
    takes = 2.3
    quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, MOST, 8.16, clips=True, noisy=False),)

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        gain: Annotated[int, Among(tuple(GAINS))] | None = None,
        integration_ms: Annotated[int, Among(tuple(TIMES))] = 100,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        if gain is not None and gain not in tuple(GAINS):
            raise ValueError(f"gain: {gain!r} is none of {', '.join(map(str, GAINS))}")
        if integration_ms not in tuple(TIMES):
            raise ValueError(f"integration_ms: {integration_ms!r} is none of {', '.join(map(str, TIMES))}")
        self.gains = LADDER if gain is None else (gain,)
        self.gain, self.integration_ms = gain or 25, integration_ms
        self.full = FULL_AT_100_MS if integration_ms == 100 else FULL
        # 108 ms at most for 100, and 10 %
        self.integrating_takes = 1.2 * integration_ms / 1000
        # both channels are rounded
        step = 2 * lux(1, 0, min(self.gains), integration_ms)
        most = min(MOST, lux(self.full - 1, 0, min(self.gains), integration_ms))
        self.quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, most, step, clips=True, noisy=False),)

    def identify(self) -> None:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        found = self.get(ID)
        if found != IDENTITY:
            hint = "a VL53L0X has the same address" if found == 0 else ""
            raise WrongChip(self.name, self.address, expected=IDENTITY, found=found, hint=hint)

    @property
    def control(self) -> int:
        """The control register that belongs to the present gain."""
        return GAIN.put(GAINS[self.gain]) | TIME.put(TIMES[self.integration_ms])

    def _integrate(self) -> Generator[float, None, tuple[int, int]]:
        self.put(ENABLE, OFF)
        self.put(CONTROL, self.control)
        self.put(ENABLE, ON)
        for _ in range(POLLS):
            yield self.integrating_takes
            if self.get(STATUS) & VALID:
                return self._counts()
        raise NotReady(f"{self.name}: the integration did not end")

    def measure(self) -> Reading:
        """Return illuminance in lx, found with the best gain; in too bright light, what is known of it.

        Raises:
            NotReady: the integration did not end. LostPower: power was lost meanwhile. ChecksumError: two reads differ.
            InvalidReading: more infrared than there is light.
        """
        both, infrared = yield from self._integrate()
        for _ in self.gains[1:]:
            gain = self._better(both, infrared)
            if gain == self.gain:
                break
            self.gain = gain
            both, infrared = yield from self._integrate()
        return {"illuminance": self._told(both, infrared)}

    def _told(self, both: int, infrared: int) -> float | Untold:
        cure = f"lower the gain of {self.gain}, or integration_ms"
        if infrared >= self.full:
            return BeyondRange(f"{self.name}: too bright; {cure}")
        if infrared > both + DARK:
            raise InvalidReading(f"{self.name}: more infrared ({infrared}) than light altogether ({both})")
        value = lux(both, infrared, self.gain, self.integration_ms)
        end, step = self.quantities[0].high, self.quantities[0].step
        if both >= self.full or value > end + step:
            return self.beyond("illuminance", at_least=min(value, end), hint=cure)
        return value

    def _counts(self) -> tuple[int, int]:
        # The settings are read between the two: a line that fails for a moment cannot damage both unseen.
        frame, settings, again = self._frame(), self.get(SETTINGS), self._frame()
        if frame != again:
            raise ChecksumError(f"{self.name}: two reads of one integration differ; shorten or shield the cable")
        written = ON << 8 | self.control
        if settings != written:
            raise LostPower(f"{self.name}: the configuration is 0x{settings:04x}, written was 0x{written:04x}")
        status, both, infrared = struct.unpack("<BHH", frame)
        if not status & VALID:
            raise NotReady(f"{self.name}: no integration has ended")
        return both, infrared

    def _better(self, both: int, infrared: int) -> int:
        at = self.gains.index(self.gain)
        if max(both, infrared) >= self.full:
            return self.gains[max(0, at - 1)]
        return self.gains[min(len(self.gains) - 1, at + 1)] if both < LITTLE else self.gain

    def _frame(self) -> bytes:
        return self.write_read(FRAME, FRAME_LENGTH)


def lux(both: int, infrared: int, gain: int, integration_ms: int) -> float:
    """Return lx from the counts of channel 0 (visible and infrared) and channel 1 (infrared).

    In infrared alone both count the same, and in the dark either may count more: then it is less than 0.
    """
    counts_per_lux = integration_ms * gain / 408
    return max(both - 1.64 * infrared, 0.59 * both - 0.86 * infrared) / counts_per_lux
