"""Fake BME680, from Bosch's datasheet: forced mode with a heater that must be set, 17 bytes of results.

Source: Bosch "BME680 Low power gas, pressure, temperature & humidity sensor": register map, compensation in floating
point, table of the gas ranges. The measuring times are those of Bosch's own driver.
"""

from __future__ import annotations

import struct

from .chip import FakeRegisters, solve

TRIM = bytes.fromhex("65670300d98d9dd75800b21b7fff271e000014fbcef41e")  # 0x8A..0xA0
TRIM_HUMIDITY = bytes.fromhex("3f5232002d14789cb9650fdae212")  # 0xE1..0xEE
HEAT_VALUE, HEAT_RANGE = 0x2E, 1
_TRIM: tuple[int, ...] = struct.unpack("<hbxHhbxhhbbxxhhB", TRIM)
T2, T3, P1, P2, P3, P4, P5, P7, P6, P8, P9, P10 = _TRIM
# 0xE2 holds the low nibbles of both.
H2, H1 = 0x3F5, 0x322
_TAIL: tuple[int, ...] = struct.unpack("<bbbBbHhbb", TRIM_HUMIDITY[3:])
H3, H4, H5, H6, H7, T1, G2, G1, G3 = _TAIL
TIMES = (0, 1, 2, 4, 8, 16, 16, 16)
GAS = (8e6, 4e6, 2e6, 1e6, 499500.4995, 248262.1648, 125000, 63004.03226, 31281.28128, 15625, 7812.5, 3906.25,
       1953.125, 976.5625, 488.28125, 244.140625)  # fmt: skip
GAIN = (1, 1, 1, 1, 1, 0.99, 1, 0.992, 1, 1, 0.998, 0.995, 1, 0.99, 1, 1)


def fine(adc: float) -> float:
    """Return Bosch's t_fine, 1/5120 °C."""
    return (adc / 16384 - T1 / 1024) * T2 + (adc / 131072 - T1 / 8192) ** 2 * T3 * 16


def pascals(adc: float, t_fine: float) -> float:
    """Return Pa of a 20-bit pressure."""
    x = t_fine / 2 - 64000
    offset = (x * x * P6 / 131072 + x * P5 * 2) / 4 + P4 * 65536
    scale = (1 + (P3 * x * x / 16384 + P2 * x) / 524288 / 32768) * P1
    p = (1048576 - adc - offset / 4096) * 6250 / scale
    return p + (P9 * p * p / 2147483648 + p * P8 / 32768 + (p / 256) ** 3 * P10 / 131072 + P7 * 128) / 16


def percent(adc: float, t: float) -> float:
    """Return %RH of a 16-bit humidity at `t` °C."""
    h = (adc - (H1 * 16 + H3 / 2 * t)) * (H2 / 262144 * (1 + H4 / 16384 * t + H5 / 1048576 * t * t))
    return h + (H6 / 16384 + H7 / 2097152 * t) * h * h


def ohms(adc: float, gas_range: int) -> float:
    """Return Ω of a 10-bit gas reading."""
    gain = 1340 * GAIN[gas_range]
    return gain * GAS[gas_range] / (adc - 512 + gain)


def heater_code(target: float, ambient: float) -> float:
    """Return what res_heat must be for `target` °C."""
    slope = (G1 / 16 + 49) * (1 + (G2 / 32768 * 0.0005 + 0.00235) * target) + G3 / 1024 * ambient
    return 3.4 * (slope * 4 / (4 + HEAT_RANGE) / (1 + HEAT_VALUE * 0.002) - 25)


