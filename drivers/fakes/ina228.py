"""Fake INA228, from Texas Instruments' datasheet (SLYS021A): registers of two, three and five bytes, sums over time."""

from __future__ import annotations

from .chip import clamp
from .shunt import FakeMonitor

CONFIG, ADC, CALIBRATION, TEMPCO, SHUNT, BUS, TEMPERATURE = range(7)
CURRENT, POWER, ENERGY, CHARGE, DIAGNOSIS = range(7, 12)
SIZES = {SHUNT: 3, BUS: 3, CURRENT: 3, POWER: 3, ENERGY: 5, CHARGE: 5}
WRITABLE = {ADC: 0xFFFF, CALIBRATION: 0x7FFF, TEMPCO: 0x3FFF, **dict.fromkeys(range(0x0C, 0x12), 0xFFFF)}
RESET, RESET_SUMS, SMALL_RANGE = 0x8000, 0x4000, 0x0010
LATCHED, WELL, CONVERTED = 0x8000, 0x0001, 0x0002
SECONDS = (50e-6, 84e-6, 150e-6, 280e-6, 540e-6, 1.052e-3, 2.074e-3, 4.12e-3)
AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)


class FakeIna228(FakeMonitor):
    """Feels volts at the bus and across the shunt, and °C; energy and charge add up while it converts."""

    name = "ina228"
    addresses = tuple(range(0x40, 0x50))
    senses = {"bus_voltage": 12.0, "shunt_voltage": 0.02, "temperature": 31.0}
    unlike = {"always_at_work": True, "transfers": 15}
    most = (0.16384, 85.0)
    defaults = {ADC: 0xFB68, CALIBRATION: 0x1000, DIAGNOSIS: WELL, 0x3E: 0x5449, 0x3F: 0x2281}
    defaults |= {0x0C: 0x7FFF, 0x0D: 0x8000, 0x0E: 0x7FFF, 0x10: 0x7FFF, 0x11: 0xFFFF}

    def power_on(self) -> None:
        self.bank = dict.fromkeys(range(0x12), 0)
        super().power_on()
        self.joules = self.coulombs = 0.0
        self.since = self.clock()

    @property
    def cycle(self) -> float:
        """Seconds of one conversion of what the mode asks for, all its averages; 0 where nothing converts."""
        adc = self.bank[ADC]
        mode = adc >> 12
        each = [SECONDS[adc >> at & 7] for at, bit in ((9, 1), (6, 2), (3, 4)) if mode & bit]
        return sum(each) * AVERAGES[adc & 7] if mode & 8 else 0.0

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONFIG and value & RESET:
            self.power_on()
        elif register == CONFIG:
            self.bank[CONFIG] = value & 0x3FF0
            if value & RESET_SUMS:
                self.joules = self.coulombs = 0.0
        elif register == DIAGNOSIS:
            self.bank[DIAGNOSIS] = value & 0xF000 | self.bank[DIAGNOSIS] & 0x0FFF
        elif register in WRITABLE:
            self.bank[register] = value & WRITABLE[register]
            if register == ADC:
                self.bank[DIAGNOSIS] &= ~CONVERTED
                self.since = self.clock()

    def on_read(self, length: int) -> bytes:
        self.refresh()
        size = SIZES.get(self.pointer, 2)
        answer = self.bank.get(self.pointer, 0).to_bytes(size, "big").ljust(length, b"\xff")[:length]
        if self.pointer == DIAGNOSIS:
            self.bank[DIAGNOSIS] &= ~CONVERTED
        return answer

    def refresh(self) -> None:
        cycle, passed = self.cycle, self.clock() - self.since + 1e-9
        if not cycle or passed < cycle:
            return
        times = int(passed / cycle)
        self.since += times * cycle
        digit = 78.125e-9 if self.bank[CONFIG] & SMALL_RANGE else 312.5e-9
        shunt = clamp(self.world["shunt_voltage"] / digit, -0x80000, 0x7FFFF)
        bus = clamp(self.world["bus_voltage"] / 195.3125e-6, 0, 0x7FFFF)
        # A digit of the current, in A.
        ampere = digit / self.shunt_ohms * 0x1000 / (self.bank[CALIBRATION] or 0x1000)
        amperes = shunt * digit / self.shunt_ohms
        self.joules += abs(amperes) * bus * 195.3125e-6 * times * cycle
        self.coulombs += amperes * times * cycle
        self.bank[SHUNT], self.bank[BUS] = (shunt & 0xFFFFF) << 4, bus << 4
        self.bank[TEMPERATURE] = clamp(self.world["temperature"] / 7.8125e-3, -0x8000, 0x7FFF) & 0xFFFF
        self.bank[CURRENT] = (round(amperes / ampere) & 0xFFFFF) << 4
        self.bank[POWER] = min(0xFFFFFF, round(abs(amperes) * bus * 195.3125e-6 / 3.2 / ampere))
        energy, charge = int(self.joules / 16 / 3.2 / ampere), int(self.coulombs / ampere)
        # Where flags do not stay, this one is gone before it could be read.
        self.bank[DIAGNOSIS] |= CONVERTED if self.bank[DIAGNOSIS] & LATCHED else 0
        self.bank[DIAGNOSIS] |= 0x0800 if energy >> 40 else 0
        self.bank[ENERGY], self.bank[CHARGE] = energy & (1 << 40) - 1, charge & (1 << 40) - 1
