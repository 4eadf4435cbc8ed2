"""Fake TMP117, from Texas Instruments' datasheet: -256 °C until the first conversion, data ready is cleared when read.

Source: TI "TMP117 High-Accuracy, Low-Power, Digital Temperature Sensor": register map, conversion cycle, one-shot mode.
"""

from __future__ import annotations

from .chip import FakeWords, clamp

TEMPERATURE, CONFIGURATION, IDENTITY = 0, 1, 15
READY = 1 << 13
CONTINUOUS, SHUT_DOWN, ONE_SHOT = (0, 2), (1,), 3
# Longest, for one of the averaged conversions.
CONVERSION = 0.0175
CYCLES = (0.0155, 0.125, 0.25, 0.5, 1.0, 4.0, 8.0, 16.0)


class FakeTmp117(FakeWords):
    """Feels temperature in °C, in steps of 1/128."""

    name = "tmp117"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    senses = {"temperature": 21.5}
    defaults = {0: 0x8000, 1: 0x0220, 2: 0x6000, 3: 0x8000, 4: 0, 5: 0x1A2B, 6: 0x3C4D, 7: 0, 8: 0x5E6F, 15: 0x0117}

    def power_on(self) -> None:
        super().power_on()
        self.next_at: float | None = self.clock() + self.averaging()

    def averaging(self) -> float:
        """Return the seconds that a conversion takes with its averages."""
        return CONVERSION * (1, 8, 32, 64)[self.bank[CONFIGURATION] >> 5 & 3]

    def store(self, register: int, value: int) -> None:
        if register == CONFIGURATION:
            self.configure(value)
        elif register in (2, 3, 5, 6, 7, 8):
            self.bank[register] = value

    def configure(self, value: int) -> None:
        """Take a configuration; the conversion that runs is given up."""
        if value & 2:
            self.lose_power()
            return
        self.bank[CONFIGURATION] = self.bank[CONFIGURATION] & 0xF000 | value & 0x0FFC
        mode = value >> 10 & 3
        self.next_at = None if mode in SHUT_DOWN else self.clock() + self.averaging()

    def refresh(self) -> None:
        while self.next_at is not None and self.clock() >= self.next_at - 1e-9:
            raw = clamp((self.world["temperature"]) * 128, -0x8000, 0x7FFF) + self.offset()
            self.bank[TEMPERATURE] = clamp(raw, -0x8000, 0x7FFF) & 0xFFFF
            self.bank[CONFIGURATION] |= READY
            if self.bank[CONFIGURATION] >> 10 & 3 == ONE_SHOT:
                self.bank[CONFIGURATION] = self.bank[CONFIGURATION] & ~0x0C00 | 0x0400
                self.next_at = None
                return
            cycle = max(CYCLES[self.bank[CONFIGURATION] >> 7 & 7], self.averaging())
            self.next_at += cycle * max(1, int((self.clock() - self.next_at) / cycle))

    def offset(self) -> int:
        """Return the offset register, signed."""
        return (self.bank[7] ^ 0x8000) - 0x8000

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if self.pointer in (TEMPERATURE, CONFIGURATION):
            self.bank[CONFIGURATION] &= ~READY
        return answer
