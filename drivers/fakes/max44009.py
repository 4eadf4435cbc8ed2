"""Fake MAX44009, from Maxim's datasheet (19-5719): no pointer advances, finds its range, 0 lx until it has measured."""

from __future__ import annotations

from .chip import FakeRegisters

STATUS, ENABLE, CONFIG, HIGH, LOW, UPPER, LOWER, TIMER = range(8)
CONTINUOUS, MANUAL = 0x80, 0x40
INTEGRATIONS = (0.8, 0.4, 0.2, 0.1, 0.05, 0.025, 0.0125, 0.00625)  # seconds, by bits 2:0
PERIOD = 0.8  # seconds from one measurement to the next, if not continuous


class FakeMax44009(FakeRegisters):
    """Feels illuminance in lx, told as a mantissa of eight bits and an exponent."""

    name = "max44009"
    addresses = (0x4A, 0x4B)
    senses = {"illuminance": 320.0}
    unlike = {"always_at_work": True}

    def power_on(self) -> None:
        self.bank = bytearray(256)
        for register, value in ((CONFIG, 0x03), (UPPER, 0xFF), (TIMER, 0xFF)):
            self.bank[register] = value
        self.busy_for(PERIOD)

    def on_write(self, data: bytes) -> None:
        super().on_write(data[:2])

    def on_read(self, length: int) -> bytes:
        self.refresh()
        return bytes([self.bank[self.pointer]]) * length

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONFIG:
            ranged = self.bank[CONFIG] & 0x0F
            self.bank[CONFIG] = value & 0xCF if value & MANUAL else value & 0xC0 | ranged
            self.busy_for(self.takes)
        elif register == ENABLE:
            self.bank[ENABLE] = value & 1
        elif register in (UPPER, LOWER, TIMER):
            self.bank[register] = value

    @property
    def takes(self) -> float:
        """Seconds until the next result."""
        integration = INTEGRATIONS[self.bank[CONFIG] & 7]
        return integration if self.bank[CONFIG] & CONTINUOUS else PERIOD

    def refresh(self) -> None:
        if self.busy:
            return
        if not self.bank[CONFIG] & MANUAL:
            self.find_range()
        exponent = next((e for e in range(15) if round(self.world["illuminance"] / 0.045 / (1 << e)) <= 0xFF), 15)
        mantissa = min(0xFF, round(self.world["illuminance"] / 0.045 / (1 << exponent)))
        self.bank[HIGH], self.bank[LOW] = exponent << 4 | mantissa >> 4, mantissa & 0x0F
        self.busy_for(self.takes)

    def find_range(self) -> None:
        """Choose time and current divider for this light, as the chip shows them in its configuration."""
        lux = self.world["illuminance"]
        time = 0 if lux < 10 else 1 if lux < 100 else 2 if lux < 700 else 3
        self.bank[CONFIG] = self.bank[CONFIG] & 0xC0 | (8 if lux > 700 else 0) | time
