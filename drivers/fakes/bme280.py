"""Fake BME280 and BMP280, from Bosch's datasheets: forced and normal mode, calibration of the datasheet's example.

Source: Bosch "BME280 Combined humidity and pressure sensor" and "BMP280 Digital Pressure Sensor": register map,
compensation in double precision, measuring times, resolution of 16 bits and one more with each doubling of the samples.
"""

from __future__ import annotations

import struct
from typing import ClassVar

from .chip import FakeRegisters, solve

TRIM = bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017")  # 0x88: T1..T3, P1..P9
# 0xE1: H2..H6, with the nibbles of H4 and H5 in 0xE5.
TRIM_HUMIDITY = bytes.fromhex("6a01001329031e")
# Other specimens.
NEGATIVE_H4, NEGATIVE_H5_H6 = bytes.fromhex("610100ff04191e"), bytes.fromhex("6a010013e9fce2")
H1 = 0x4B  # at 0xA1
TIMES = (0, 1, 2, 4, 8, 16, 16, 16)  # oversampling codes
_WORDS: tuple[int, ...] = struct.unpack("<HhhHhhhhhhhh", TRIM)
T1, T2, T3, P1, P2, P3, P4, P5, P6, P7, P8, P9 = _WORDS


def fine(adc: float) -> float:
    """Return Bosch's t_fine, 1/5120 °C, of a 20-bit temperature."""
    return (adc / 16384 - T1 / 1024) * T2 + (adc / 131072 - T1 / 8192) ** 2 * T3


def pascals(adc: float, t_fine: float) -> float:
    """Return Pa of a 20-bit pressure."""
    x = t_fine / 2 - 64000
    offset = (x * x * P6 / 32768 + x * P5 * 2) / 4 + P4 * 65536
    scale = (1 + (P3 * x * x / 524288 + P2 * x) / 524288 / 32768) * P1
    p = (1048576 - adc - offset / 4096) * 6250 / scale
    return p + (P9 * p * p / 2147483648 + p * P8 / 32768 + P7) / 16


def humidity_trim(e: bytes) -> tuple[int, int, int, int, int]:
    """Return H2..H6 out of 0xE1..0xE7; H4 and H5 are signed numbers of 12 bits that share 0xE5."""
    h4 = int.from_bytes(e[3:4], "big", signed=True) * 16 + (e[4] & 15)
    h5 = int.from_bytes(e[5:6], "big", signed=True) * 16 + (e[4] >> 4)
    return int.from_bytes(e[:2], "little", signed=True), e[2], h4, h5, int.from_bytes(e[6:], "big", signed=True)


def percent(adc: float, t_fine: float, trim: bytes = TRIM_HUMIDITY) -> float:
    """Return %RH of a 16-bit humidity."""
    x = t_fine - 76800
    h2, h3, h4, h5, h6 = humidity_trim(trim)
    slope = h2 / 65536 * (1 + h6 / 67108864 * x * (1 + h3 / 67108864 * x))
    h = (adc - (h4 * 64 + h5 / 16384 * x)) * slope
    return h * (1 - H1 * h / 524288)


