"""Fake MS5611, from TE Connectivity's datasheet: a PROM with a checksum, and results that can be read once.

Source: TE "MS5611-01BA03": commands, longest conversion times, coefficients of the worked example, compensation of
first and second order, here turned round by a search; AN520 for the CRC-4.
"""

from __future__ import annotations

from random import Random

from .chip import FakeChip, Nack, clamp, solve

# C1..C6 of the worked example, between a word of the factory and the one with the checksum.
C = (40127, 36924, 23317, 23282, 33464, 28312)
TIMES = (0.0006, 0.00117, 0.00228, 0.00454, 0.00904)
RELOADS_IN = 0.0028


def checksum(words: list[int]) -> int:
    """Return the CRC-4 over eight words of which the last one's lower byte is 0."""
    rest = 0
    for n in range(16):
        rest ^= words[n // 2] >> 8 if n % 2 == 0 else words[n // 2] & 0xFF
        for _ in range(8):
            rest = rest << 1 ^ 0x3000 if rest & 0x8000 else rest << 1
    return rest >> 12 & 0xF


def prom() -> list[int]:
    """Return the eight words."""
    words = [0x0046, *C, 0x1D00]
    words[7] |= checksum(words)
    return words


def compensated(d1: float, d2: float) -> tuple[float, float]:
    """Return °C and hPa."""
    dt = d2 - C[4] * 256
    temp = 2000 + dt * C[5] / 8388608
    off, sens = C[1] * 65536 + C[3] * dt / 128, C[0] * 32768 + C[2] * dt / 256
    t2 = off2 = sens2 = 0.0
    if temp < 2000:
        t2, off2, sens2 = dt * dt / 2147483648, 5 * (temp - 2000) ** 2 / 2, 5 * (temp - 2000) ** 2 / 4
    if temp < -1500:
        off2, sens2 = off2 + 7 * (temp + 1500) ** 2, sens2 + 11 * (temp + 1500) ** 2 / 2
    return (temp - t2) / 100, (d1 * (sens - sens2) / 2097152 - (off - off2)) / 32768 / 100


class FakeMs5611(FakeChip):
    """Feels temperature in °C and pressure in hPa."""

    name = "ms5611"
    addresses = (0x77, 0x76)
    senses = {"temperature": 21.5, "pressure": 1009.4}
    parts = ("pressure",)
    # A reset, six conversions and their results, a word of the PROM.
    unlike = {"transfers": 14}
    noise = 0

    def power_on(self) -> None:
        self.rng = Random(5)
        self.is_loaded = False
        self.answer = b""
        self.result = 0
        self.busy_for(RELOADS_IN)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            # A command during a conversion spoils it.
            self.result, self.busy_until = 0, 0.0
        command = data[0]
        self.answer = b""
        if command == 0x1E:
            self.is_loaded, self.result = True, 0
            self.busy_for(RELOADS_IN)
        elif command & 0xF1 == 0xA0:
            self.answer = (prom()[command >> 1 & 7] if self.is_loaded else 0).to_bytes(2, "big")
        elif command & 0xE1 == 0x40 and command & 0x0F <= 8:
            self.result = self.converted(is_temperature=bool(command & 0x10)) if self.is_loaded else 0
            self.busy_for(TIMES[command >> 1 & 7])
        elif command == 0x00:
            self.answer = (0 if self.busy else self.result).to_bytes(3, "big")
            self.result = 0

    def converted(self, *, is_temperature: bool) -> int:
        """Return the raw value of what is felt now."""
        d2 = solve(0, 0xFFFFFF, self.world["temperature"], lambda raw: compensated(0, raw)[0])
        wobble = self.rng.randint(-self.noise, self.noise)
        if is_temperature:
            return clamp(d2 + 30 * wobble, 1, 0xFFFFFF)
        if "pressure" in self.broken:
            return 0xFFFFFF
        d1 = solve(0, 0xFFFFFF, self.world["pressure"], lambda raw: compensated(raw, d2)[1])
        return clamp(d1 + 10 * wobble, 1, 0xFFFFFF)

    def on_read(self, length: int) -> bytes:
        if not self.answer:
            raise Nack
        return self.answer.ljust(length, b"\xff")[:length]
