"""Fake BH1750, from Rohm's datasheet (BH1750FVI): one opcode a message; read too early, it repeats the last result."""

from __future__ import annotations

from .chip import FakeChip, clamp

SLOWEST = 0.180  # seconds of a measurement in high resolution at the default measurement time, the maximum
SLOWEST_LOW = 0.024
DEFAULT_TIME = 69  # of the measurement time register


class FakeBh1750(FakeChip):
    """Feels illuminance in lx."""

    name = "bh1750"
    addresses = (0x23, 0x5C)
    senses = {"illuminance": 320.0}

    def power_on(self) -> None:
        self.data = 0
        self.result: int | None = None  # of the measurement that is running
        self.mode = 0
        self.awake = False
        self.time = DEFAULT_TIME

    def on_write(self, data: bytes) -> None:
        self.finish()
        opcode = data[0]  # a second one needs a stop in between: the chip does not take it
        if opcode == 0x00:
            self.awake, self.result, self.mode = False, None, 0
        elif opcode == 0x01:
            self.awake = True
        elif opcode == 0x07:
            self.data = 0 if self.awake else self.data  # reset is not taken in power-down
        elif opcode in (0x10, 0x11, 0x13, 0x20, 0x21, 0x23):
            self.awake, self.mode = True, opcode
            self.measure()
        elif opcode & 0xF8 == 0x40:
            self.time = self.time & 0x1F | (opcode & 7) << 5
        elif opcode & 0xE0 == 0x60:
            self.time = self.time & 0xE0 | opcode & 0x1F

    def measure(self) -> None:
        """Begin a measurement in the present mode."""
        self.result = self.sampled()
        gain = 1.0 if self.mode & 3 == 3 else self.time / DEFAULT_TIME
        self.busy_for((SLOWEST_LOW if self.mode & 3 == 3 else SLOWEST) * gain)

    def sampled(self) -> int:
        """Return the result for what the chip feels now."""
        coarse, fine = self.mode & 3 == 3, self.mode & 3 == 1
        gain = 1.0 if coarse else self.time / DEFAULT_TIME
        code = clamp(self.world["illuminance"] * 1.2 * gain * (2 if fine else 1), 0, 0xFFFF)
        return code & ~3 if coarse else code

    def finish(self) -> None:
        """Take over the result of a measurement that is over; one-shot modes then power down."""
        if self.result is not None and not self.busy:
            self.data, self.result = self.result, None
            if self.mode & 0x10:  # continuous: many measurements may have passed meanwhile
                self.data = self.sampled()
                self.measure()
            else:
                self.awake = False

    def on_read(self, length: int) -> bytes:
        self.finish()
        return self.data.to_bytes(2, "big")[:length]
