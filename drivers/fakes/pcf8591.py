"""Fake PCF8591, from NXP's datasheet: four 8-bit inputs; each byte read is the conversion that ran before it."""

from __future__ import annotations

from typing import ClassVar

from .chip import FakeChip, clamp

# By bits 5:4 of the control byte: which input, less which other one, is each channel.
WIRINGS: tuple[tuple[tuple[int, int | None], ...], ...] = (
    ((0, None), (1, None), (2, None), (3, None)),
    ((0, 3), (1, 3), (2, 3)),
    ((0, None), (1, None), (2, 3)),
    ((0, 1), (2, 3)),
)


class FakePcf8591(FakeChip):
    """Feels volts at its four inputs."""

    name = "pcf8591"
    addresses = tuple(range(0x48, 0x50))
    senses = {"a0": 0.5, "a1": 1.2, "a2": 2.5, "a3": 3.1}
    reference: ClassVar[float] = 3.3  # volts

    def power_on(self) -> None:
        self.control = self.channel = self.output = 0
        self.converted = 0x80

    def on_write(self, data: bytes) -> None:
        self.control = data[0] & 0x77  # bits 7 and 3 are 0
        self.channel = data[0] & 3
        if len(data) > 1:
            self.output = data[-1]

    def on_read(self, length: int) -> bytes:
        answer = bytearray()
        for _ in range(length):
            answer.append(self.converted)
            self.convert()
        return bytes(answer)

    def convert(self) -> None:
        """Convert the present channel; with auto-increment, go to the next one."""
        wiring = WIRINGS[self.control >> 4 & 3]
        plus, minus = wiring[self.channel % len(wiring)]
        step = self.reference / 256
        if minus is None:
            self.converted = clamp(self.world[f"a{plus}"] / step, 0, 255)
        else:
            self.converted = clamp((self.world[f"a{plus}"] - self.world[f"a{minus}"]) / step, -128, 127) & 0xFF
        if self.control & 4:
            self.channel = (self.channel + 1) % len(wiring)
