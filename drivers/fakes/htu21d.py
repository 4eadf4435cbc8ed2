"""Fake HTU21D and Si7021, from their datasheets: refuse to be read while they measure, status in the lowest two bits.

Source: TE "HTU21D(F) RH/T sensor IC" and Silicon Labs "Si7021-A20": commands, longest measuring times, CRC-8 that
starts with 0. The commands that hold the clock are refused: this chip is for adapters that cannot stand it.
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, crc8, word

# °C by which the heater warms the chip: 0.5 to 1.5.
HEATED = 1.0


class FakeHtu21d(FakeChip):
    """Feels temperature in °C (14 bits) and humidity in % (12 bits)."""

    name = "htu21d"
    addresses = (0x40,)
    senses = {"temperature": 21.5, "humidity": 45.0}
    parts = ("humidity",)
    # First byte of the second part of the serial number.
    identity = 0x32
    user_default = 0x02
    temperature_takes, humidity_takes, reset_takes = 0.050, 0.016, 0.015

    def power_on(self) -> None:
        self.answer = b""
        self.user = self.user_default
        self.busy_for(self.reset_takes)

    def reset(self) -> None:
        """Start again with the settings of power-on, except for the heater (TE, Sensirion: "soft reset")."""
        heater = self.user & 4
        self.power_on()
        self.user |= heater

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        self.answer = b""
        match data:
            case b"\xfe":
                self.reset()
            case b"\xf3":
                self.busy_for(self.temperature_takes)
                self.answer = word(self.temperature(), start=0)
            case b"\xf5":
                self.busy_for(self.humidity_takes)
                self.answer = word(self.humidity(), start=0)
            case b"\xe7":
                self.answer = bytes([self.user])
            case b"\xfc\xc9":
                self.answer = self.serial()
            case _ if data[0] == 0xE6 and len(data) == 2:
                self.user = data[1]
            case _:
                raise Nack(data=True)

    def serial(self) -> bytes:
        """Return the second part of the serial number; its last checksum covers all four bytes."""
        head, tail = bytes([self.identity, 0xFF]), b"\xb5\xff"
        return head + bytes([crc8(head, 0)]) + tail + bytes([crc8(head + tail, 0)])

    def temperature(self) -> int:
        """Return the word for the temperature: 14 bits, status 00."""
        warmer = HEATED if self.user & 4 else 0.0
        return clamp((self.world["temperature"] + warmer + 46.85) / 175.72 * 2**14, 0, 2**14 - 1) << 2

    def humidity(self) -> int:
        """Return the word for the humidity: 12 bits, status 10; all 0 where the element is open (TE's diagnosis)."""
        if "humidity" in self.broken:
            return 2
        return clamp((self.world["humidity"] + 6) / 125 * 2**12, 0, 2**12 - 1) << 4 | 2

    def on_read(self, length: int) -> bytes:
        if self.busy or not self.answer:
            raise Nack
        answer, self.answer = self.answer, b""
        return answer[:length]


class FakeSi7021(FakeHtu21d):
    """Feels temperature in °C and humidity in %. Measures the temperature with every humidity."""

    name = "si7021"
    identity = 0x15
    user_default = 0x3A
    temperature_takes, humidity_takes, reset_takes = 0.0108, 0.0228, 0.015

    def on_write(self, data: bytes) -> None:
        # The temperature that the last humidity was measured with.
        if not self.busy and data == b"\xe0":
            self.answer = self.temperature().to_bytes(2, "big")
        elif not self.busy and data == b"\x84\xb8":
            self.answer = b"\x20"
        else:
            super().on_write(data)


class FakeSht2x(FakeHtu21d):
    """Feels temperature in °C and humidity in %. Each word of its serial number carries a checksum."""

    name = "sht2x"
    user_default = 0x3A
    temperature_takes, humidity_takes, reset_takes = 0.085, 0.029, 0.015

    def serial(self) -> bytes:
        return word(0x15C2, start=0) + word(0x0033, start=0)
