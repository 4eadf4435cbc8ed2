"""Fake BMP388 and BMP390, from Bosch's datasheets: forced mode, 24-bit results, data-ready bits, cleared when read.

Source: Bosch "BMP388 Digital pressure sensor" and "BMP390": register map, compensation in floating point, measuring
time, resolution of 16 bits and one more with each doubling of the samples.
"""

from __future__ import annotations

import struct

from .chip import FakeRegisters, solve

TRIM = bytes.fromhex("7c6ce349f62ffb1bf823007762417703fad63f1bc4")  # 0x31: T1..T3, P1..P11
_WORDS: tuple[int, ...] = struct.unpack("<HHbhhbbHHbbhbb", TRIM)
T1, T2, T3, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11 = _WORDS
COMMAND_READY, PRESSURE_READY, TEMPERATURE_READY = 0x10, 0x20, 0x40
SETTINGS = (0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1C, 0x1D, 0x1F)


def celsius(adc: float) -> float:
    """Return °C of a 24-bit temperature."""
    d = adc - T1 * 2**8
    return d * T2 / 2**30 + d * d * T3 / 2**48


def pascals(adc: float, t: float) -> float:
    """Return Pa of a 24-bit pressure at `t` °C."""
    offset = P5 * 2**3 + P6 / 2**6 * t + P7 / 2**8 * t**2 + P8 / 2**15 * t**3
    slope = (P1 - 2**14) / 2**20 + (P2 - 2**14) / 2**29 * t + P3 / 2**32 * t**2 + P4 / 2**37 * t**3
    return offset + adc * slope + adc**2 * (P9 / 2**48 + P10 / 2**48 * t) + adc**3 * P11 / 2**65


class FakeBmp388(FakeRegisters):
    """Feels temperature in °C and pressure in hPa. Register writes are (register, value) pairs."""

    name = "bmp388"
    addresses = (0x76, 0x77)
    senses = {"temperature": 21.5, "pressure": 1009.4}
    parts = ("pressure",)
    identity = 0x50
    writes_advance = False

    def power_on(self) -> None:
        self.fill(0x00, bytes([self.identity]))
        self.bank[0x03] = COMMAND_READY
        self.fill(0x04, b"\x00\x00\x80\x00\x00\x80")
        # Power-on detected.
        self.bank[0x10] = 1
        self.bank[0x1C] = 0x02
        self.fill(0x31, TRIM)
        self.coming: bytes | None = None

    def store(self, register: int, value: int) -> None:
        if register == 0x7E:
            if value == 0xB6:
                self.lose_power()
                self.busy_for(0.002)
        elif register == 0x1B:
            self.refresh()
            self.bank[0x1B] = value & 0x33
            if value & 0x30 and value & 3:
                self.busy_for(self.takes())
                self.coming = self.converted()
        elif register in SETTINGS:
            self.bank[register] = value

    def takes(self) -> float:
        """Return the datasheet's measuring time, in seconds."""
        osr, power = self.bank[0x1C], self.bank[0x1B]
        p = (392 + (2020 << min(osr & 7, 5))) * (power & 1)
        t = (313 + (2020 << min(osr >> 3 & 7, 5))) * (power >> 1 & 1)
        return (234 + p + t) / 1e6

    def converted(self) -> bytes:
        """Return the bytes of 0x04.. for what is felt now; what is switched off keeps its power-on value."""
        osr, power = self.bank[0x1C], self.bank[0x1B]
        t_raw = solve(0, 0xFFFFFF, self.world["temperature"], celsius)
        t = celsius(t_raw)
        p_raw = solve(0, 0xFFFFFF, self.world["pressure"] * 100, lambda raw: pascals(raw, t))
        off = b"\x00\x00\x80"
        converts = power & 1 and "pressure" not in self.broken
        return (self.resolved(p_raw, osr & 7) if converts else off) + (
            self.resolved(t_raw, osr >> 3 & 7) if power & 2 else off
        )

    @staticmethod
    def resolved(raw: int, oversampling: int) -> bytes:
        """Return a result, least significant byte first, with the bits that this oversampling resolves."""
        unresolved = 8 - min(oversampling, 5)
        raw = min(0xFFFFFF >> unresolved, (raw + (1 << unresolved - 1)) >> unresolved) << unresolved
        return raw.to_bytes(3, "little")

    def refresh(self) -> None:
        if self.coming is None or self.busy:
            return
        # Normal mode goes on.
        if self.bank[0x1B] & 0x30 == 0x30:
            self.coming = self.converted()
        self.fill(0x04, self.coming)
        self.bank[0x03] |= (self.bank[0x1B] & 3) << 5
        if self.bank[0x1B] & 0x30 != 0x30:
            self.bank[0x1B] &= 0x03
            self.coming = None

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        touched = range(self.pointer, self.pointer + length)
        if 0x04 in touched:
            self.bank[0x03] &= ~PRESSURE_READY
        if 0x07 in touched:
            self.bank[0x03] &= ~TEMPERATURE_READY
        # Errors and events are cleared when read.
        for register in (0x02, 0x10, 0x11):
            if register in touched:
                self.bank[register] = 0
        return answer


class FakeBmp390(FakeBmp388):
    """Feels temperature in °C and pressure in hPa."""

    name = "bmp390"
    identity = 0x60

    def power_on(self) -> None:
        super().power_on()
        # Revision.
        self.bank[0x01] = 0x01
