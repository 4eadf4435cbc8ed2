"""Fake LIS3DH, from ST's datasheet (DocID17530): powered down at first; a bit of the pointer makes it advance."""

from __future__ import annotations

from random import Random

from .chip import FakeRegisters, clamp

IDENTITY, CTRL0, CTRL1, CTRL4, CTRL5, STATUS, DATA = 0x0F, 0x1E, 0x20, 0x23, 0x24, 0x27, 0x28
READ_ONLY = (*range(0x1E), *range(0x27, 0x2E), 0x2F, 0x31, 0x35, 0x39)
RATES = {1: 1, 2: 10, 3: 25, 4: 50, 5: 100, 6: 200, 7: 400, 8: 1600, 9: 1344}  # Hz, by bits 7:4 of CTRL1
GRAVITY = 9.80665  # m/s²
MILLIG = (1, 2, 4, 12)  # a digit of 12 bits, by the range in bits 5:4 of CTRL4
SLOW = 1.1  # of the first results, against the nominal rate


class FakeLis3dh(FakeRegisters):
    """Feels acceleration in m/s²."""

    name = "lis3dh"
    addresses = (0x18, 0x19)
    senses = {"acceleration_x": 0.1, "acceleration_y": -0.2, "acceleration_z": 9.8}

    noise = 0  # digits by which a sample is off at most

    def power_on(self) -> None:
        self.rng = Random(3)
        self.bank = bytearray(256)
        self.bank[IDENTITY], self.bank[CTRL0], self.bank[CTRL1] = 0x33, 0x10, 0x07
        self.advances = False

    def on_write(self, data: bytes) -> None:
        self.advances = bool(data[0] & 0x80)
        self.pointer = data[0] & 0x7F
        for offset, value in enumerate(data[1:]):
            self.store(self.pointer + (offset if self.advances else 0) & 0x7F, value)

    def store(self, register: int, value: int) -> None:
        if register in READ_ONLY:
            return
        self.refresh()
        self.bank[register] = value & 0x7F if register == CTRL5 else value  # BOOT clears itself
        if register in (CTRL1, CTRL4) and self.rate:
            # samples: the turn-on time of high resolution, and of the rest
            settles = 7 if self.bank[CTRL4] & 0x08 else 1
            self.busy_for(SLOW * settles / self.rate)

    @property
    def rate(self) -> int:
        """Samples a second; 0 in power-down."""
        return RATES.get(self.bank[CTRL1] >> 4, 0)

    def on_read(self, length: int) -> bytes:
        self.refresh()
        at = [self.pointer + (n if self.advances else 0) & 0x7F for n in range(length)]
        answer = bytes(self.bank[register] for register in at)
        if any(DATA <= register < DATA + 6 for register in at) and self.rate:
            self.bank[STATUS] = 0
            self.busy_for(1 / self.rate)
        return answer

    def refresh(self) -> None:
        if not self.rate or self.busy:
            return
        low_power, high_resolution = self.bank[CTRL1] & 0x08, self.bank[CTRL4] & 0x08
        bits = 8 if low_power else 12 if high_resolution else 10
        digit = MILLIG[self.bank[CTRL4] >> 4 & 3] << (12 - bits)  # mg
        for n, axis in enumerate("xyz"):
            if self.bank[CTRL1] >> n & 1:
                half = 1 << bits - 1
                felt = self.world[f"acceleration_{axis}"] / GRAVITY * 1000 / digit
                digits = clamp(felt + self.rng.randint(-self.noise, self.noise), -half, half - 1)
                self.fill(DATA + 2 * n, (digits << 16 - bits & 0xFFFF).to_bytes(2, "little"))
        self.bank[STATUS] |= 0x0F
