"""Fake AHT20 and AHT10, from Aosong's datasheets: time to wake, calibrated only after they are told, busy for 80 ms.

Source: Aosong "AHT20 Product manuals": status byte, commands 0xBE, 0xAC, 0xBA, CRC-8 over the first six bytes;
"AHT10 Technical Manual": the command 0xE1 in place of 0xBE, 20 ms to wake, no CRC.
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp, crc8

BUSY, CALIBRATED = 0x80, 0x08


class FakeAht20(FakeChip):
    """Feels temperature in °C and humidity in %. A read begins with the status."""

    name = "aht20"
    addresses = (0x38,)
    senses = {"temperature": 21.5, "humidity": 45.0}
    parts = ("humidity",)
    calibrate = b"\xbe\x08\x00"
    calibrating_takes, waking_takes, measuring_takes = 0.010, 0.040, 0.080

    def power_on(self) -> None:
        # A reserved bit that the silicon shows.
        self.status = 0x10
        self.result = self.coming = bytes(5)

    @property
    def waking(self) -> bool:
        """Whether the time that it needs after power is not over."""
        return self.clock() < self.powered_at + self.waking_takes - 1e-9

    def on_write(self, data: bytes) -> None:
        if self.waking:
            raise Nack
        if self.busy:
            raise Nack(data=True)
        self.result = self.coming
        match data:
            case self.calibrate:
                self.status |= CALIBRATED
                self.busy_for(self.calibrating_takes)
            case b"\xac\x33\x00":
                self.busy_for(self.measuring_takes)
                self.coming = self.converted()
            case b"\xba":
                self.power_on()
                self.busy_for(0.020)
            case b"\x71":
                pass
            case _:
                raise Nack(data=True)

    def converted(self) -> bytes:
        """Return humidity and temperature, 20 bits each."""
        humidity = clamp(self.world["humidity"] / 100 * 2**20, 0, 2**20 - 1)
        if "humidity" in self.broken:
            humidity = 0
        temperature = clamp((self.world["temperature"] + 50) / 200 * 2**20, 0, 2**20 - 1)
        return (humidity << 20 | temperature).to_bytes(5, "big")

    def on_read(self, length: int) -> bytes:
        if self.waking:
            raise Nack
        # Asked once: it may end between two looks at the clock.
        busy = self.busy
        if not busy:
            self.result = self.coming
        frame = bytes([self.status | BUSY * busy]) + self.result
        return (frame + self.closing(frame)).ljust(length, b"\xff")[:length]

    def closing(self, frame: bytes) -> bytes:
        """Return what follows the data."""
        return bytes([crc8(frame)])


class FakeAht10(FakeAht20):
    """Feels temperature in °C and humidity in %. Sends no checksum."""

    name = "aht10"
    unlike = {"transfers": 4}
    calibrate = b"\xe1\x08\x00"
    calibrating_takes, waking_takes, measuring_takes = 0.300, 0.020, 0.075

    def closing(self, frame: bytes) -> bytes:
        return b""
