"""Fake INA219, from Texas Instruments' datasheet (SBOS448): measures on and on, keeps nothing without power."""

from __future__ import annotations

from .chip import clamp
from .shunt import FakeMonitor

CONFIG, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)
READY, OVERFLOW = 0x02, 0x01  # bits of the bus voltage register
SLOWEST = (93e-6, 163e-6, 304e-6, 586e-6)  # seconds of one conversion of 9 to 12 bit, the maximum (table of BADC, SADC)


class FakeIna219(FakeMonitor):
    """Feels volts at the bus and across the shunt. Results stay as they were while a conversion runs."""

    name = "ina219"
    addresses = tuple(range(0x40, 0x50))
    senses = {"bus_voltage": 12.0, "shunt_voltage": 0.02}
    most = (0.32, 32.0)
    defaults = {CONFIG: 0x399F}

    def power_on(self) -> None:
        self.bank = dict.fromkeys(range(6), 0)
        super().power_on()
        self.ready = self.overflow = False
        self.running = True
        self.busy_for(self.takes)

    @property
    def takes(self) -> float:
        """Seconds of one conversion of what the mode asks for."""
        config = self.bank[CONFIG]
        each = [_seconds(config >> at & 15) for at, bit in ((3, 1), (7, 2)) if config & bit]
        return sum(each)

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONFIG and value & 0x8000:
            self.power_on()
        elif register == CONFIG:
            self.bank[CONFIG] = value & 0x3FFF
            self.running = bool(value & 3)
            if value & 7 not in (0, 4):  # power-down and ADC-off leave the flag alone
                self.ready = False
            self.busy_for(self.takes)
        elif register == CALIBRATION:
            self.bank[CALIBRATION] = value & 0xFFFE  # bit 0 does not exist

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if self.pointer == POWER:
            self.ready = False  # reading the power clears the flag
        return answer

    def refresh(self) -> None:
        if self.running and not self.busy:
            self.finish()
        self.bank[BUS] = self.bank[BUS] & ~3 | (READY if self.ready else 0) | (OVERFLOW if self.overflow else 0)

    def finish(self) -> None:
        """Put the results into the registers, and begin again in the continuous modes."""
        config = self.bank[CONFIG]
        if config & 1:
            limit = 4000 << (config >> 11 & 3)  # 40 mV times the gain's divider, in 10 µV
            self.bank[SHUNT] = clamp(self.world["shunt_voltage"] / 10e-6, -limit, limit) & 0xFFFF
        if config & 2:
            limit = 8000 if config & 0x2000 else 4000
            self.bank[BUS] = clamp(self.world["bus_voltage"] / 4e-3, 0, limit) << 3
        shunt = (self.bank[SHUNT] ^ 0x8000) - 0x8000
        current = int(shunt * self.bank[CALIBRATION] / 4096)
        power = int(abs(current) * (self.bank[BUS] >> 3) / 5000)
        self.overflow = abs(current) > 0x7FFF or power > 0xFFFF
        self.bank[CURRENT], self.bank[POWER] = current & 0xFFFF, power & 0xFFFF
        self.ready = True
        self.running = bool(config & 4)
        self.busy_for(self.takes)


def _seconds(setting: int) -> float:
    """Return the longest time of one conversion, with averaging of 2 to 128 samples."""
    return SLOWEST[3] * (1 << (setting & 7)) if setting & 8 else SLOWEST[setting & 3]
