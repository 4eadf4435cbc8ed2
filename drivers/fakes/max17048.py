"""Fake MAX17048, from Maxim's datasheet: a fuel gauge that tells of its reset, and knows nothing for a moment after it.

Source: Maxim Integrated "MAX17048/MAX17049 3µA 1-Cell/2-Cell Fuel Gauge with ModelGauge": register map, power-up.
"""

from __future__ import annotations

from .chip import FakeRegisters, clamp

VOLTAGE, CHARGE, MODE, VERSION, HIBERNATION, CONFIGURATION = 0x02, 0x04, 0x06, 0x08, 0x0A, 0x0C
ALERTS, RATE, RESET_VOLTAGE, STATUS, COMMAND = 0x14, 0x16, 0x18, 0x1A, 0xFE
DEFAULTS = {VERSION: 0x0012, HIBERNATION: 0x8030, CONFIGURATION: 0x971C, ALERTS: 0x00FF, RESET_VOLTAGE: 0x960C}
RESET = 0x01  # in the upper byte of the status


class FakeMax17048(FakeRegisters):
    """Feels voltage in V (of the cell), charge in % and charge_rate in %/h."""

    name = "max17048"
    addresses = (0x36,)
    senses = {"voltage": 3.92, "charge": 81.5, "charge_rate": -4.2}

    def power_on(self) -> None:
        for register, value in DEFAULTS.items():
            self.word(register, value)
        self.bank[STATUS] = RESET

    def word(self, register: int, value: int) -> None:
        """Put 16 bits at a register."""
        self.fill(register, value.to_bytes(2, "big"))

    def on_write(self, data: bytes) -> None:
        self.pointer = data[0]
        if data == b"\xfe\x54\x00":
            self.lose_power()
        elif len(data) == 3 and data[0] == STATUS:
            self.bank[STATUS] &= data[1]  # a bit is cleared with 0, and never set from outside
        elif len(data) == 3 and data[0] in (HIBERNATION, CONFIGURATION, ALERTS, RESET_VOLTAGE):
            self.fill(data[0], data[1:3])

    def refresh(self) -> None:
        age = self.clock() - self.powered_at + 1e-9
        if age >= 0.017:
            self.word(VOLTAGE, clamp(self.world["voltage"] / 78.125e-6, 0, 0xFFFF))
        if age >= 0.192:
            self.word(CHARGE, clamp(self.world["charge"] * 256, 0, 0xFFFF))
            self.word(RATE, clamp(self.world["charge_rate"] / 0.208, -0x8000, 0x7FFF) & 0xFFFF)
