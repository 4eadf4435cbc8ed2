"""Fake INA3221, from Texas Instruments' datasheet (SBOS576B): three channels, a flag that reading puts out."""

from __future__ import annotations

from .chip import FakeWords, clamp

CONFIG, MASK, MANUFACTURER, DIE = 0x00, 0x0F, 0xFE, 0xFF
LIMITS = {7: 0x7FF8, 8: 0x7FF8, 9: 0x7FF8, 10: 0x7FF8, 11: 0x7FF8, 12: 0x7FF8, 14: 0x7FFE, 16: 0x2710, 17: 0x2328}
READY = 0x0001  # bit of the mask register
SLOWEST = (154e-6, 224e-6, 365e-6, 646e-6, 1.21e-3, 2.328e-3, 4.572e-3, 9.068e-3)  # seconds, the maximum
AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)


class FakeIna3221(FakeWords):
    """Feels volts at each bus and amperes through each shunt of 0.1 Ω. Results stay while a conversion runs."""

    name = "ina3221"
    addresses = (0x40, 0x41, 0x42, 0x43)
    senses = {
        **{"bus_voltage_1": 12.0, "bus_voltage_2": 5.0, "bus_voltage_3": 3.3},
        **{"current_1": 0.2, "current_2": -0.35, "current_3": 0.05},
    }
    unlike = {"transfers": 15, "always_at_work": True}
    defaults = {CONFIG: 0x7127, MASK: 0x0002, MANUFACTURER: 0x5449, DIE: 0x3220, **LIMITS}
    shunt_ohms = 0.1

    def power_on(self) -> None:
        self.bank = dict.fromkeys(range(0x12), 0)
        super().power_on()
        self.running = True
        self.busy_for(self.takes)

    @property
    def channels(self) -> list[int]:
        """The channels that are switched on."""
        return [channel for channel in (1, 2, 3) if self.bank[CONFIG] & 1 << 15 - channel]

    @property
    def takes(self) -> float:
        """Seconds of one conversion of what the mode asks for, all channels and averages."""
        config = self.bank[CONFIG]
        each = [SLOWEST[config >> at & 7] for at, bit in ((3, 1), (6, 2)) if config & bit]
        return sum(each) * len(self.channels) * AVERAGES[config >> 9 & 7]

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONFIG and value & 0x8000:
            self.power_on()
        elif register == CONFIG:
            self.bank[CONFIG] = value & 0x7FFF
            self.running = bool(value & 3)
            if value & 3:  # power-down leaves the flag alone
                self.bank[MASK] &= ~READY
            self.busy_for(self.takes)
        elif register == MASK:
            self.bank[MASK] = value & 0x7C00 | self.bank[MASK] & 0x03FF
        elif register in LIMITS:
            self.bank[register] = value

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
        config = self.bank[CONFIG]
        for channel in self.channels:
            volts, amperes = self.world[f"bus_voltage_{channel}"], self.world[f"current_{channel}"]
            if config & 1:
                code = clamp(amperes * self.shunt_ohms / 40e-6, -0x1000, 0x0FFF)
                self.bank[2 * channel - 1] = code << 3 & 0xFFFF
            if config & 2:
                self.bank[2 * channel] = clamp(volts / 8e-3, 0, 0x0FFF) << 3
        self.bank[MASK] |= READY
        self.running = bool(config & 4)
        self.busy_for(self.takes)
