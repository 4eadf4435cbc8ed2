"""Fake ADXL345, from Analog Devices' datasheet (rev. E): in standby until told to measure."""

from __future__ import annotations

from random import Random

from .chip import FakeRegisters, clamp

IDENTITY, RATE, POWER, ENABLE, SOURCE, FORMAT, DATA = 0x00, 0x2C, 0x2D, 0x2E, 0x30, 0x31, 0x32
WRITABLE = (*range(0x1D, 0x2B), *range(0x2C, 0x30), 0x31, 0x38)
GRAVITY = 9.80665  # m/s²


class FakeAdxl345(FakeRegisters):
    """Feels acceleration in m/s²."""

    name = "adxl345"
    addresses = (0x53, 0x1D)
    senses = {"acceleration_x": 0.1, "acceleration_y": -0.2, "acceleration_z": 9.8}

    noise = 0  # digits by which a sample is off at most

    def power_on(self) -> None:
        self.rng = Random(345)
        self.bank = bytearray(256)
        self.bank[IDENTITY], self.bank[RATE], self.bank[SOURCE] = 0xE5, 0x0A, 0x02

    def store(self, register: int, value: int) -> None:
        if register not in WRITABLE:
            return
        self.refresh()
        began = register == POWER and value & 8 and not self.bank[POWER] & 8
        self.bank[register] = value & 0x3F if register == POWER else value
        if began:
            self.busy_for(self.period + 0.0011)  # turn-on time

    @property
    def period(self) -> float:
        """Seconds from one sample to the next."""
        return (1 << 15 - (self.bank[RATE] & 15)) / 3200

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if any(DATA <= self.pointer + n < DATA + 6 for n in range(length)) and self.bank[SOURCE] & 0x80:
            self.bank[SOURCE] &= ~0x83 & 0xFF
            self.busy_for(self.period)
        return answer

    def refresh(self) -> None:
        if not self.bank[POWER] & 8 or self.busy:
            return
        shape = self.bank[FORMAT]
        extra = shape & 3  # bits more (full resolution) or digits coarser, from ±2 g
        full = bool(shape & 8)
        bits = 10 + (extra if full else 0)
        scale = 256 if full else 256 >> extra  # digits per g
        half = 1 << bits - 1
        for n, axis in enumerate("xyz"):
            felt = self.world[f"acceleration_{axis}"] / GRAVITY * scale
            digits = clamp(felt + self.rng.randint(-self.noise, self.noise), -half, half - 1)
            if shape & 4:
                digits <<= 16 - bits  # left-justified
            self.fill(DATA + 2 * n, (digits & 0xFFFF).to_bytes(2, "little"))
        self.bank[SOURCE] |= 0x82
