"""Fake LPS22HB, from ST's datasheet (DocID027083): asleep after power-on, a flag for each result, cleared when read."""

from __future__ import annotations

from .chip import FakeRegisters, clamp

INTERRUPT, WHO, CONTROL_1, CONTROL_2, CONTROL_3, FIFO, OFFSET, RESOLUTION = (
    0x0B,
    0x0F,
    0x10,
    0x11,
    0x12,
    0x14,
    0x18,
    0x1A,
)
STATUS, PRESSURE, TEMPERATURE = 0x27, 0x28, 0x2B
WRITABLE = (0x0B, 0x0C, 0x0D, 0x10, 0x12, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A)
ONE_SHOT, RESET, ADVANCE, BOOT = 0x01, 0x04, 0x10, 0x80
PERIODS = (0.0, 1.0, 0.1, 0.04, 0.02, 1 / 75)  # seconds, by the rate's bits
ONE_CONVERSION = 1 / 75


class FakeLps22hb(FakeRegisters):
    """Feels temperature in °C and pressure in hPa."""

    name = "lps22hb"
    addresses = (0x5C, 0x5D)
    senses = {"temperature": 21.5, "pressure": 1009.4}
    parts = ("pressure",)

    def power_on(self) -> None:
        self.bank = bytearray(256)
        self.bank[WHO], self.bank[CONTROL_2] = 0xB1, ADVANCE
        self.running = False

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONTROL_2:
            if value & (RESET | BOOT):
                self.power_on()
                return
            self.bank[CONTROL_2] = value & 0x7B
            if value & ONE_SHOT and not self.bank[CONTROL_1] & 0x70:
                self.running = True
                self.busy_for(ONE_CONVERSION)
        elif register == CONTROL_1:
            self.bank[CONTROL_1] = value & 0x7F
            self.running = bool(value & 0x70)
            self.busy_for(PERIODS[min(value >> 4 & 7, 5)])
        elif register in WRITABLE:
            self.bank[register] = value

    def refresh(self) -> None:
        if not self.running or self.busy:
            return
        pressure = clamp(self.world["pressure"] * 4096, -0x800000, 0x7FFFFF)
        temperature = clamp(self.world["temperature"] * 100, -0x8000, 0x7FFF)
        if "pressure" not in self.broken:
            self.fill(PRESSURE, (pressure & 0xFFFFFF).to_bytes(3, "little"))
            self.bank[STATUS] |= 1
        self.fill(TEMPERATURE, (temperature & 0xFFFF).to_bytes(2, "little"))
        self.bank[STATUS] |= 2
        self.running = bool(self.bank[CONTROL_1] & 0x70)
        self.bank[CONTROL_2] &= ~ONE_SHOT
        if self.running:
            self.busy_for(PERIODS[min(self.bank[CONTROL_1] >> 4, 5)])

    def on_read(self, length: int) -> bytes:
        self.refresh()
        if not self.bank[CONTROL_2] & ADVANCE:
            return bytes([self.bank[self.pointer]]) * length
        answer = super().on_read(length)
        touched = range(self.pointer, self.pointer + length)
        for last, flag in ((PRESSURE + 2, 0x11), (TEMPERATURE + 1, 0x22)):
            if last in touched:
                self.bank[STATUS] &= ~flag
        return answer
