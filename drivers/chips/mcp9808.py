"""Microchip MCP9808: temperature on I2C.

Source: Microchip data sheet "MCP9808" DS25095A, §5.1 (registers).
"""

from __future__ import annotations

from ..chip import I2cChip, Quantity, Question, Values, Waits, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

# §5.1
CONFIGURATION, CRITICAL_LIMIT, AMBIENT = Register(0x01, 2), Register(0x04, 2), Register(0x05, 2)
MANUFACTURER, DEVICE, RESOLUTION = Register(0x06, 2), Register(0x07, 2), Register(0x08)
# §5.1.4 and §5.1.5; the lower byte of the device is its revision.
MICROCHIP, MCP9808 = 0x0054, 0x04
# §5.1.3; bits 15 to 13 are the alerts.
CODE = Field(12, 0, is_signed=True)
# As at power-on: so a converted 0 °C carries the flag of its alert.
NO_CRITICAL_LIMIT = 0
# 0.0625 °C, as at power-on.
FINEST = 3
# §5.1.1: a hysteresis of 1.5 °C and an alert for the critical limit alone: of the alert pin, which is off, so that they
# act on nothing; at power-on 0.
WITNESS = 0x0204
# 250 ms, and a slow oscillator; the temperature is 0 before.
FIRST_CONVERSION = 0.28


class Mcp9808(I2cChip):
    """One MCP9808, measuring all the time with its alert pin off, whose settings tell whether it kept its power.

    It has no sign of a finished conversion: that its converter still runs is not provable.
    """

    name = "mcp9808"
    addresses = tuple(range(0x18, 0x20))
    takes = 0.3
    questions = (Question(b"\x06", 2, says(b"\x00\x54")), Question(b"\x07", 2, lambda device: device[0] == MCP9808))
    # At 0.0625 °C a quiet room may show the same digits for an hour.
    quantities = (Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.0625, noisy=False, accuracy=0.5),)

    # Since it was set up.
    converted = False

    def identify(self) -> None:
        """Read the identities of the manufacturer and of the chip.

        Raises:
            WrongChip: something else answers at this address.
        """
        found = self.get(MANUFACTURER) << 8 | self.get(DEVICE) >> 8
        expected = MICROCHIP << 8 | MCP9808
        if found != expected:
            raise WrongChip(self.name, self.address, expected=expected, found=found)

    def configure(self) -> Waits:
        """Let it measure all the time and as finely as it can, leave the witness, and wait for the first value."""
        self.put(CONFIGURATION, WITNESS)
        self.put(CRITICAL_LIMIT, NO_CRITICAL_LIMIT)
        # No witness shows it afterwards.
        self.command(RESOLUTION, FINEST, lambda found: found == FINEST)
        self.converted = False
        yield FIRST_CONVERSION

    def measure(self) -> Values:
        """Return temperature in °C.

        Raises:
            LostPower: the witness is gone. ChecksumError: two reads differ. InvalidReading: the line floats.
            NotReady: it shows the 0 that it shows before its first conversion.
        """
        register = self.get_twice(AMBIENT, between=self.look_for_witness)
        if register == 0xFFFF:
            raise InvalidReading(f"{self.name}: 0xffff is no reading; the line floats")
        self.converted = self.converted or bool(register)
        if not self.converted:
            raise NotReady(f"{self.name}: it has not converted yet")
        return {"temperature": celsius(CODE.of(register))}

    def look_for_witness(self) -> None:
        """Raise LostPower if the settings are gone."""
        kept = self.get(CONFIGURATION)
        if kept != WITNESS:
            raise LostPower(
                f"{self.name}: configuration is 0x{kept:04x}, not 0x{WITNESS:04x}: power was lost, or it was shut down"
            )


def celsius(code: int) -> float:
    """Return °C from the signed thirteen bits of the ambient temperature (§5.1.3)."""
    return code / 16