class FakeBmp280(FakeRegisters):
    """Feels temperature in °C and pressure in hPa. Register writes are (register, value) pairs."""

    name = "bmp280"
    addresses = (0x76, 0x77)
    senses = {"temperature": 21.5, "pressure": 1009.4}
    parts: ClassVar[tuple[str, ...]] = ("pressure",)
    identity = 0x58
    has_humidity = False
    trim_humidity = TRIM_HUMIDITY
    writes_advance = False

    def power_on(self) -> None:
        self.fill(0xD0, bytes([self.identity]))
        self.fill(0xF7, b"\x80\x00\x00\x80\x00\x00" + b"\x80\x00" * self.has_humidity)
        self.conversion: bytes | None = None
        # Takes effect with the next write to 0xF4.
        self.humidity_times = 0

    def store(self, register: int, value: int) -> None:
        if register == 0xE0 and value == 0xB6:
            self.lose_power()
        elif register == 0xF2 and self.has_humidity:
            self.bank[0xF2] = value & 7
        elif register == 0xF5:
            self.bank[0xF5] = value & 0xFD
        elif register == 0xF4:
            self.refresh()
            self.bank[0xF4] = value
            self.humidity_times = TIMES[self.bank[0xF2]]
            if value & 3:
                self.busy_for(self.takes())
                self.conversion = self.converted()

    def takes(self) -> float:
        """Return the datasheet's longest measuring time, in seconds."""
        t, p, h = TIMES[self.bank[0xF4] >> 5], TIMES[self.bank[0xF4] >> 2 & 7], self.humidity_times
        return (1.25 + 2.3 * t + (2.3 * p + 0.575) * (p > 0) + (2.3 * h + 0.575) * (h > 0)) / 1000

    def converted(self) -> bytes:
        """Return the bytes of 0xF7.. for what is felt now; what is skipped keeps its power-on value."""
        t_raw = solve(0, 0xFFFFF, self.world["temperature"] * 5120, fine)
        t_fine = fine(t_raw)
        p_raw = solve(0, 0xFFFFF, self.world["pressure"] * 100, lambda raw: pascals(raw, t_fine))
        osrs_t, osrs_p = self.bank[0xF4] >> 5, self.bank[0xF4] >> 2 & 7
        frame = self.twenty(p_raw, 0 if "pressure" in self.broken else osrs_p) + self.twenty(t_raw, osrs_t)
        if self.has_humidity:
            h_raw = solve(0, 0xFFFF, self.world["humidity"], lambda raw: percent(raw, t_fine, self.trim_humidity))
            # An element that is open converts to nothing.
            h_raw = 0 if "humidity" in self.broken else h_raw
            frame += (h_raw if self.humidity_times else 0x8000).to_bytes(2, "big")
        return frame

    def twenty(self, raw: int, oversampling: int) -> bytes:
        """Return a 20-bit result, left-justified in 3 bytes, with the bits that this oversampling resolves."""
        if not oversampling:
            return b"\x80\x00\x00"
        unresolved = 0 if self.bank[0xF5] >> 2 & 7 else max(0, 5 - oversampling)
        raw = min(0xFFFFF >> unresolved, (raw + (1 << unresolved >> 1)) >> unresolved) << unresolved
        return (raw << 4).to_bytes(3, "big")

    def refresh(self) -> None:
        # The trimming values come out of the fuses.
        copying = self.clock() < self.powered_at + 0.002 - 1e-9
        self.bank[0xF3] = copying | self.busy << 3
        if not copying:
            self.trim()
        if self.conversion is None or self.busy:
            return
        if self.bank[0xF4] & 3 == 3:
            self.conversion = self.converted()
        self.fill(0xF7, self.conversion)
        # Forced: back to sleep.
        if self.bank[0xF4] & 3 != 3:
            self.bank[0xF4] &= 0xFC
            self.conversion = None

    def trim(self) -> None:
        """Show the trimming values."""
        self.fill(0x88, TRIM)


class FakeBme280(FakeBmp280):
    """Feels temperature in °C, humidity in % and pressure in hPa."""

    name = "bme280"
    senses = {"temperature": 21.5, "humidity": 45.0, "pressure": 1009.4}
    parts = ("pressure", "humidity")
    identity = 0x60
    has_humidity = True
    # Attributes in which one chip differs from the next.
    specimens: ClassVar[tuple[dict[str, bytes], ...]] = (
        {},
        {"trim_humidity": NEGATIVE_H4},
        {"trim_humidity": NEGATIVE_H5_H6},
    )

    def trim(self) -> None:
        super().trim()
        self.fill(0xA1, bytes([H1]))
        self.fill(0xE1, self.trim_humidity)
