"""Fake MCP3421, MCP3422, MCP3424, from Microchip's datasheets (DS22003, DS22088): a result, then the configuration."""

from __future__ import annotations

from .chip import FakeChip, clamp

NOT_NEW, CONTINUOUS = 0x80, 0x10
BITS = (12, 14, 16, 18)  # by bits 3:2
SLOWEST = (1 / 176, 1 / 44, 1 / 11, 1 / 2.75)  # seconds of a conversion
NAMES = ("a0_a1", "a2_a3", "a4_a5", "a6_a7")
FELT = dict(zip(NAMES, (0.5, -0.25, 1.2, 0.001), strict=True))


class FakeMcp342x(FakeChip):
    """Feels volts between the pins of each input. Converts on and on after power-on, with 12 bits."""

    name = "mcp342x"
    addresses = tuple(range(0x68, 0x70))
    senses = {"a0_a1": 0.5}
    unlike = {"transfers": 16}

    def power_on(self) -> None:
        self.configuration = 0x10
        self.result, self.is_new, self.running = 0, False, True
        self.busy_for(self.takes)

    @property
    def bits(self) -> int:
        """Of a result."""
        return BITS[self.configuration >> 2 & 3]

    @property
    def takes(self) -> float:
        """Seconds of one conversion, the slowest."""
        return SLOWEST[self.configuration >> 2 & 3]

    def on_write(self, data: bytes) -> None:
        self.refresh()
        for byte in data:
            self.configuration = byte & 0x7F
            self.is_new = False
            self.running = bool(byte & (CONTINUOUS | NOT_NEW))
        if self.running:
            self.busy_for(self.takes)
        else:
            self.busy_until = 0.0

    def refresh(self) -> None:
        """Take over the result of a conversion that is over."""
        if not self.running or self.busy:
            return
        inputs = list(self.senses)
        felt = self.world[inputs[(self.configuration >> 5 & 3) % len(inputs)]]
        half = 1 << self.bits - 1
        self.result = clamp(felt * (1 << (self.configuration & 3)) / 2.048 * half, -half, half - 1)
        self.is_new = True
        self.running = bool(self.configuration & CONTINUOUS)
        if self.running:
            self.busy_for(self.takes)

    def on_read(self, length: int) -> bytes:
        self.refresh()
        size = 3 if self.bits == 18 else 2
        data = (self.result & (1 << 8 * size) - 1).to_bytes(size, "big")
        shown = self.configuration | (0 if self.is_new else NOT_NEW)
        if length > size:
            self.is_new = False
        return (data + bytes([shown]) * length)[:length]


class FakeMcp3421(FakeMcp342x):
    """Feels volts between the pins of its one input."""

    name = "mcp3421"


class FakeMcp3422(FakeMcp342x):
    """Feels volts between the pins of two inputs."""

    name = "mcp3422"
    senses = {name: FELT[name] for name in NAMES[:2]}


class FakeMcp3424(FakeMcp342x):
    """Feels volts between the pins of four inputs."""

    name = "mcp3424"
    senses = FELT
