"""Fake INA226, from Texas Instruments' datasheet (SBOS547): identity, averaging, a flag that reading puts out."""

from __future__ import annotations

from .chip import clamp
from .shunt import FakeMonitor

CONFIG, SHUNT, BUS, POWER, CURRENT, CALIBRATION, MASK, LIMIT = range(8)
MANUFACTURER, DIE = 0xFE, 0xFF
READY, OVERFLOW = 0x08, 0x04  # bits of the mask register
SLOWEST = (154e-6, 224e-6, 365e-6, 646e-6, 1.21e-3, 2.328e-3, 4.572e-3, 9.068e-3)  # seconds, the maximum
AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)


class FakeIna226(FakeMonitor):
    """Feels volts at the bus and across the shunt. Results stay as they were while a conversion runs."""

    name = "ina226"
    addresses = tuple(range(0x40, 0x50))
    senses = {"bus_voltage": 12.0, "shunt_voltage": 0.02}
    most = (0.081915, 36.0)
    defaults = {CONFIG: 0x4127, MANUFACTURER: 0x5449, DIE: 0x2260}
    fixed = 0x4000  # bits 14:12 of the configuration

    def power_on(self) -> None:
        self.bank = dict.fromkeys(range(8), 0)
        super().power_on()
        self.running = True
        self.busy_for(self.takes)

    @property
    def takes(self) -> float:
        """Seconds of one conversion of what the mode asks for, all its averages."""
        config = self.bank[CONFIG]
        each = [SLOWEST[config >> at & 7] for at, bit in ((3, 1), (6, 2)) if config & bit]
        return sum(each) * AVERAGES[config >> 9 & 7]

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONFIG and value & 0x8000:
            self.power_on()
        elif register == CONFIG:
            self.bank[CONFIG] = value & 0x0FFF | self.fixed
            self.running = bool(value & 3)
            if value & 3:  # power-down leaves the flag alone
                self.bank[MASK] &= ~READY
            self.busy_for(self.takes)
        elif register == CALIBRATION:
            self.bank[CALIBRATION] = value & 0x7FFF
        elif register == MASK:
            self.bank[MASK] = value & 0xFC03 | self.bank[MASK] & (READY | OVERFLOW)
        elif register == LIMIT:
            self.bank[LIMIT] = value

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if self.pointer == MASK:
            self.bank[MASK] &= ~READY
        return answer

    def refresh(self) -> None:
        if self.running and not self.busy:
            self.finish()

    def finish(self) -> None:
        """Put the results into the registers, and begin again in the continuous modes."""
        overflow = self.convert(self.bank[CONFIG])
        self.bank[MASK] = self.bank[MASK] & ~OVERFLOW | READY | (OVERFLOW if overflow else 0)
        self.running = bool(self.bank[CONFIG] & 4)
        self.busy_for(self.takes)

    def convert(self, config: int) -> bool:
        """Convert what the mode asks for; return whether the arithmetic overflowed."""
        if config & 1:
            self.bank[SHUNT] = clamp(self.world["shunt_voltage"] / 2.5e-6, -0x8000, 0x7FFF) & 0xFFFF
        if config & 2:
            self.bank[BUS] = clamp(self.world["bus_voltage"] / 1.25e-3, 0, 0x7FFF)
        shunt = (self.bank[SHUNT] ^ 0x8000) - 0x8000
        current = int(shunt * self.bank[CALIBRATION] / 2048)
        power = int(abs(current) * self.bank[BUS] / 20000)
        self.bank[CURRENT], self.bank[POWER] = current & 0xFFFF, power & 0xFFFF
        return abs(current) > 0x7FFF or power > 0xFFFF
