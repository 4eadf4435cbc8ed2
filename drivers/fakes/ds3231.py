"""Fake DS3231, from Maxim's datasheet: a clock with a thermometer that converts every 64 s, or when told.

Source: Maxim Integrated "DS3231 Extremely Accurate I2C-Integrated RTC/TCXO/Crystal": register map, power-on values.
Loss of power means supply and battery: the oscillator stopped, and says so.
"""

from __future__ import annotations

from .chip import FakeRegisters, clamp

CONTROL, STATUS, AGING, TEMPERATURE = 0x0E, 0x0F, 0x10, 0x11
CONVERT, STOPPED, BUSY = 1 << 5, 1 << 7, 1 << 2
PERIOD, CONVERSION = 64.0, 0.200  # seconds; the longest
# The pointer wraps here.
SIZE = 0x13


class FakeDs3231(FakeRegisters):
    """Feels temperature in °C, in steps of 0.25."""

    name = "ds3231"
    addresses = (0x68,)
    senses = {"temperature": 21.5}

    def power_on(self) -> None:
        self.fill(0x00, bytes([0x00, 0x00, 0x00, 0x01, 0x01, 0x01, 0x00]))
        self.fill(CONTROL, bytes([0x1C, STOPPED | 0x08]))
        # The first conversion comes with the power.
        self.converting = True
        self.busy_for(CONVERSION)

    def store(self, register: int, value: int) -> None:
        self.refresh()
        register %= SIZE
        # Flags are cleared with 0, and never set from outside.
        if register == STATUS:
            flags = self.bank[STATUS] & value & 0x83
            self.bank[STATUS] = flags | value & 0x08 | self.bank[STATUS] & BUSY
        elif register < STATUS or register == AGING:
            self.bank[register] = value
            if register == CONTROL and value & CONVERT and not self.converting:
                self.converting = True
                self.busy_for(CONVERSION)

    def refresh(self) -> None:
        self.tick()
        if not self.converting and self.clock() >= self.busy_until + PERIOD:
            # One of the periodic conversions came by; it is over.
            self.converting = True
        if self.converting and not self.busy:
            self.converting = False
            self.bank[CONTROL] &= ~CONVERT
            quarters = clamp(self.world["temperature"] * 4, -128 * 4, 127 * 4 + 3)
            self.fill(TEMPERATURE, (quarters << 6 & 0xFFC0).to_bytes(2, "big"))
            self.busy_until += PERIOD * ((self.clock() - self.busy_until) // PERIOD)
        self.bank[STATUS] = self.bank[STATUS] & ~BUSY | BUSY * self.converting

    def tick(self) -> None:
        """Let the seconds and minutes run, from midnight at power-on."""
        minutes, seconds = divmod(int(self.clock() - self.powered_at), 60)
        self.bank[0] = seconds // 10 << 4 | seconds % 10
        self.bank[1] = minutes % 60 // 10 << 4 | minutes % 10

    def on_read(self, length: int) -> bytes:
        self.refresh()
        return bytes(self.bank[(self.pointer + i) % SIZE] for i in range(length))
