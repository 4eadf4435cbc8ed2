"""Fake MLX90614, from Melexis' datasheet: SMBus words with a packet error code, nothing for the first 0.25 s.

Source: Melexis "MLX90614 family single and dual zone infra red thermometer": RAM and EEPROM addresses, SMBus, timing.
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, crc8

AMBIENT, OBJECT_1, OBJECT_2, FLAGS = 0x06, 0x07, 0x08, 0xF0
EEPROM = {
    0x20: 0x9993, 0x21: 0x62E3, 0x22: 0x0201, 0x23: 0xF71C, 0x24: 0xFFFF, 0x25: 0x9FB4,
    0x2E: 0xBE5A, 0x3C: 0x1A2B, 0x3D: 0x3C4D, 0x3E: 0x5E6F, 0x3F: 0x7081,
}  # fmt: skip


class FakeMlx90614(FakeChip):
    """Feels ambient_temperature and object_temperature in °C, in steps of 0.02."""

    name = "mlx90614"
    addresses = (0x5A,)
    senses = {"ambient_temperature": 21.5, "object_temperature": 30.2}
    parts = ("object_temperature",)
    # Goes into the packet error code.
    address = 0x5A

    def power_on(self) -> None:
        self.command: int | None = None
        self.eeprom = dict(EEPROM)
        self.asleep = False
        self.busy_for(0.25)

    def on_write(self, data: bytes) -> None:
        self.command = data[0]
        if len(data) == 4:
            self.write_word(data)
        elif data[0] == 0xFF and len(data) == 2:
            self.asleep = True

    def write_word(self, data: bytes) -> None:
        """Take a word for the EEPROM, if its packet error code is right."""
        if crc8(bytes([self.address << 1]) + data[:3], 0, 0x07) != data[3] or not 0x20 <= data[0] < 0x40:
            raise Nack(data=True)
        self.eeprom[data[0]] = int.from_bytes(data[1:3], "little")

    def on_read(self, length: int) -> bytes:
        if self.command is None or self.asleep:
            raise Nack
        # A read needs its command before a repeated start.
        command, self.command = self.command, None
        body = self.value(command).to_bytes(2, "little")
        heard = bytes([self.address << 1, command, self.address << 1 | 1])
        return (body + bytes([crc8(heard + body, 0, 0x07)])).ljust(length, b"\xff")[:length]

    def value(self, command: int) -> int:
        """Return the word behind a command."""
        if command == AMBIENT:
            return self.kelvin("ambient_temperature", -40, 125)
        if command == OBJECT_1:
            return self.kelvin("object_temperature", -70.01, 382.19)
        if command == FLAGS:
            # INIT is 0 while it starts.
            return 0x00 if self.busy else 0x10
        return self.eeprom.get(command, 0)

    def kelvin(self, felt: str, low: float, high: float) -> int:
        """Return 1/50 K; nothing before the first conversion, the error flag out of range."""
        if self.busy:
            return 0
        value = self.world[felt]
        raw = clamp((value + 273.15) * 50, 0, 0x7FFF)
        if felt in self.broken:
            return raw | 0x8000
        return raw if low - 0.02 <= value <= high + 0.02 else raw | 0x8000
