"""Fake AM2320, from Aosong's datasheet: asleep until it is addressed, and a measurement behind.

Source: Aosong "AM2320 Product Manual": waking, function 0x03, register table, CRC-16, reading flow (what it sends is
always the measurement before, and 2 s have to lie between two).
"""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp

READ_REGISTERS = 0x03
WAKES_IN, AWAKE_FOR = 0.0008, 0.003
ANSWERS_IN, MEASURES_IN = 0.0015, 2.0


def crc16(data: bytes) -> bytes:
    """Return the checksum of a frame, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            lowest, crc = crc & 1, crc >> 1
            crc ^= 0xA001 * lowest
    return bytes([crc & 0xFF, crc >> 8])


class FakeAm2320(FakeChip):
    """Feels temperature in °C and humidity in %, in steps of 0.1."""

    name = "am2320"
    addresses = (0x5C,)
    senses = {"temperature": 21.5, "humidity": 45.0}
    # Three answers, each of which may have to wake it first.
    unlike = {"transfers": 9, "sleeps": True}

    def power_on(self) -> None:
        self.awake_from: float | None = None
        self.answer = b""
        self.answer_at = 0.0
        # Nothing is measured before the first answer.
        self.measured = self.coming = bytes(4)
        self.measured_at = 0.0

    def begin(self) -> None:
        """Measure what is felt now, unless a measurement is under way; its value is there 2 s later."""
        if self.clock() >= self.measured_at - 1e-9:
            self.finish()
            self.coming = self.sampled()
            self.measured_at = self.clock() + MEASURES_IN

    def finish(self) -> None:
        """Take over the measurement that is over."""
        if self.clock() >= self.measured_at - 1e-9:
            self.measured = self.coming

    def sampled(self) -> bytes:
        """Return humidity and temperature in tenths, the temperature as magnitude and sign."""
        humidity = clamp(self.world["humidity"] * 10, 0, 1000)
        tenths = clamp(self.world["temperature"] * 10, -32767, 32767)
        return humidity.to_bytes(2, "big") + (abs(tenths) | (tenths < 0) << 15).to_bytes(2, "big")

    @property
    def is_awake(self) -> bool:
        """Whether it was woken, and long enough ago."""
        return self.awake_from is not None and self.clock() >= self.awake_from - 1e-9

    def wake(self) -> None:
        """Wake if it sleeps, without an acknowledge; sleep again when no command came."""
        now = self.clock()
        if self.awake_from is None or (not self.answer and now > self.awake_from + AWAKE_FOR):
            self.awake_from = now + WAKES_IN
        if not self.is_awake:
            raise Nack

    def on_write(self, data: bytes) -> None:
        self.wake()
        self.answer = b""
        if len(data) != 3 or data[0] != READ_REGISTERS:
            return
        self.finish()
        start, count = data[1], data[2]
        registers = self.measured + bytes(4) + bytes(0x20 - 8)
        body = registers[start : start + count]
        good = 0 < count <= 10 and len(body) == count
        frame = bytes([READ_REGISTERS, count]) + body if good else bytes([READ_REGISTERS | 0x80, 0x81])
        self.answer = frame + crc16(frame)
        self.answer_at = self.clock() + ANSWERS_IN

    def on_read(self, length: int) -> bytes:
        self.wake()
        if not self.answer or self.clock() < self.answer_at - 1e-9:
            raise Nack
        answer, self.answer = self.answer, b""
        self.awake_from = None
        self.begin()
        return answer.ljust(length, b"\xff")[:length]
