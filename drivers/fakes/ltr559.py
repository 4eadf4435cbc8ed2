"""Fake LTR-559, from Lite-On's datasheet (DS86-2013-0003): light and proximity, each with a flag cleared when read."""

from __future__ import annotations

from .chip import FakeRegisters, clamp

LIGHT_CONTROL, PROXIMITY_CONTROL, PROXIMITY_RATE, LIGHT_RATE = 0x80, 0x81, 0x84, 0x85
CHANNEL_1, CHANNEL_0, STATUS, PROXIMITY = 0x88, 0x8A, 0x8C, 0x8D
DEFAULTS = {0x82: 0x7F, 0x83: 0x01, 0x84: 0x02, 0x85: 0x03, 0x86: 0x92, 0x87: 0x05, 0x8F: 0x08}
DEFAULTS |= {0x90: 0xFF, 0x91: 0x07, 0x97: 0xFF, 0x98: 0xFF, 0x9E: 0x02}
WRITABLE = (0x82, 0x83, 0x84, 0x85, 0x8F, *range(0x90, 0x96), *range(0x97, 0x9B), 0x9E)
GAINS = {0: 1, 1: 2, 2: 4, 3: 8, 6: 48, 7: 96}  # by bits 4:2
INTEGRATIONS = (0.1, 0.05, 0.2, 0.4, 0.15, 0.25, 0.3, 0.35)  # seconds, by bits 5:3
REPEATS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 2.0, 2.0)  # seconds, by bits 2:0
WAKES_AFTER = 0.010
# Channel 1 of channel 0 in daylight.
INFRARED = 0.3


class FakeLtr559(FakeRegisters):
    """Feels illuminance in lx and proximity in counts."""

    name = "ltr559"
    addresses = (0x23,)
    senses = {"illuminance": 320.0, "proximity": 120.0}
    parts = ("illuminance", "proximity")
    unlike = {"always_at_work": True, "transfers": 10}

    def power_on(self) -> None:
        self.bank = bytearray(256)
        for register, value in DEFAULTS.items():
            self.bank[register] = value
        # When the next result of each is there.
        self.light_at = self.proximity_at = float("inf")

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == LIGHT_CONTROL and value & 2:
            self.power_on()
        elif register == LIGHT_CONTROL:
            self.bank[LIGHT_CONTROL] = value & 0x1D
            self.light_at = self.clock() + WAKES_AFTER + self.integration if value & 1 else float("inf")
        elif register == PROXIMITY_CONTROL:
            self.bank[PROXIMITY_CONTROL] = value & 0x23
            self.proximity_at = self.clock() + WAKES_AFTER + 0.005 if value & 2 else float("inf")
        elif register in WRITABLE:
            self.bank[register] = value

    @property
    def integration(self) -> float:
        """Seconds of one integration of light."""
        return INTEGRATIONS[self.bank[LIGHT_RATE] >> 3 & 7]

    def refresh(self) -> None:
        now = self.clock() + 1e-9
        if now >= self.light_at:
            self.light_at = now + max(self.integration, REPEATS[self.bank[LIGHT_RATE] & 7])
            if "illuminance" not in self.broken:
                self.measure_light()
        if now >= self.proximity_at:
            self.proximity_at = now + 0.1
            if "proximity" not in self.broken:
                self.measure_proximity()

    def measure_light(self) -> None:
        """Put a new result of the light into the registers."""
        code = self.bank[LIGHT_CONTROL] >> 2 & 7
        per_lux = GAINS.get(code, 1) * self.integration / 0.1
        visible = self.world["illuminance"] * per_lux / (1.7743 + 1.1059 * INFRARED)
        self.fill(CHANNEL_1, clamp(visible * INFRARED, 0, 0xFFFF).to_bytes(2, "little"))
        self.fill(CHANNEL_0, clamp(visible, 0, 0xFFFF).to_bytes(2, "little"))
        self.bank[STATUS] = self.bank[STATUS] & 0x0F | code << 4 | 0x04

    def measure_proximity(self) -> None:
        """Put a new result of the proximity into the registers; sunlight saturates it."""
        counts = clamp(self.world["proximity"], 0, 0x7FF)
        saturated = self.world["illuminance"] > 100_000 and self.bank[PROXIMITY_CONTROL] & 0x20
        self.fill(PROXIMITY, (counts | (0x8000 if saturated else 0)).to_bytes(2, "little"))
        self.bank[STATUS] |= 0x01

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        touched = range(self.pointer, self.pointer + length)
        for last, flag in ((CHANNEL_0 + 1, 0x04), (PROXIMITY + 1, 0x01)):
            if last in touched:
                self.bank[STATUS] &= ~flag
        return answer
