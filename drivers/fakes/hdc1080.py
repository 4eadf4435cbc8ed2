"""Fake HDC1080, from Texas Instruments' datasheet: writing a pointer measures, and it cannot be read until it has.

Source: TI "HDC1080" (SNAS672): register map with power-on values, conversion times by resolution, timing of a reading;
TI's forum (e2e.ti.com, thread 553297): the humidity follows the temperature once, after that 0xffff.
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp

TEMPERATURE, HUMIDITY, CONFIGURATION = 0x00, 0x01, 0x02
IDENTITIES = {0xFB: 0x0201, 0xFC: 0x4D3C, 0xFD: 0x1A00, 0xFE: 0x5449, 0xFF: 0x1050}
RESET, HEATER, IN_SEQUENCE, COARSE = 0x8000, 0x2000, 0x1000, 0x0400
STARTS_IN, HEATED = 0.015, 5.0
OF_TEMPERATURE, OF_HUMIDITY = (0.00635, 0.00365), (0.0065, 0.00385, 0.0025, 0.0025)


class FakeHdc1080(FakeChip):
    """Feels temperature in °C and humidity in %, 14 bits each."""

    name = "hdc1080"
    addresses = (0x40, 0x41, 0x42, 0x43)
    senses = {"temperature": 21.5, "humidity": 45.0}

    def power_on(self) -> None:
        self.pointer = TEMPERATURE
        self.configuration = IN_SEQUENCE
        self.words = [0, 0]
        # Whether the humidity is sent behind the temperature.
        self.follows = False
        self.busy_for(STARTS_IN)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        self.pointer = data[0]
        if self.pointer == CONFIGURATION and len(data) >= 3:
            value = int.from_bytes(data[1:3], "big")
            if value & RESET:
                self.power_on()
            else:
                self.configuration = value & 0x3700
        elif self.pointer in (TEMPERATURE, HUMIDITY) and len(data) == 1:
            self.measure()

    def measure(self) -> None:
        """Measure what the pointer stands at, or both."""
        both, takes = self.configuration & IN_SEQUENCE, 0.0
        if both or self.pointer == TEMPERATURE:
            warmer = HEATED if self.configuration & HEATER else 0.0
            felt = (self.world["temperature"] + warmer + 40) / 165
            self.words[0] = self.digits(felt, 11 if self.configuration & COARSE else 14)
            takes += OF_TEMPERATURE[bool(self.configuration & COARSE)]
        if both or self.pointer == HUMIDITY:
            coarse = self.configuration >> 8 & 3
            self.words[1] = self.digits(self.world["humidity"] / 100, (14, 11, 8, 8)[coarse])
            takes += OF_HUMIDITY[coarse]
        self.follows = bool(both) and self.pointer == TEMPERATURE
        self.busy_for(takes)

    @staticmethod
    def digits(share: float, bits: int) -> int:
        """Return a share of the scale as a left-justified word."""
        return clamp(share * 2**bits, 0, 2**bits - 1) << 16 - bits

    def on_read(self, length: int) -> bytes:
        if self.busy:
            raise Nack
        if self.pointer in (TEMPERATURE, HUMIDITY):
            words = self.words[self.pointer : None if self.follows else self.pointer + 1]
            answer, self.follows = b"".join(word.to_bytes(2, "big") for word in words), False
        elif self.pointer == CONFIGURATION:
            answer = self.configuration.to_bytes(2, "big")
        else:
            answer = IDENTITIES.get(self.pointer, 0xFFFF).to_bytes(2, "big")
        return answer.ljust(length, b"\xff")[:length]
