"""Fake HTS221, from ST's datasheet (DocID026333): its own calibration, a flag for each result, cleared when read."""

from __future__ import annotations

from .chip import FakeRegisters, clamp

WHO, AVERAGES, CONTROL_1, CONTROL_2, CONTROL_3, STATUS, HUMIDITY, TEMPERATURE = (
    0x0F,
    0x10,
    0x20,
    0x21,
    0x22,
    0x27,
    0x28,
    0x2A,
)
# Of a chip that a user reported: 19.125 °C at 0, 33.75 °C at 798; 30.5 % at -14, 71.5 % at -12043.
CALIBRATION = bytes.fromhex("3d8f990e00c4f2ff3a03f5d000001e03")
POWERED, RATE, ONE_SHOT, BOOT = 0x80, 0x03, 0x01, 0x80
PERIODS = (0.0, 1.0, 1 / 7, 1 / 12.5)  # seconds, by the rate's bits
ONE_CONVERSION = 1 / 12.5


class FakeHts221(FakeRegisters):
    """Feels temperature in °C and humidity in %. Its address advances only where bit 7 of it is set."""

    name = "hts221"
    addresses = (0x5F,)
    senses = {"temperature": 21.5, "humidity": 43.0}
    parts = ("temperature", "humidity")

    def power_on(self) -> None:
        self.bank = bytearray(256)
        self.bank[WHO], self.bank[AVERAGES] = 0xBC, 0x1B
        self.fill(0x30, CALIBRATION)
        self.running = self.advances = False

    def on_write(self, data: bytes) -> None:
        self.advances = bool(data[0] & 0x80)
        super().on_write(bytes([data[0] & 0x7F]) + (data[1:] if self.advances else data[1:2]))

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONTROL_1:
            self.bank[CONTROL_1] = value & 0x87
            self.running = bool(value & POWERED and value & RATE)
            self.busy_for(PERIODS[value & RATE])
        elif register == CONTROL_2:
            self.bank[CONTROL_2] = value & 0x03
            if value & ONE_SHOT and self.bank[CONTROL_1] & (POWERED | RATE) == POWERED:
                self.running = True
                self.busy_for(ONE_CONVERSION)
        elif register in (AVERAGES, CONTROL_3):
            self.bank[register] = value

    def refresh(self) -> None:
        if not self.running or self.busy:
            return
        humidity = clamp(-14 + (self.world["humidity"] - 30.5) * (-12043 + 14) / (71.5 - 30.5), -0x8000, 0x7FFF)
        temperature = clamp((self.world["temperature"] - 19.125) * 798 / (33.75 - 19.125), -0x8000, 0x7FFF)
        for quantity, register, code, flag in (
            ("humidity", HUMIDITY, humidity, 2),
            ("temperature", TEMPERATURE, temperature, 1),
        ):
            if quantity not in self.broken:
                self.fill(register, (code & 0xFFFF).to_bytes(2, "little"))
                self.bank[STATUS] |= flag
        self.bank[CONTROL_2] &= ~ONE_SHOT
        self.running = bool(self.bank[CONTROL_1] & RATE)
        if self.running:
            self.busy_for(PERIODS[self.bank[CONTROL_1] & RATE])

    def on_read(self, length: int) -> bytes:
        self.refresh()
        if not self.advances:
            answer = bytes([self.bank[self.pointer]]) * length
            touched = range(self.pointer, self.pointer + 1)
        else:
            answer, touched = super().on_read(length), range(self.pointer, self.pointer + length)
        for last, flag in ((HUMIDITY + 1, 2), (TEMPERATURE + 1, 1)):
            if last in touched:
                self.bank[STATUS] &= ~flag
        return answer
