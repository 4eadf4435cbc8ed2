"""Fake TMP1075, from Texas Instruments' datasheet: an LM75 of 12 bits with an identity and faster conversions.

Source: TI "TMP1075" (SBOS854): register map with power-on values, conversion period, one-shot mode.
"""

from __future__ import annotations

from .chip import FakeWords, clamp

TEMPERATURE, CONFIGURATION, LOW, HIGH, IDENTITY = 0x00, 0x01, 0x02, 0x03, 0x0F
CONVERSION = 0.007
PERIOD = (0.0275, 0.055, 0.110, 0.220)
ONE_SHOT, SHUT_DOWN = 0x8000, 0x0100


class FakeTmp1075(FakeWords):
    """Feels temperature in °C, in steps of 1/16."""

    name = "tmp1075"
    addresses = tuple(range(0x48, 0x50))
    senses = {"temperature": 21.5}
    unlike = {"always_at_work": True}
    defaults = {TEMPERATURE: 0x0000, CONFIGURATION: 0x00FF, LOW: 0x4B00, HIGH: 0x5000, IDENTITY: 0x7500}

    def power_on(self) -> None:
        super().power_on()
        self.busy_for(CONVERSION)

    def on_write(self, data: bytes) -> None:
        self.pointer = data[0]
        # One byte is the upper one.
        if len(data) >= 2:
            self.store(data[0], data[1] << 8 | (data[2] if len(data) > 2 else 0))

    def store(self, register: int, value: int) -> None:
        if register == CONFIGURATION:
            self.refresh()
            self.bank[CONFIGURATION] = value & 0x7F00 | 0x00FF
            if not value & SHUT_DOWN or value & ONE_SHOT:
                self.busy_for(CONVERSION + (0 if value & SHUT_DOWN else PERIOD[value >> 13 & 3]))
                self.one_shot = bool(value & SHUT_DOWN)
        elif register in (LOW, HIGH):
            self.bank[register] = value & 0xFFF0

    one_shot = False

    def refresh(self) -> None:
        if not self.busy and (self.one_shot or not self.bank[CONFIGURATION] & SHUT_DOWN):
            self.bank[TEMPERATURE] = clamp(self.world["temperature"] * 16, -0x800, 0x7FF) << 4 & 0xFFFF
            self.one_shot = False
