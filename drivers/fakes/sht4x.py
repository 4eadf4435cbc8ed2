"""Fake SHT4x, from Sensirion's datasheet: refuses to be read while it measures, forgets a result once it was read."""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, word


class FakeSht4x(FakeChip):
    """Feels temperature in °C and humidity in %."""

    name = "sht4x"
    addresses = (0x44, 0x45, 0x46)
    senses = {"temperature": 21.5, "humidity": 45.0}
    parts = ("humidity",)

    def power_on(self) -> None:
        self.answer = b""

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        match data:
            case b"\x89":
                self.busy_for(0.001)
                self.answer = word(0x0F3A) + word(0x91C7)
            case b"\xfd" | b"\xf6" | b"\xe0":
                self.busy_for({0xFD: 0.0083, 0xF6: 0.0045, 0xE0: 0.0016}[data[0]])
                t = clamp((self.world["temperature"] + 45) / 175 * 0xFFFF, 0, 0xFFFF)
                rh = clamp((self.world["humidity"] + 6) / 125 * 0xFFFF, 0, 0xFFFF)
                self.answer = word(t) + word(0 if "humidity" in self.broken else rh)
            case b"\x94":
                self.busy_for(0.001)
                self.answer = b""
            case _:
                raise Nack(data=True)

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length]
