"""Fake LM75B, from NXP's datasheet: 11 bits, a first conversion that takes 100 ms, no identity.

Source: NXP "LM75B Digital temperature sensor and thermal watchdog": registers, power-on values, conversion period.
"""

from __future__ import annotations

from .chip import FakeWords, clamp

TEMPERATURE, CONFIGURATION, HYSTERESIS, OVERTEMPERATURE = range(4)


class FakeLm75(FakeWords):
    """Feels temperature in °C, in steps of 0.125. Converts every 100 ms; shows 0 °C until the first one."""

    name = "lm75"
    addresses = (0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F)
    senses = {"temperature": 21.5}
    defaults = {TEMPERATURE: 0x0000, CONFIGURATION: 0x00, HYSTERESIS: 0x4B00, OVERTEMPERATURE: 0x5000}
    converts_in = 0.100

    def power_on(self) -> None:
        super().power_on()
        self.busy_for(self.converts_in)

    def on_write(self, data: bytes) -> None:
        # The other bits of the pointer are not there.
        self.pointer = data[0] & 3
        if self.pointer == CONFIGURATION and len(data) >= 2:
            self.bank[CONFIGURATION] = data[1] & 0x1F
        elif self.pointer >= HYSTERESIS and len(data) >= 3:
            self.bank[self.pointer] = int.from_bytes(data[1:3], "big") & 0xFF80

    def on_read(self, length: int) -> bytes:
        self.refresh()
        register = self.bank[self.pointer]
        one = bytes([register]) if self.pointer == CONFIGURATION else register.to_bytes(2, "big")
        # Read on, a register repeats.
        return (one * length)[:length]

    def refresh(self) -> None:
        # Bit 0: shut down.
        if not self.busy and not self.bank[CONFIGURATION] & 1:
            eighths = clamp(self.world["temperature"] * 8, -128 * 8, 127 * 8 + 7)
            self.bank[TEMPERATURE] = eighths << 5 & 0xFFE0
