"""Fake MAX31856, from Maxim's 19-7534: conversions that take their time, faults in register 0Fh."""

from __future__ import annotations

from .chip import clamp
from .spi import FakeSpiRegisters

POWER_ON = bytes.fromhex("00 03 ff 7f c0 7f ff 80 00 00 00 00 00 00 00 00")
# Registers that can be written: the results and the faults cannot.
WRITABLE = 0x0A
RANGES = (
    (250.0, 1820.0), (-200.0, 1000.0), (-210.0, 1200.0), (-200.0, 1372.0),
    (-200.0, 1300.0), (-50.0, 1768.0), (-50.0, 1768.0), (-200.0, 400.0),
)  # fmt: skip
WIRE_FAULTS = {"open": 0x01, "overvoltage": 0x02}
ONE_SHOT_TAKES = {0: 0.155, 1: 0.185}  # 60 Hz, 50 Hz
TESTING_TAKES = 0.015


class FakeMax31856(FakeSpiRegisters):
    """Feels the thermocouple and the cold junction in °C; `open`, `overvoltage`: its wires."""

    name = "max31856"
    senses = {"temperature": 180.0, "reference_temperature": 24.0}
    kinds = (*FakeSpiRegisters.kinds, *WIRE_FAULTS)

    def power_on(self) -> None:
        self.bank[:] = POWER_ON
        self.ready_at: float | None = None

    def store(self, register: int, value: int) -> None:
        if register >= WRITABLE:
            return
        if register == 0x00:
            if value & 0x40:
                testing = TESTING_TAKES if value & 0x30 else 0.0
                self.ready_at = self.present() + ONE_SHOT_TAKES[value & 1] + testing
            # FAULTCLR clears itself.
            value &= ~0x02
        self.bank[register] = value

    def refresh(self) -> None:
        if self.ready_at is not None and self.present() >= self.ready_at:
            self.ready_at = None
            self.bank[0x00] &= ~0x40
            self.convert()

    def convert(self) -> None:
        """Put a result into the registers 0Ah to 0Fh."""
        hot, cold = self.world["temperature"], self.world["reference_temperature"]
        low, high = RANGES[self.bank[0x01] & 0x07]
        faults = WIRE_FAULTS.get(self.fault, 0)
        faults &= 0x03 if self.bank[0x00] & 0x30 else 0x02
        faults |= 0x40 * (not low <= hot <= high) | 0x80 * (not -55 <= cold <= 125)
        raw_cold = (clamp(cold * 64, -0x2000, 0x1FFF) & 0x3FFF) << 2
        raw_hot = (clamp(hot * 128, -0x40000, 0x3FFFF) & 0x7FFFF) << 5
        self.bank[0x0A:0x0C] = raw_cold.to_bytes(2, "big")
        self.bank[0x0C:0x0F] = raw_hot.to_bytes(3, "big")
        self.bank[0x0F] = faults
