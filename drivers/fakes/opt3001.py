"""Fake OPT3001, from Texas Instruments' datasheet (SBOS681C): finds its range, a flag that reading puts out."""

from __future__ import annotations

from .chip import FakeWords

RESULT, CONFIG, LOW, HIGH, MANUFACTURER, DEVICE = 0x00, 0x01, 0x02, 0x03, 0x7E, 0x7F
READY, OVERFLOW = 0x0080, 0x0100
SHUT_DOWN, ONCE = 0, 1
FINDS_ITS_RANGE = 0.010  # seconds


class FakeOpt3001(FakeWords):
    """Feels illuminance in lx; shut down after power-on, and 0 lx until it has converted."""

    name = "opt3001"
    addresses = (0x44, 0x45, 0x46, 0x47)
    senses = {"illuminance": 320.0}
    defaults = {CONFIG: 0xC810, LOW: 0xC000, HIGH: 0xBFFF, MANUFACTURER: 0x5449, DEVICE: 0x3001}

    def power_on(self) -> None:
        super().power_on()
        self.running = False

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONFIG:
            self.bank[CONFIG] = value & 0xFE1F | self.bank[CONFIG] & 0x01E0  # flags are the chip's own
            self.running = value >> 9 & 3 != SHUT_DOWN
            if self.running:
                self.bank[CONFIG] &= ~READY
                self.busy_for(self.takes)
        elif register in (LOW, HIGH):
            self.bank[register] = value

    @property
    def takes(self) -> float:
        """Seconds of one conversion, the maximum."""
        return (0.880 if self.bank[CONFIG] & 0x0800 else 0.110) + FINDS_ITS_RANGE

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if self.pointer == CONFIG:
            self.bank[CONFIG] &= ~READY
        return answer

    def refresh(self) -> None:
        if not self.running or self.busy:
            return
        self.bank[RESULT], overflow = self.code()
        self.bank[CONFIG] = self.bank[CONFIG] & ~OVERFLOW | READY | (OVERFLOW if overflow else 0)
        if self.bank[CONFIG] >> 9 & 3 == ONCE:
            self.bank[CONFIG] &= 0xF9FF
            self.running = False
        else:
            self.busy_for(self.takes)

    def code(self) -> tuple[int, bool]:
        """Return the result register for this light, and whether it is too bright for the range."""
        hundredths = round(self.world["illuminance"] * 100)
        asked = self.bank[CONFIG] >> 12
        lowest = 0 if self.bank[CONFIG] & 0x0800 else 3  # a short integration has fewer bits
        exponent = asked if asked < 12 else next((e for e in range(lowest, 12) if hundredths >> e < 0xFFF), 11)
        mantissa = round(hundredths / (1 << exponent))
        return exponent << 12 | min(mantissa, 0xFFF), mantissa > 0xFFF
