"""Fake TMP102, from Texas Instruments' datasheet: 12 or 13 bits, 0 °C until the first conversion, no identity.

Source: TI "TMP102 Low-Power Digital Temperature Sensor": register map, power-on values, one-shot mode, 35 ms at most.
"""

from __future__ import annotations

from .chip import FakeWords, clamp

TEMPERATURE, CONFIGURATION, LOW, HIGH = range(4)
ONE_SHOT, RESOLUTION, POLARITY, SHUT_DOWN, ALERT, EXTENDED = 1 << 15, 3 << 13, 1 << 10, 1 << 8, 1 << 5, 1 << 4


class FakeTmp102(FakeWords):
    """Feels temperature in °C, in steps of 1/16."""

    name = "tmp102"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    senses = {"temperature": 21.5}
    defaults = {TEMPERATURE: 0, CONFIGURATION: 0x60A0, LOW: 0x4B00, HIGH: 0x5000}

    def power_on(self) -> None:
        super().power_on()
        self.converts = True
        self.busy_for(0.035)

    def on_write(self, data: bytes) -> None:
        self.pointer = data[0] & 3
        if len(data) >= 3:
            self.store(self.pointer, int.from_bytes(data[1:3], "big"))
        elif len(data) == 2 and self.pointer == CONFIGURATION:
            # The upper byte alone.
            self.store(CONFIGURATION, data[1] << 8 | self.bank[CONFIGURATION] & 0xFF)

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONFIGURATION:
            stopped = self.bank[CONFIGURATION] & SHUT_DOWN
            self.bank[CONFIGURATION] = value & 0x1FD0 | RESOLUTION | (0 if value & POLARITY else ALERT)
            shot = value & SHUT_DOWN and value & ONE_SHOT
            if shot or (stopped and not value & SHUT_DOWN):
                self.converts = True
                self.busy_for(0.035)
        elif register in (LOW, HIGH):
            self.bank[register] = value & (0xFFF8 if self.bank[CONFIGURATION] & EXTENDED else 0xFFF0)

    def refresh(self) -> None:
        configuration = self.bank[CONFIGURATION]
        if self.busy or not self.converts:
            return
        self.converts = not configuration & SHUT_DOWN
        if configuration & SHUT_DOWN:
            # Tells that the one conversion is over.
            self.bank[CONFIGURATION] |= ONE_SHOT
        if configuration & EXTENDED:
            raw = clamp(self.world["temperature"] * 16, -0x1000, 0xFFF) << 3 | 1
        else:
            raw = clamp(self.world["temperature"] * 16, -0x800, 0x7FF) << 4
        self.bank[TEMPERATURE] = raw & 0xFFFF

    def on_read(self, length: int) -> bytes:
        self.refresh()
        # Read on, a register repeats.
        return (self.bank[self.pointer].to_bytes(2, "big") * length)[:length]
