"""Fake MCP3008 and MCP3208, from Microchip's DS21295 and DS21298: bit by bit on gpiozero's mock pins."""

from __future__ import annotations

from typing import Any, ClassVar

from gpiozero.pins.mock import MockSPIDevice

from .chip import clamp
from .pins import FakePin, MockPins
from .spi import PINS, place


class Adc(MockSPIDevice):  # type: ignore[misc]
    """The chip: start bit, SGL, D2 D1 D0; then a sampling clock, a null bit and the code, the highest bit first."""

    def __init__(self, pins: MockPins, where: tuple[int, int], bits: int) -> None:
        clock, mosi, miso, selects = PINS[where[0]]
        super().__init__(clock, mosi, miso, selects[where[1]], pin_factory=pins.factory)
        # As the kernel leaves it: not selected.
        self.select_pin.drive_high()
        self.bits = bits
        self.codes = [0] * 8
        # The level of the line while the chip does not drive it: the Pi's own resistor pulls MISO down.
        self.rests = 0
        # The level of a line that no chip drives at all.
        self.absent: int | None = None

    def on_start(self) -> None:
        super().on_start()
        self.request: list[int] | None = None
        self.tx_buf = [self.rests if self.absent is None else self.absent] * 24

    def on_bit(self) -> None:
        bit = int(self.rx_buf[-1])
        if self.absent is not None:
            return
        if self.request is None:
            self.request = [] if bit else None
        elif len(self.request) < 4:
            self.request.append(bit)
            if len(self.request) == 4:
                channel = self.request[1] << 2 | self.request[2] << 1 | self.request[3]
                # the sampling clock, during which the line rests, then the null bit and the code
                self.tx_buf = [self.rests]
                self.tx_word(self.codes[channel], self.bits + 1)


class FakeMcp3008(FakePin):
    """Feels volts at eight inputs; several fakes on one chip select are one chip. `unplugged`: MISO floats high."""

    name = "mcp3008"
    senses = {f"a{i}": 0.38 * (i + 1) for i in range(8)}
    kinds = ("unplugged", "nack", "stuck", "frozen")
    bits: ClassVar[int] = 10

    def __init__(self, **options: Any) -> None:
        self.felt: set[str] = set()
        super().__init__(**options)

    def feel(self, **world: float) -> None:
        self.felt |= world.keys()
        super().feel(**world)

    def apply(self) -> None:
        where = place(self.options)
        adc = self.pins.parts.get(("adc", where))
        fresh = adc is None
        if adc is None:
            adc = self.pins.parts["adc", where] = Adc(self.pins, where, self.bits)
        vref = self.options.get("vref", 3.3)
        for name, value in self.world.items():
            if fresh or name in self.felt:
                adc.codes[int(name[1])] = clamp(value / vref * (1 << self.bits), 0, (1 << self.bits) - 1)
        self.adc = adc
        adc.absent = {"unplugged": 1, "nack": 1, "stuck": 0}.get(self.fault)


class FakeMcp3208(FakeMcp3008):
    """Feels volts at eight inputs, in 4096 steps."""

    name = "mcp3208"
    bits = 12