class FakeBme680(FakeRegisters):
    """Feels temperature in °C, humidity in %, pressure in hPa and gas_resistance in Ω. Writes are pairs."""

    name = "bme680"
    addresses = (0x76, 0x77)
    senses = {"temperature": 21.5, "humidity": 45.0, "pressure": 1009.4, "gas_resistance": 120_000.0}
    parts = ("humidity", "pressure", "gas_resistance")
    writes_advance = False
    # 0: BME680. A BME688 (1) and a BME690 (2) have other formulas; this fake has not.
    variant = 0

    def power_on(self) -> None:
        self.fill(0xD0, b"\x61")
        self.fill(0xF0, bytes([self.variant]))
        self.fill(0x1F, b"\x80\x00\x00\x80\x00\x00\x80\x00")
        self.fill(0x8A, TRIM)
        self.fill(0xE1, TRIM_HUMIDITY)
        self.fill(0x00, bytes([HEAT_VALUE, 0, HEAT_RANGE << 4, 0, 0]))
        self.coming: tuple[bytes, bytes] | None = None
        self.gas_from = 0.0

    def store(self, register: int, value: int) -> None:
        if register == 0xE0 and value == 0xB6:
            self.lose_power()
        elif 0x50 <= register <= 0x6D or 0x70 <= register <= 0x75:
            self.refresh()
            self.bank[register] = value
            if register == 0x74 and value & 3 == 1:
                self.start()

    def start(self) -> None:
        """Begin one forced measurement."""
        control = self.bank[0x74]
        samples = TIMES[control >> 5] + TIMES[control >> 2 & 7] + TIMES[self.bank[0x72] & 7]
        heats = bool(self.bank[0x71] & 0x10) and not self.bank[0x70] & 8
        step = self.bank[0x71] & 0x0F
        wait = self.bank[0x64 + step]
        seconds = (wait & 63) * 4 ** (wait >> 6) / 1000 if heats else 0.0
        self.gas_from = self.clock() + (samples * 1963 + 4 * 477) / 1e6
        self.busy_for((samples * 1963 + 4 * 477 + 5 * 477 * heats) / 1e6 + seconds)
        self.bank[0x1D] = step
        self.coming = self.weather(), self.gas(seconds, self.bank[0x5A + step]) if heats else b"\x00\x04"

    def weather(self) -> bytes:
        """Return the bytes of 0x1F..0x26; what is skipped keeps its power-on value."""
        control, world = self.bank[0x74], self.world
        t_raw = solve(0, 0xFFFFF, world["temperature"] * 5120, fine)
        t_fine = fine(t_raw)
        p_raw = solve(0, 0xFFFFF, world["pressure"] * 100, lambda raw: pascals(raw, t_fine))
        h_raw = solve(0, 0xFFFF, world["humidity"], lambda raw: percent(raw, t_fine / 5120))
        p_times = 0 if "pressure" in self.broken else control >> 2 & 7
        # An element that is open converts to nothing.
        h_raw = 0 if "humidity" in self.broken else h_raw
        pressure = self.twenty(p_raw, p_times) + self.twenty(t_raw, control >> 5)
        return pressure + (h_raw if self.bank[0x72] & 7 else 0x8000).to_bytes(2, "big")

    @staticmethod
    def twenty(raw: int, oversampling: int) -> bytes:
        """Return 20 bits, left-justified in 3 bytes, with the bits that this oversampling resolves."""
        if not oversampling:
            return b"\x80\x00\x00"
        unresolved = max(0, 5 - oversampling)
        raw = min(0xFFFFF >> unresolved, (raw + (1 << unresolved >> 1)) >> unresolved) << unresolved
        return (raw << 4).to_bytes(3, "big")

    def gas(self, seconds: float, code: int) -> bytes:
        """Return the bytes of 0x2A: 10 bits, valid, stable if the plate got 200..400 °C for 20 ms, the range."""
        felt, ambient = self.world["gas_resistance"], self.world["temperature"]
        tries = [(solve(0, 1023, felt, lambda adc, r=r: ohms(adc, r)), r) for r in range(16)]  # type: ignore[misc]
        adc, gas_range = min(tries, key=lambda one: abs(ohms(*one) - felt))
        heats = "gas_resistance" not in self.broken
        stable = heats and seconds >= 0.020 and heater_code(200, ambient) - 1 <= code <= heater_code(400, ambient) + 1
        return (adc << 6 | 0x20 | stable << 4 | gas_range).to_bytes(2, "big")

    def refresh(self) -> None:
        if self.coming is None:
            return
        if self.busy:
            heating = self.clock() >= self.gas_from
            self.bank[0x1D] = self.bank[0x1D] & 0x0F | (0x60 if heating else 0x20)
            return
        self.fill(0x1F, self.coming[0])
        self.fill(0x2A, self.coming[1])
        self.bank[0x1D] = self.bank[0x1D] & 0x0F | 0x80
        self.bank[0x74] &= 0xFC
        self.coming = None
