"""Microchip MCP3008: eight analog inputs, 10 bits, on SPI.

Source: Microchip "MCP3004/3008", DS21295. SPI has no acknowledge, and the chip has neither identity nor checksum. Only
the null bit before each result, which it drives low, shows that it is there (§5, figure 5-1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from ..bus.gpio import Spi
from ..chip import Among, Driver, Quantity, Untold, Within
from ..errors import ChecksumError, InvalidReading, NoAcknowledge

FULL_SCALE = 1024  # §4.1: code = 1024 x Vin / Vref
TOP = FULL_SCALE - 1
INPUTS = range(8)
READS = 6  # of an input, until a code comes twice
NOISE = 2  # codes by which an input may move by itself
# Of the second byte: before the null bit the chip does not drive the line.
NULL_BIT, UNDRIVEN = 0x04, 0xF8


class Mcp3008(Driver):
    """One MCP3008; `a0`…`a7` in volts.

    Args:
        channel, channels: the input(s) that are read, 0..7; all of them by default.
        vref: volts at the Vref pin.
        port, select: the SPI port and its chip select.
    """

    name = "mcp3008"
    bus_name: ClassVar[str] = "gpio"
    either = (("channel", "channels"),)
    quantities = tuple(Quantity(f"a{i}", "V", "voltage", 0.0, 3.3, 3.3 / FULL_SCALE, noisy=False) for i in INPUTS)

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
        if port not in (0, 1) or select not in (0, 1, 2):
            raise ValueError(
                f"port {port!r}, select {select!r}: the Pi has port 0 (select 0, 1) and 1 (select 0, 1, 2)"
            )
        self.channels, self.vref = sorted(set(wanted)), vref
        most, step = volts(TOP - 1, vref), vref / FULL_SCALE
        self.quantities = tuple(Quantity(f"a{c}", "V", "voltage", 0.0, most, step, noisy=False) for c in self.channels)
        self.spi = Spi(port, select, self.name)
        self.rests_high = False

    def configure(self) -> None:
        """Open the port."""
        self.spi.open()

    def measure(self) -> dict[str, float | Untold]:
        """Return the volts of each channel; for an input at Vref or above, a `BeyondRange` in its place.

        Raises:
            NoAcknowledge: no chip drives the line, or nothing shows that one does.
        """
        self.rests_high = True
        codes = {c: self._settled(c) for c in self.channels}
        if not any(codes.values()) and not self.rests_high and not any(self.code(c) for c in INPUTS):
            raise NoAcknowledge(
                "mcp3008: all eight inputs read 0; check power and wiring (with 10 kΩ from MISO to 3.3 V, "
                "0 V can be distinguished from an absent chip)"
            )
        return {f"a{c}": self._told(c, code) for c, code in codes.items()}

    def _told(self, channel: int, code: int | None) -> float | Untold:
        name = f"a{channel}"
        if code is None:
            return ChecksumError(f"mcp3008: {name} shows no code twice; shorten or shield the cable")
        if code == TOP:
            return self.beyond(name, at_least=volts(TOP, self.vref))
        return volts(code, self.vref)

    def _settled(self, channel: int) -> int | None:
        """Return the first code that repeats, or the median of codes that differ only by noise; else None."""
        codes: list[int] = []
        for _ in range(READS):
            code = self.code(channel)
            if code in codes:
                return code
            codes.append(code)
        return sorted(codes)[READS // 2] if max(codes) - min(codes) <= NOISE else None

    def code(self, channel: int) -> int:
        """Return the 10-bit code of one channel: start bit, single-ended, channel; answer after a null bit (§5).

        Raises:
            NoAcknowledge: the null bit is 1, so the line floats. InvalidReading: the answer is too short.
        """
        answer = self.spi.transfer(bytes([1, (8 | channel) << 4, 0]))
        if len(answer) != 3:
            raise InvalidReading(f"mcp3008: {len(answer)} bytes instead of 3")
        if answer[1] & NULL_BIT:
            raise NoAcknowledge("mcp3008: no chip drives the line; check power, wiring, port and select")
        # A line that is high until the null bit proves that a chip drives it.
        self.rests_high = self.rests_high and answer[1] & UNDRIVEN == UNDRIVEN
        return (answer[1] & 0x03) << 8 | answer[2]

    def close(self) -> None:
        """Give the port back. Never raises."""
        self.known = False
        self.spi.close()


def volts(code: int, vref: float) -> float:
    """Return volts from a 10-bit code (§4.1)."""
    return code * vref / FULL_SCALE
