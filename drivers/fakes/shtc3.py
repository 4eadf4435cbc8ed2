"""Fake SHTC3, from Sensirion's datasheet: idle after power-up, deaf to all but one command while it sleeps.

Source: Sensirion "Datasheet SHTC3": commands, longest times, ID register, CRC-8. The commands that stretch the clock
are refused: this chip is for adapters that cannot stand it.
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, word

# Command -> longest time in seconds, and whether the humidity comes first.
MEASURING = {0x7866: (0.0121, False), 0x58E0: (0.0121, True), 0x609C: (0.0008, False), 0x401A: (0.0008, True)}
STARTS_IN = 0.00024


class FakeShtc3(FakeChip):
    """Feels temperature in °C and humidity in %."""

    name = "shtc3"
    addresses = (0x70,)
    senses = {"temperature": 21.5, "humidity": 45.0}

    def power_on(self) -> None:
        self.answer = b""
        self.asleep = False
        self.busy_for(STARTS_IN)

    def on_write(self, data: bytes) -> None:
        command = int.from_bytes(data, "big") if len(data) == 2 else 0
        if self.busy or (self.asleep and command != 0x3517):
            raise Nack
        self.answer = b""
        if command in MEASURING:
            takes, humidity_first = MEASURING[command]
            self.busy_for(takes)
            both = self.converted()
            self.answer = both[3:] + both[:3] if humidity_first else both
            return
        match command:
            case 0x3517:
                self.asleep = False
                self.busy_for(STARTS_IN)
            case 0xB098:
                self.asleep = True
            case 0x805D:
                self.busy_for(STARTS_IN)
            case 0xEFC8:
                # Only six bits and one more are fixed.
                self.answer = word(0x0887)
            case _:
                raise Nack(data=True)

    def converted(self) -> bytes:
        """Return both words for what is felt now, each with its CRC."""
        temperature = clamp((self.world["temperature"] + 45) / 175 * 2**16, 0, 0xFFFF)
        humidity = clamp(self.world["humidity"] / 100 * 2**16, 0, 0xFFFF)
        return word(temperature) + word(humidity)

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer.ljust(length, b"\xff")[:length]
