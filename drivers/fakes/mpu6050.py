"""Fake MPU-6050, from InvenSense's register map (RM-MPU-6000A): sleeps after power-on, all its data 0.

Awake, it samples at the rate that is set (§4.4), and holds each sample until the next.
"""

from __future__ import annotations

from random import Random

from .chip import FakeRegisters, clamp

RATE, CONFIG, GYRO, ACCEL, INTERRUPT, DATA = 0x19, 0x1A, 0x1B, 0x1C, 0x3A, 0x3B
POWER, STANDBY, IDENTITY = 0x6B, 0x6C, 0x75
READ_ONLY = (*range(0x3A, 0x61), IDENTITY)
GRAVITY = 9.80665  # m/s²
DEGREES = 57.29577951308232  # in one radian
WAKES_AFTER = 0.030  # seconds; the gyroscope's drive is the slow part


class FakeMpu6050(FakeRegisters):
    """Feels acceleration in m/s², rotation in rad/s and its own temperature in °C."""

    name = "mpu6050"
    addresses = (0x68, 0x69)
    senses = {
        "acceleration_x": 0.1, "acceleration_y": -0.2, "acceleration_z": 9.8,
        "rotation_x": 0.01, "rotation_y": -0.02, "rotation_z": 0.03, "temperature": 24.0,
    }  # fmt: skip

    noise = 0  # digits by which a sample is off at most
    identity = 0x68
    at_power_on = 0x40  # the power management: asleep
    per_kelvin, at_zero = 340.0, 36.53  # digits per °C, and °C at 0

    def power_on(self) -> None:
        self.rng = Random(6050)
        self.bank = bytearray(256)
        self.bank[POWER], self.bank[IDENTITY] = self.at_power_on, self.identity

    def store(self, register: int, value: int) -> None:
        if register in READ_ONLY or register > IDENTITY:
            return
        if register == POWER and value & 0x80:
            self.power_on()
            return
        if register == POWER and self.bank[POWER] & 0x40 and not value & 0x40:
            self.busy_for(WAKES_AFTER)
        self.bank[register] = value

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if self.pointer <= INTERRUPT < self.pointer + length:
            self.bank[INTERRUPT] = 0
        if self.pointer <= DATA < self.pointer + length and not self.busy:
            self.busy_for(self.period)
        return answer

    @property
    def period(self) -> float:
        """Seconds from one sample to the next: without its filter the gyroscope is eight times as fast."""
        hertz = 8000 if self.bank[CONFIG] & 7 in (0, 7) else 1000
        return (1 + self.bank[RATE]) / hertz

    def refresh(self) -> None:
        if self.bank[POWER] & 0x40 or self.busy:
            return  # the data registers keep what they had
        standby = self.bank[STANDBY]
        a = 16384 >> (self.bank[ACCEL] >> 3 & 3)  # digits per g
        w = 131 / (1 << (self.bank[GYRO] >> 3 & 3))  # digits per degree a second
        for n, axis in enumerate("xyz"):
            if not standby & 0x20 >> n:
                self.put(DATA + 2 * n, self.world[f"acceleration_{axis}"] / GRAVITY * a)
            if not standby & 0x04 >> n:
                self.put(DATA + 8 + 2 * n, self.world[f"rotation_{axis}"] * DEGREES * w)
        if not self.bank[POWER] & 0x08:
            self.put(DATA + 6, (self.world["temperature"] - self.at_zero) * self.per_kelvin)
        self.bank[INTERRUPT] |= 1

    def put(self, register: int, digits: float) -> None:
        """Put a signed word, high byte first."""
        digits += self.rng.randint(-self.noise, self.noise)
        self.fill(register, (clamp(digits, -0x8000, 0x7FFF) & 0xFFFF).to_bytes(2, "big"))
