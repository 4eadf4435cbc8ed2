"""Fake LTR-390UV, from Lite-On's datasheet (DS86-2015-0004): one channel at a time, in standby after power-on."""

from __future__ import annotations

from .chip import FakeRegisters, clamp

CONTROL, RATE, GAIN, PART, STATUS, LIGHT, ULTRAVIOLET = 0x00, 0x04, 0x05, 0x06, 0x07, 0x0D, 0x10
THRESHOLDS = {0x19: 0x10, 0x21: 0xFF, 0x22: 0xFF, 0x23: 0x0F}
WRITABLE = (0x19, 0x1A, *range(0x21, 0x27))
ENABLE, ULTRAVIOLET_MODE, RESET = 0x02, 0x08, 0x10
NEW, POWERED_ON = 0x08, 0x20
GAINS = (1, 3, 6, 9, 18)
# Milliseconds and bits, by bits 6:4 of the rate.
RESOLUTIONS = ((400, 20), (200, 19), (100, 18), (50, 17), (25, 16), (12.5, 13))
PERIODS = (0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 2.0)  # seconds, by bits 2:0
SLOW = 1.05


class FakeLtr390(FakeRegisters):
    """Feels illuminance in lx and the UV index, without a window in front."""

    name = "ltr390"
    addresses = (0x53,)
    senses = {"illuminance": 320.0, "uv_index": 2.5}
    unlike = {"always_at_work": True, "transfers": 22}

    def power_on(self) -> None:
        self.bank = bytearray(256)
        for register, value in {RATE: 0x22, GAIN: 0x01, PART: 0xB2, STATUS: POWERED_ON, **THRESHOLDS}.items():
            self.bank[register] = value

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONTROL and value & RESET:
            self.power_on()
        elif register in (CONTROL, RATE, GAIN):
            self.bank[register] = value & {CONTROL: 0x0A, RATE: 0x77, GAIN: 0x07}[register]
            # A measurement that runs is given up.
            self.busy_for(SLOW * self.milliseconds / 1000)
        elif register in WRITABLE:
            self.bank[register] = value

    @property
    def resolution(self) -> int:
        """Which of the resolutions is set; the reserved ones work as the last."""
        return min(self.bank[RATE] >> 4 & 7, 5)

    @property
    def milliseconds(self) -> float:
        """Of one integration."""
        return RESOLUTIONS[self.resolution][0]

    def refresh(self) -> None:
        if not self.bank[CONTROL] & ENABLE or self.busy:
            return
        gain = GAINS[min(self.bank[GAIN], 4)]
        if self.bank[CONTROL] & ULTRAVIOLET_MODE:
            where, counts = ULTRAVIOLET, self.world["uv_index"] * 2300 * gain / 18 * self.milliseconds / 400
        else:
            where, counts = LIGHT, self.world["illuminance"] / 0.6 * gain * self.milliseconds / 100
        full = (1 << RESOLUTIONS[self.resolution][1]) - 1
        self.fill(where, clamp(counts, 0, full).to_bytes(3, "little"))
        self.bank[STATUS] |= NEW
        self.busy_for(max(SLOW * self.milliseconds / 1000, PERIODS[self.bank[RATE] & 7]))

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        touched = range(self.pointer, self.pointer + length)
        if LIGHT in touched or ULTRAVIOLET in touched:
            self.bank[STATUS] &= ~NEW
        if STATUS in touched:
            self.bank[STATUS] &= ~POWERED_ON
        return answer
