"""Fake BMP581, from Bosch's datasheet (BST-BMP581-DS004): corrected results, asleep and 0x7f after power-on."""

from __future__ import annotations

from .chip import FakeRegisters, Nack, clamp

IDENTITY, INTERRUPTS, DATA, INTERRUPT_STATUS, STATUS = 0x01, 0x15, 0x1D, 0x27, 0x28
FILTER, SAMPLES, POWER, EFFECTIVE, COMMAND = 0x31, 0x36, 0x37, 0x38, 0x7E
DEFAULTS = {0x01: 0x50, 0x02: 0x32, 0x11: 0x02, 0x14: 0x34, 0x27: 0x10, 0x28: 0x02, 0x30: 0x23, 0x37: 0x70}
WRITABLE = (0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x2B, *range(0x30, 0x37))
RESET = 0xB6
SLEEPS, FORCED = 0, 2
# Milliseconds of 1 to 128 samples.
OF_PRESSURE = (1.0, 1.7, 2.9, 5.4, 10.4, 20.4, 40.4, 80.4)
OF_TEMPERATURE = (1.0, 1.1, 1.5, 2.1, 3.3, 5.8, 10.8, 20.8)
SLOW = 1.05


class FakeBmp581(FakeRegisters):
    """Feels temperature in °C and pressure in hPa. Its FIFO and its memory are left out."""

    name = "bmp581"
    addresses = (0x46, 0x47)
    senses = {"temperature": 21.5, "pressure": 1009.4}
    parts = ("pressure",)

    def power_on(self) -> None:
        self.bank = bytearray(256)
        for register, value in DEFAULTS.items():
            self.bank[register] = value
        self.fill(DATA, b"\x7f" * 6)
        self.running = False

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == COMMAND and value == RESET:
            self.lose_power()
            # It resets before it could acknowledge.
            raise Nack(data=True)
        if register == POWER:
            self.bank[POWER] = value
            self.running = value & 3 != SLEEPS
            self.busy_for(self.takes if self.running else 0.0)
        elif register in WRITABLE:
            self.bank[register] = value

    @property
    def takes(self) -> float:
        """Seconds of one measurement, the longest."""
        samples = self.bank[SAMPLES]
        pressure = OF_PRESSURE[samples >> 3 & 7] if samples & 0x40 else 0.0
        return SLOW * (pressure + OF_TEMPERATURE[samples & 7]) / 1000

    def refresh(self) -> None:
        if not self.running or self.busy:
            return
        temperature = clamp(self.world["temperature"] * 65536, -0x800000, 0x7FFFFF) & 0xFFFFFF
        self.fill(DATA, temperature.to_bytes(3, "little"))
        if self.bank[SAMPLES] & 0x40 and "pressure" not in self.broken:
            pressure = clamp(self.world["pressure"] * 6400, 0, 0xFFFFFF)
            self.fill(DATA + 3, pressure.to_bytes(3, "little"))
        else:
            self.fill(DATA + 3, b"\x7f\x7f\x7f")
        if self.bank[INTERRUPTS] & 1:
            self.bank[INTERRUPT_STATUS] |= 1
        if self.bank[POWER] & 3 == FORCED:
            self.bank[POWER] &= ~3
            self.running = False
        else:
            self.busy_for(self.takes)

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if INTERRUPT_STATUS in range(self.pointer, self.pointer + length):
            self.bank[INTERRUPT_STATUS] = 0
        return answer
