"""Maxim MAX31855: thermocouple and cold junction on SPI, read only.

Source: Maxim "MAX31855" (19-5793), "Serial-Interface Protocol", tables 1 to 5, "Electrical Characteristics". The chip
converts all the time, ten times a second; it has no identity, no register and no checksum, so a reading counts when two
frames in a row agree.
"""

from __future__ import annotations

from ..chip import Quantity, Reading, SpiChip, Untold
from ..errors import InvalidReading
from ..registers import Field

HOT = Field(31, 18, is_signed=True)  # 0.25 °C
COLD = Field(15, 4, is_signed=True)  # 0.0625 °C
FAULT = 1 << 16
# Table 2: always 0.
RESERVED = 1 << 17 | 1 << 3
WIRES = {
    1: "the thermocouple is open: T+ or T- is broken or loose",
    2: "the thermocouple is shorted to GND: T+ or T- touches ground",
    4: "the thermocouple is shorted to VCC: T+ or T- touches the supply",
}
# "Electrical Characteristics": at most 200 ms from power-on to the first conversion.
POWERING_UP = 0.22


class Max31855(SpiChip):
    """One MAX31855 of any type: K, J, N, S, T, E and R are different chips."""

    name = "max31855"
    takes = 0.4
    quantities = (
        Quantity(
            "temperature",
            "°C",
            "temperature",
            -270.0,
            1800.0,
            0.25,
            noisy=False,
            needs="reference_temperature",
            accuracy=2.0,
        ),
        # Table 5 goes to 127 °C, two more than the chip is specified for.
        Quantity("reference_temperature", "°C", "temperature", -55.0, 127.0, 0.0625, accuracy=2.0),
    )

    def configure(self) -> Reading:
        """Wait for the first conversion: the chip may have been plugged in just now."""
        yield POWERING_UP
        return {}

    def measure(self) -> dict[str, float | Untold]:
        """Return temperature (of the thermocouple) and reference_temperature (of the chip) in °C.

        An error that names the wire stands for the temperature of a thermocouple that is open or shorted.

        Raises:
            NoAcknowledge: no chip drives the line. ChecksumError: no two frames agree. InvalidReading: it is no frame.
        """
        frame = int.from_bytes(self.agreed(lambda: self.transfer(bytes(4))), "big")
        wires = frame & 0b111
        if frame & RESERVED or bool(frame & FAULT) != bool(wires):
            raise InvalidReading(f"max31855: {frame:08x} is no frame of a MAX31855; check port, select and wiring")
        hot: float | Untold = thermocouple_celsius(frame)
        if wires:
            hot = InvalidReading("max31855: " + "; ".join(text for bit, text in WIRES.items() if wires & bit))
        return {"temperature": hot, "reference_temperature": junction_celsius(frame)}


def thermocouple_celsius(frame: int) -> float:
    """Return °C of the thermocouple from a frame (table 4)."""
    return HOT.of(frame) / 4


def junction_celsius(frame: int) -> float:
    """Return °C of the cold junction from a frame (table 5)."""
    return COLD.of(frame) / 16
