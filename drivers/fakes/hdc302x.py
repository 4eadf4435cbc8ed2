"""Fake HDC302x, from Texas Instruments' datasheet: refuses to be read while it measures, measures by itself if told to.

Source: TI "HDC302x" (SNAS778D): command table, longest measuring times of the four power modes, status and its power-on
value, manufacturer ID, CRC.
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, word

ON_DEMAND = {0x2400: 0.0141, 0x240B: 0.0084, 0x2416: 0.0057, 0x24FF: 0.0042}
# By the upper byte of the command that begins the automatic mode.
AUTOMATIC = (0x20, 0x21, 0x22, 0x23, 0x27)
READ_AUTOMATIC, EXIT_AUTOMATIC = 0xE000, 0x3093
HEATER_ON, HEATER_OFF, HEATER = 0x306D, 0x3066, 0x2000
STARTS_IN = 0.005
# Any alert, reset detected, and two that follow from them at power-on.
AT_POWER_ON = 0x8010
HEATED = 20.0
SERIAL = {0x3683: 0x1A2B, 0x3684: 0x3C4D, 0x3685: 0x5E6F}


class FakeHdc302x(FakeChip):
    """Feels temperature in °C and humidity in %."""

    name = "hdc302x"
    addresses = (0x44, 0x45, 0x46, 0x47)
    senses = {"temperature": 21.5, "humidity": 45.0}

    def power_on(self) -> None:
        self.answer = b""
        self.status = AT_POWER_ON
        self.automatic = False
        self.busy_for(STARTS_IN)

    def on_write(self, data: bytes) -> None:
        command = int.from_bytes(data[:2], "big")
        if self.busy or len(data) not in (2, 5):
            raise Nack
        self.answer = b""
        if command in ON_DEMAND and not self.automatic:
            self.busy_for(ON_DEMAND[command])
            self.answer = self.converted()
        elif data[0] in AUTOMATIC:
            self.automatic = True
            self.busy_for(ON_DEMAND[0x2400])
        elif command == READ_AUTOMATIC and self.automatic:
            self.answer = self.converted()
        elif command == EXIT_AUTOMATIC:
            self.automatic = False
            self.busy_for(0.001)
        else:
            self.serve(command)

    def serve(self, command: int) -> None:
        """Do what is no measurement."""
        if command == 0x30A2:
            self.power_on()
        elif command == 0x3781:
            self.answer = word(0x3000)
        elif command in SERIAL:
            self.answer = word(SERIAL[command])
        elif command == 0xF32D:
            self.answer = word(self.status)
        elif command == 0x3041:
            self.status &= HEATER
        elif command == HEATER_ON:
            self.status |= HEATER
        elif command == HEATER_OFF:
            self.status &= ~HEATER
        else:
            raise Nack(data=True)

    def converted(self) -> bytes:
        """Return both words for what is felt now, each with its CRC."""
        warmer = HEATED if self.status & HEATER else 0.0
        temperature = clamp((self.world["temperature"] + warmer + 45) / 175 * 0xFFFF, 0, 0xFFFF)
        humidity = clamp(self.world["humidity"] / 100 * 0xFFFF, 0, 0xFFFF)
        return word(temperature) + word(humidity)

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer.ljust(length, b"\xff")[:length]
