"""Fake TSL2591, from ams' datasheet (TSL2591): command bytes, two channels, a flag for the first finished cycle."""

from __future__ import annotations

from .chip import FakeRegisters, clamp

ENABLE, CONTROL, PACKAGE, IDENTITY, STATUS, CHANNELS = 0x00, 0x01, 0x11, 0x12, 0x13, 0x14
GAINS = (1.0, 25.0, 428.0, 9876.0)  # by bits 5:4
SLOWEST = 0.108  # seconds of one step of the integration time, the maximum; 0.1 is nominal
INFRARED = 0.36  # channel 1 of channel 0 in daylight; both known lux formulas agree with this, and with none at all
BRIGHT = 60_000.0  # lx: daylight above would saturate channel 0 at any setting, so there it is a lamp without infrared


class FakeTsl2591(FakeRegisters):
    """Feels illuminance in lx. The datasheet has no formula; the counts are those of Adafruit's two."""

    name = "tsl2591"
    addresses = (0x29,)
    senses = {"illuminance": 320.0}

    def power_on(self) -> None:
        self.bank = bytearray(256)
        self.bank[IDENTITY] = 0x50

    def on_write(self, data: bytes) -> None:
        if data[0] & 0xE0 == 0xA0:  # a command for registers; the other kinds concern interrupts
            super().on_write(bytes([data[0] & 0x1F]) + data[1:])

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONTROL and value & 0x80:
            self.power_on()
        elif register == CONTROL:
            self.bank[CONTROL] = value & 0x37
            self.integrate()
        elif register == ENABLE:
            if value & 2 and not self.bank[ENABLE] & 2:
                self.bank[STATUS] &= ~1  # no cycle has finished since
                self.integrate()
            self.bank[ENABLE] = value & 0xD3
        elif register < 0x0D:
            self.bank[register] = value

    @property
    def steps(self) -> int:
        """How many times 100 ms the integration takes."""
        return min(6, (self.bank[CONTROL] & 7) + 1)

    def integrate(self) -> None:
        """Begin an integration."""
        self.busy_for(SLOWEST * self.steps)

    def refresh(self) -> None:
        if self.bank[ENABLE] & 3 != 3 or self.busy:
            return
        full = 36863 if self.steps == 1 else 0xFFFF
        counts_per_lux = 100 * self.steps * GAINS[self.bank[CONTROL] >> 4 & 3] / 408
        infrared = INFRARED if self.world["illuminance"] <= BRIGHT else 0.0
        visible = self.world["illuminance"] * counts_per_lux / (1 - infrared) ** 2
        for at, counts in ((CHANNELS, visible), (CHANNELS + 2, visible * infrared)):
            self.fill(at, clamp(counts, 0, full).to_bytes(2, "little"))
        self.bank[STATUS] |= 1
        self.integrate()
