"""Microchip MCP3008 and MCP3208: eight analog inputs on SPI, 10 or 12 bits.

Sources: Microchip "MCP3004/3008" (DS21295) and "MCP3204/3208" (DS21298). SPI has no acknowledge, and the chips have
neither identity nor checksum. Only the null bit before each result, which they drive low, shows that one is there
(DS21295 §5 figure 5-1, DS21298 §5 figure 5-1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from ..chip import Among, Quantity, SpiChip, Untold, Within
from ..errors import ChecksumError, NoAcknowledge

INPUTS = range(8)
READS = 6  # of an input, until a code comes twice
# Start bit, single-ended, and the channel's three bits.
REQUEST = 0b11000


class Mcp3008(SpiChip):
    """One MCP3008; `a0`…`a7` in volts.

    Args:
        channel, channels: the input(s) that are read, 0..7; all of them by default.
        vref: volts at the Vref pin.
    """

    name = "mcp3008"
    either = (("channel", "channels"),)
    bits: ClassVar[int] = 10
    # Codes by which an input may move by itself.
    noise: ClassVar[int] = 2
    quantities = tuple(Quantity(f"a{i}", "V", "voltage", 0.0, 3.3, 3.3 / 1024, noisy=False) for i in INPUTS)

    def __init__(
        self,
        *,
        channel: Annotated[int, Among(INPUTS)] | None = None,
        channels: Iterable[Annotated[int, Among(INPUTS)]] | None = None,
        vref: Annotated[float, Within(0.25, 5.5, "V")] = 3.3,
        port: Annotated[int, Among((0, 1))] = 0,
        select: Annotated[int, Among((0, 1, 2))] = 0,
    ) -> None:
        if channel is not None and channels is not None:
            raise ValueError("say either channel or channels")
        wanted = [channel] if channel is not None else list(INPUTS if channels is None else channels)
        if not wanted or any(isinstance(c, bool) or c not in INPUTS for c in wanted):
            raise ValueError(f"channels are {wanted}, not of 0..7")
        if isinstance(vref, bool) or not 0.25 <= vref <= 5.5:
            raise ValueError(f"vref is {vref!r}, not 0.25..5.5 V")
        super().__init__(port=port, select=select)
        self.channels, self.vref = sorted(set(wanted)), vref
        most, step = self.volts(self.top - 1), vref / (self.top + 1)
        self.quantities = tuple(Quantity(f"a{c}", "V", "voltage", 0.0, most, step, noisy=False) for c in self.channels)
        self.rests_high = False

    @property
    def top(self) -> int:
        """The highest code."""
        return (1 << self.bits) - 1

    def volts(self, code: int) -> float:
        """Return the volts that a code stands for."""
        return volts(code, self.vref, self.bits)

    def measure(self) -> dict[str, float | Untold]:
        """Return the volts of each channel; for an input at Vref or above, a `BeyondRange` in its place.

        Raises:
            NoAcknowledge: no chip drives the line, or nothing shows that one does.
        """
        self.rests_high = True
        codes = {c: self._settled(c) for c in self.channels}
        if not any(codes.values()) and not self.rests_high and not any(self.code(c) for c in INPUTS):
            raise NoAcknowledge(
                f"{self.name}: all eight inputs read 0; check power and wiring (with 10 kΩ from MISO to 3.3 V, "
                "0 V can be distinguished from an absent chip)"
            )
        return {f"a{c}": self._told(c, code) for c, code in codes.items()}

    def _told(self, channel: int, code: int | None) -> float | Untold:
        name = f"a{channel}"
        if code is None:
            return ChecksumError(f"{self.name}: {name} shows no code twice; shorten or shield the cable")
        if code == self.top:
            return self.beyond(name, at_least=self.volts(code))
        return self.volts(code)

    def _settled(self, channel: int) -> int | None:
        """Return the first code that repeats, or the median of codes that differ only by noise; else None."""
        codes: list[int] = []
        for _ in range(READS):
            code = self.code(channel)
            if code in codes:
                return code
            codes.append(code)
        return sorted(codes)[READS // 2] if max(codes) - min(codes) <= self.noise else None

    def code(self, channel: int) -> int:
        """Return the code of one channel: start bit, single-ended, channel; the answer follows a null bit (figure 6-1).

        The request is shifted so that the answer's last bit is the last of three bytes.

        Raises:
            NoAcknowledge: the null bit is 1, so the line floats. InvalidReading: the answer is too short.
        """
        # Of the 24 clocks the answer takes the null bit and the code at the end, and one before samples the input.
        request = (REQUEST | channel) << self.bits + 2
        answer = int.from_bytes(self.transfer(request.to_bytes(3, "big")), "big")
        if answer >> self.bits & 1:
            raise NoAcknowledge(f"{self.name}: no chip drives the line; check power, wiring, port and select")
        # A line that is high until the null bit, and low there, proves that a chip drives it.
        undriven = 0xFFFF >> self.bits + 1
        self.rests_high = self.rests_high and answer >> self.bits + 1 & undriven == undriven
        return answer & self.top


class Mcp3208(Mcp3008):
    """One MCP3208; `a0`…`a7` in volts.

    Args:
        vref: volts at the Vref pin.
    """

    name = "mcp3208"
    bits = 12
    noise = 8
    quantities = tuple(Quantity(f"a{i}", "V", "voltage", 0.0, 3.3, 3.3 / 4096, noisy=False) for i in INPUTS)


def volts(code: int, vref: float, bits: int = 10) -> float:
    """Return volts from a code: code = 2^bits × Vin / Vref (§4.1)."""
    return code * vref / (1 << bits)
