"""Fake SHT3x, from Sensirion's datasheet: refuses to be read while it measures, tells of a reset in its status.

Source: Sensirion "Datasheet SHT3x-DIS": commands, longest measuring times, status register. A command that stretches
the clock is refused here: this chip is for adapters that cannot stand it.
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, word

SINGLE_SHOT = {0x2400: 0.0155, 0x240B: 0.0065, 0x2416: 0.0045}
# By the command's upper byte.
PERIODS = {0x20: 2.0, 0x21: 1.0, 0x22: 0.5, 0x23: 0.25, 0x27: 0.1}
ALERT, HEATER, RESET, REFUSED = 1 << 15, 1 << 13, 1 << 4, 1 << 1


class FakeSht3x(FakeChip):
    """Feels temperature in °C and humidity in %."""

    name = "sht3x"
    addresses = (0x44, 0x45)
    senses = {"temperature": 21.5, "humidity": 45.0}

    def power_on(self) -> None:
        self.answer = b""
        self.status = ALERT | RESET
        self.periodic = False
        self.busy_for(0.001)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        command = int.from_bytes(data, "big") if len(data) == 2 else 0
        self.answer = b""
        if command == 0x3093:
            self.periodic = False
            self.busy_for(0.001)
        elif command == 0xF32D:
            self.answer = word(self.status)
        elif command == 0xE000 and self.periodic:
            self.answer = self.converted()
        elif self.periodic:
            self.refuse()
        elif command in SINGLE_SHOT:
            self.busy_for(SINGLE_SHOT[command])
            self.answer = self.converted()
        elif data[0] in PERIODS and len(data) == 2:
            self.periodic = True
            self.busy_for(0.0155)
        else:
            self.serve(command)

    def serve(self, command: int) -> None:
        """Do what is no measurement."""
        match command:
            case 0x30A2:
                self.power_on()
                self.busy_for(0.0015)
            case 0x3041:
                self.status &= HEATER
            case 0x306D:
                self.status |= HEATER
            case 0x3066:
                self.status &= ~HEATER
            case 0x3780:
                self.answer = word(0x0A5E) + word(0x3C19)
            case _:
                self.refuse()

    def refuse(self) -> None:
        """Not acknowledge the command, and say so in the status."""
        self.status |= REFUSED
        raise Nack(data=True)

    def converted(self) -> bytes:
        """Return both words for what is felt now."""
        temperature = clamp((self.world["temperature"] + 45) / 175 * 0xFFFF, 0, 0xFFFF)
        humidity = clamp(self.world["humidity"] / 100 * 0xFFFF, 0, 0xFFFF)
        return word(temperature) + word(humidity)

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length]
