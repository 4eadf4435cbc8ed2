"""Microchip MCP3008: eight analog inputs, 10 bits, on SPI.

Source: Microchip "MCP3004/3008", DS21295. SPI has no acknowledge and the chip no identity: what can be told is the null
bit in front of each result, and that eight inputs are not all at one end of the scale.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from ..bus.gpio import Spi
from ..chip import Driver, Measurement, Quantity
from ..errors import InvalidReading, NoAcknowledge

FULL_SCALE = 1024  # §4.1: code = 1024 x Vin / Vref
TOP = FULL_SCALE - 1


class Mcp3008(Driver):
    """One MCP3008; `a0`…`a7` in volts.

    Args:
        channel, channels: the input(s) that are read, 0..7; all of them by default.
        vref: volts at the Vref pin.
        port, select: the SPI port and its chip select.
    """

    name = "mcp3008"
    bus_name: ClassVar[str] = "gpio"
    quantities = tuple(Quantity(f"a{i}", "V", "voltage", 0.0, 3.3, 3.3 / FULL_SCALE) for i in range(8))

    def __init__(
        self,
        *,
        channel: int | None = None,
        channels: Iterable[int] | None = None,
        vref: float = 3.3,
        port: int = 0,
        select: int = 0,
    ) -> None:
        if channel is not None and channels is not None:
            raise ValueError("say either channel or channels")
        wanted = [channel] if channel is not None else list(range(8) if channels is None else channels)
        if not wanted or any(isinstance(c, bool) or c not in range(8) for c in wanted):
            raise ValueError(f"channels are {wanted}, not of 0..7")
        if isinstance(vref, bool) or not 0.25 <= vref <= 5.5:
            raise ValueError(f"vref is {vref!r}, not 0.25..5.5 V")
        if port not in (0, 1) or select not in (0, 1, 2):
            raise ValueError(
                f"port {port!r}, select {select!r}: the Pi has port 0 (select 0, 1) and 1 (select 0, 1, 2)"
            )
        self.channels, self.vref = sorted(set(wanted)), vref
        self.quantities = tuple(Quantity(f"a{c}", "V", "voltage", 0.0, vref, vref / FULL_SCALE) for c in self.channels)
        self.spi = Spi(port, select, self.name)

    def configure(self) -> None:
        """Open the port."""
        self.spi.open()

    def measure(self) -> Measurement:
        """Return the volts of each channel.

        Raises:
            NoAcknowledge: a floating or shorted line answers, not a chip.
        """
        codes = {c: self.code(c) for c in self.channels}
        if set(codes.values()) in ({0}, {TOP}):  # true, or nobody there? no chip has all its inputs at one end
            every = {codes[c] if c in codes else self.code(c) for c in range(8)}
            if every in ({0}, {TOP}):
                raise NoAcknowledge("mcp3008: all eight inputs read the same end of the scale; check power and wiring")
        return {f"a{c}": volts(code, self.vref) for c, code in codes.items()}

    def code(self, channel: int) -> int:
        """Return the 10-bit code of one channel: start bit, single-ended, channel; answer after a null bit (§5).

        Raises:
            NoAcknowledge: the null bit is not null: the line floats. InvalidReading: the answer is too short.
        """
        answer = self.spi.transfer(bytes([1, (8 | channel) << 4, 0]))
        if len(answer) != 3:
            raise InvalidReading(f"mcp3008: {len(answer)} bytes instead of 3")
        if answer[1] & 0x04:
            raise NoAcknowledge("mcp3008: nobody drives the line; check power, wiring, port and select")
        return (answer[1] & 0x03) << 8 | answer[2]

    def close(self) -> None:
        """Give the port back. Never raises."""
        self.known = False
        self.spi.close()


def volts(code: int, vref: float) -> float:
    """Return volts from a 10-bit code (§4.1)."""
    return code * vref / FULL_SCALE
