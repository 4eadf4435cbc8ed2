"""Microchip MCP9808: temperature on I2C.

Source: Microchip data sheet "MCP9808" DS25095A, §5.1 (registers).
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Values, Waits, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

CONFIGURATION = Register(0x01, 2)
AMBIENT = Field(12, 0, is_signed=True)  # §5.1.3; bits 15 to 13 are the alerts
MANUFACTURER, DEVICE = 0x0054, 0x04  # registers 6 and 7, §5.1.4 and §5.1.5
NO_CRITICAL_LIMIT = b"\x04\x00\x00"  # 0 °C, as at power-on: so a converted 0 °C carries the flag of its alert
FINEST = b"\x08\x03"  # 0.0625 °C, as at power-on
HYSTERESIS = 0x0200  # §5.1.1: of the alert pin, which is off, so that it acts on nothing; at power-on 0
FIRST_CONVERSION = 0.28  # 250 ms, and a slow oscillator; the temperature is 0 before


class Mcp9808(I2cChip):
    """One MCP9808, measuring all the time with its alert pin off; its hysteresis tells whether it kept its power.

    It has no sign of a finished conversion: that its converter still runs is not provable.
    """

    name = "mcp9808"
    addresses = tuple(range(0x18, 0x20))
    probes = (Probe(b"\x06", 2, says(b"\x00\x54")), Probe(b"\x07", 2, lambda device: device[0] == DEVICE))
    quantities = (Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.0625),)

    converted = False  # since it was set up

    def identify(self) -> None:
        """Read the identities of the manufacturer and of the chip.

        Raises:
            WrongChip: something else answers at this address.
        """
        found = int.from_bytes(self.write_read(b"\x06", 2) + self.write_read(b"\x07", 2)[:1], "big")
        expected = MANUFACTURER << 8 | DEVICE
        if found != expected:
            raise WrongChip(self.name, self.address, expected=expected, found=found)

    def configure(self) -> Waits:
        """Let it measure all the time and as finely as it can, leave the witness, and wait for the first value."""
        self.write(CONFIGURATION.encode(HYSTERESIS))
        self.write(NO_CRITICAL_LIMIT)
        self.write(FINEST)
        self.converted = False
        yield FIRST_CONVERSION

    def measure(self) -> Values:
        """Return temperature in °C.

        Raises:
            LostPower: the witness is gone. ChecksumError: two reads differ. InvalidReading: the line floats.
            NotReady: it shows the 0 that it shows before its first conversion.
        """
        data = crc.agreed(self.write_read(b"\x05", 2), self.write_read(b"\x05", 2))
        kept = CONFIGURATION.decode(
            self.write_read(b"\x01", 2)
        )  # last: what came before is from before a loss of power
        if kept != HYSTERESIS:
            raise LostPower(
                f"{self.name}: configuration is 0x{kept:04x}, not 0x0200: power was lost, or it was shut down"
            )
        if data == b"\xff\xff":
            raise InvalidReading(f"{self.name}: ff ff is no reading; the line floats")
        self.converted = self.converted or any(data)
        if not self.converted:
            raise NotReady(f"{self.name}: it has not converted yet")
        return {"temperature": celsius(AMBIENT.of(int.from_bytes(data, "big")))}


def celsius(code: int) -> float:
    """Return °C from the signed thirteen bits of the ambient temperature (§5.1.3)."""
    return code / 16
