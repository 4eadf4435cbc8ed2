"""Fake BMP180, from Bosch's datasheet: one conversion on command, whose bit in the control register it clears.

Source: Bosch "BMP180 Digital pressure sensor" (BST-BMP180-DS000): memory map, longest conversion times, calibration of
the worked example, and the formulas, here in floating point and turned round by a search.
"""

from __future__ import annotations

import struct

from .chip import FakeRegisters, Nack, solve

# AC1..AC6, B1, B2, MB, MC, MD of the worked example.
TRIM = struct.pack(">3h3H5h", 408, -72, -14383, 32741, 32757, 23153, 6190, 4, -32768, -8711, 2868)
_WORDS: tuple[int, ...] = struct.unpack(">3h3H5h", TRIM)
AC1, AC2, AC3, AC4, AC5, AC6, B1, B2, _, MC, MD = _WORDS
CONVERSION = {0: 0.0045, 1: 0.0075, 2: 0.0135, 3: 0.0255}
STARTS_IN = 0.010


def fine(ut: float) -> float:
    """Return the temperature in 1/160 °C."""
    x1 = (ut - AC6) * AC5 / 2**15
    return x1 + MC * 2**11 / (x1 + MD)


def pascals(up: float, oss: int, b5: float) -> float:
    """Return Pa of an uncompensated pressure."""
    b6 = b5 - 4000
    b3 = ((AC1 * 4 + B2 * b6**2 / 2**23 + AC2 * b6 / 2**11) * (1 << oss) + 2) / 4
    b4 = AC4 * ((AC3 * b6 / 2**13 + B1 * b6**2 / 2**28 + 2) / 4 + 32768) / 2**15
    p = 2 * (up - b3) * (50000 / (1 << oss)) / b4
    return p + (p**2 * 3038 / 2**32 - 7357 * p / 2**16 + 3791) / 16


class FakeBmp180(FakeRegisters):
    """Feels temperature in °C and pressure in hPa."""

    name = "bmp180"
    addresses = (0x77,)
    senses = {"temperature": 21.5, "pressure": 1009.4}
    parts = ("pressure",)
    # The integer formulas of the datasheet lose up to some pascals on the way.
    unlike = {"transfers": 9, "steps": {"pressure": 2.0}}

    def power_on(self) -> None:
        self.fill(0xAA, TRIM)
        self.bank[0xD0], self.bank[0xD1] = 0x55, 0x02
        self.fill(0xF6, b"\x80\x00\x00")
        self.coming: bytes | None = None
        self.wakes_at = self.clock() + STARTS_IN

    def on_write(self, data: bytes) -> None:
        if self.clock() < self.wakes_at - 1e-9:
            raise Nack
        super().on_write(data)

    def store(self, register: int, value: int) -> None:
        if register == 0xE0 and value == 0xB6:
            self.lose_power()
        elif register == 0xF4:
            self.refresh()
            self.bank[0xF4] = value
            if value & 0x20:
                oss = value >> 6
                self.busy_for(CONVERSION[oss if value & 0x1F == 0x14 else 0])
                self.coming = self.converted(value & 0x1F, oss)

    def converted(self, what: int, oss: int) -> bytes:
        """Return the three bytes of the result for what is felt now."""
        ut = solve(0, 0xFFFF, self.world["temperature"] * 160, fine)
        if what == 0x0E:
            return ut.to_bytes(2, "big") + b"\x00"
        most = (1 << 16 + oss) - 1
        up = solve(0, most, self.world["pressure"] * 100, lambda raw: pascals(raw, oss, fine(ut)))
        if "pressure" in self.broken:
            up = most
        return (up << 8 - oss).to_bytes(3, "big")

    def refresh(self) -> None:
        if self.coming is not None and not self.busy:
            self.fill(0xF6, self.coming)
            self.bank[0xF4] &= ~0x20
            self.coming = None
