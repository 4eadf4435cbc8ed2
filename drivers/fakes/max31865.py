"""Fake MAX31865, from Maxim's 19-6478: a ratio of resistances, converted only while the bias is on."""

from __future__ import annotations

from .chip import clamp
from .spi import FakeSpiRegisters

POWER_ON = bytes.fromhex("00 00 00 ff ff 00 00 00")
ONE_SHOT_TAKES = {0: 0.055, 1: 0.066}  # 60 Hz, 50 Hz
# What the fault-detection cycle finds at each wire (table 7).
WIRE_FAULTS = {"open": 0x20, "short_to_ground": 0x18, "overvoltage": 0x04}


class FakeMax31865(FakeSpiRegisters):
    """Feels °C at a Pt100 or Pt1000; `open`, `shorted`, `short_to_ground`, `overvoltage`: its wires."""

    name = "max31865"
    senses = {"temperature": 21.0}
    kinds = (*FakeSpiRegisters.kinds, *WIRE_FAULTS, "shorted")
    count = 8

    def power_on(self) -> None:
        self.bank[:] = POWER_ON
        self.ready_at: float | None = None

    def store(self, register: int, value: int) -> None:
        if register in (0x01, 0x02, 0x07):
            return
        if register == 0x00:
            if value & 0x02:
                self.bank[0x07] = 0x00
                value &= ~0x02
            if value & 0x0C and value & 0x80:
                self.bank[0x07] |= WIRE_FAULTS.get(self.fault, 0)
                value &= ~0x0C
            if value & 0x20:
                self.ready_at = self.present() + ONE_SHOT_TAKES[value & 1]
        self.bank[register] = value

    def refresh(self) -> None:
        if self.ready_at is not None and self.present() >= self.ready_at:
            self.ready_at = None
            self.bank[0x00] &= ~0x20
            self.convert()

    def convert(self) -> None:
        """Put the ratio into the registers, and compare it with the thresholds."""
        nominal = self.options.get("nominal", 100.0)
        reference = self.options.get("reference") or 4.3 * nominal
        code = clamp(platinum(self.world["temperature"], nominal) / reference * 32768, 0, 0x7FFF)
        if self.fault in ("open", "shorted") or not self.bank[0x00] & 0x80:
            code = 0x7FFF if self.fault == "open" else 0
        high, low = (int.from_bytes(self.bank[at : at + 2], "big") >> 1 for at in (0x03, 0x05))
        self.bank[0x07] |= 0x80 * (code >= high) | 0x40 * (code <= low)
        word = code << 1 | bool(self.bank[0x07])
        self.bank[0x01:0x03] = word.to_bytes(2, "big")


def platinum(celsius: float, nominal: float) -> float:
    """Return the ohms of an industrial platinum thermometer, from the temperatures of IEC 60751's equations."""
    squared = -5.775e-7 * celsius * celsius
    fourth = -4.183e-12 * (celsius - 100) * celsius * celsius * celsius if celsius < 0 else 0
    return nominal * (1 + 3.9083e-3 * celsius + squared + fourth)
