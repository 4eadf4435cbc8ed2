"""Fake TSL2561, from TAOS' datasheet (TAOS059N): command bytes, words, two channels, and no flag at all."""

from __future__ import annotations

from .chip import FakeRegisters, clamp

CONTROL, TIMING, INTERRUPT, IDENTITY, CHANNEL_0, CHANNEL_1 = 0x00, 0x01, 0x06, 0x0A, 0x0C, 0x0E
COMMAND, CLEAR = 0x80, 0x40
# Seconds, and counts at the stop, by bits 1:0; the fourth is by hand.
INTEGRATIONS = ((0.0137, 5047), (0.101, 37177), (0.402, 65535), (0.402, 65535))
SLOW = 735 / 690
DAYLIGHT = 0.3  # channel 1 of channel 0
# lx of a count in 402 ms at gain 16, in daylight and in light without infrared (package T, FN, CL).
OF_DAYLIGHT, OF_A_LAMP = 0.0304 - 0.062 * DAYLIGHT**1.4, 0.0304
BRIGHT = 40_000.0


class FakeTsl2561(FakeRegisters):
    """Feels illuminance in lx."""

    name = "tsl2561"
    addresses = (0x39, 0x29, 0x49)
    senses = {"illuminance": 320.0}
    unlike = {"always_at_work": True, "transfers": 12, "steps": {"illuminance": 2.0}}

    def power_on(self) -> None:
        self.bank = bytearray(256)
        self.bank[TIMING], self.bank[IDENTITY] = 0x02, 0x50

    def on_write(self, data: bytes) -> None:
        if data[0] & COMMAND:
            super().on_write(bytes([data[0] & 0x0F]) + data[1:])

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONTROL:
            if value & 3 == 3 and self.bank[CONTROL] != 3:
                self.integrate()
            self.bank[CONTROL] = value & 3
        elif register == TIMING:
            self.bank[TIMING] = value & 0x1B
            self.integrate()
        elif register == INTERRUPT:
            self.bank[INTERRUPT] = value & 0x3F
        elif 0x02 <= register <= 0x05:
            self.bank[register] = value

    def integrate(self) -> None:
        """Begin an integration."""
        self.busy_for(SLOW * INTEGRATIONS[self.bank[TIMING] & 3][0])

    def refresh(self) -> None:
        if self.bank[CONTROL] != 3 or self.busy:
            return
        seconds, full = INTEGRATIONS[self.bank[TIMING] & 3]
        of_a_count, share = (OF_DAYLIGHT, DAYLIGHT) if self.world["illuminance"] <= BRIGHT else (OF_A_LAMP, 0.0)
        gain = 1.0 if self.bank[TIMING] & 0x10 else 1 / 16
        # The datasheet's ratios to 402 ms: 322/11 and 322/81.
        part = {0.0137: 11 / 322, 0.101: 81 / 322}.get(seconds, 1.0)
        counts = self.world["illuminance"] / of_a_count * gain * part
        for at, value in ((CHANNEL_0, counts), (CHANNEL_1, counts * share)):
            self.fill(at, clamp(value, 0, full).to_bytes(2, "little"))
        self.integrate()
