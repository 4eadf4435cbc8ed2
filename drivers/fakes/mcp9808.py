"""Fake MCP9808, from Microchip's datasheet: alert flags above 13 bits of temperature, 0 °C until the first conversion.

Source: Microchip "MCP9808 Maximum Accuracy Digital Temperature Sensor": registers, power-on values, conversion times.
"""

from __future__ import annotations

from .chip import FakeWords, clamp

CONFIGURATION, UPPER, LOWER, CRITICAL, AMBIENT, MAKER, DEVICE, RESOLUTION = range(1, 9)
CONVERSION = (0.030, 0.065, 0.130, 0.250)  # by resolution


class FakeMcp9808(FakeWords):
    """Feels temperature in °C, in steps of 1/16 at the power-on resolution."""

    name = "mcp9808"
    addresses = (0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F)
    senses = {"temperature": 21.5}
    defaults = {0: 0x001F, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0, MAKER: 0x0054, DEVICE: 0x0400, RESOLUTION: 3}

    def power_on(self) -> None:
        super().power_on()
        self.busy_for(CONVERSION[3])

    def on_write(self, data: bytes) -> None:
        self.pointer = data[0] & 0x0F
        if self.pointer == RESOLUTION and len(data) >= 2:
            self.refresh()
            self.bank[RESOLUTION] = data[1] & 3
            self.busy_for(CONVERSION[data[1] & 3])
        elif len(data) >= 3:
            self.store(self.pointer, int.from_bytes(data[1:3], "big"))

    def store(self, register: int, value: int) -> None:
        if register == CONFIGURATION:
            woken = self.bank[CONFIGURATION] & 0x100 and not value & 0x100
            self.bank[CONFIGURATION] = value & 0x07CF
            if woken:
                self.busy_for(CONVERSION[self.bank[RESOLUTION]])
        elif register in (UPPER, LOWER, CRITICAL):
            self.bank[register] = value & 0x1FFC

    def refresh(self) -> None:
        # Shut down.
        if self.busy or self.bank[CONFIGURATION] & 0x100:
            return
        coarse = 3 - self.bank[RESOLUTION]
        raw = clamp(self.world["temperature"] * 16 / 2**coarse, -0x1000 >> coarse, 0xFFF >> coarse) << coarse
        flags = (raw >= self.limit(CRITICAL)) << 15 | (raw > self.limit(UPPER)) << 14 | (raw < self.limit(LOWER)) << 13
        self.bank[AMBIENT] = flags | raw & 0x1FFF

    def limit(self, register: int) -> int:
        """Return a limit in sixteenths of a °C."""
        return (self.bank[register] ^ 0x1000) - 0x1000

    def on_read(self, length: int) -> bytes:
        self.refresh()
        value = self.bank.get(self.pointer, 0)
        one = bytes([value]) if self.pointer == RESOLUTION else value.to_bytes(2, "big")
        return one.ljust(length, b"\xff")[:length]
