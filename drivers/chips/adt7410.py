"""Analog Devices ADT7410 and ADT7420: temperature on I2C.

Source: Analog Devices data sheet "ADT7410" Rev. A (and "ADT7420"), sections "One-Shot Mode", "Temperature Value
Registers", "Status Register", "Configuration Register", "ID Register" and the table of 16-bit temperatures; the Linux
driver `adt7x10`.
"""

from __future__ import annotations

from ..chip import I2cChip, Quantity, Question, Reading
from ..errors import LostPower, NotReady, WrongChip
from ..registers import Field, Register

TEMPERATURE, STATUS, CONFIGURATION = Register(0x00, 2, is_signed=True), Register(0x02), Register(0x03)
IDENTITY = Register(0x0B)
# The upper bits are Analog Devices' number, the others the revision.
MAKER, ANALOG_DEVICES = Field(7, 3), 0b11001
# In the status, set until there is a new value, and again once that was read.
NOT_READY = 0x80
# 16 bits; 13 at power-on. One conversion, then shut down; at power-on it measures all the time.
ONE_SHOT_OF_16_BITS = 0xA0
# All but the upper bit of the mode, which the chip may set when it shuts down.
KEPT = 0xBF
# 240 ms, and a slow oscillator.
CONVERTING_TAKES = 0.264
POLLS, AGAIN = 4, 0.02
# How often a command is written that the chip does not seem to take.
TRIES = 3


class Adt7410(I2cChip):
    """One ADT7410 or ADT7420, shut down between readings. Its resolution of 16 bits is the witness."""

    name = "adt7410"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    takes = 0.4
    questions = (Question(b"\x0b", 1, lambda found: MAKER.of(found[0]) == ANALOG_DEVICES),)
    quantities = (Quantity("temperature", "°C", "temperature", -55.0, 150.0, 0.0078125, accuracy=0.5),)

    def identify(self) -> None:
        """Read the identity register.

        Raises:
            WrongChip: something else answers at this address.
        """
        found = self.get(IDENTITY)
        if MAKER.of(found) != ANALOG_DEVICES:
            raise WrongChip(self.name, self.address, expected=0xCB, found=found)

    def configure(self) -> None:
        """Read the last value away: that clears the sign of a new one."""
        self.get(TEMPERATURE)

    def measure(self) -> Reading:
        """Return temperature in °C.

        Raises:
            NotReady: the conversion does not end. LostPower: it went back to its power-on settings.
            ChecksumError: two reads differ.
        """
        for _ in range(TRIES):
            self.put(CONFIGURATION, ONE_SHOT_OF_16_BITS)
            # That a conversion began; else the value from before would be read in its place.
            if self.get(STATUS) & NOT_READY:
                break
        yield CONVERTING_TAKES
        for _ in range(POLLS):
            if not self.get(STATUS) & NOT_READY:
                break
            yield AGAIN
        else:
            self.look_for_settings()
            raise NotReady(f"{self.name}: the conversion does not end")
        code = self.get_twice(TEMPERATURE, between=self.look_for_settings)
        return {"temperature": celsius(code)}

    def look_for_settings(self) -> None:
        """Raise LostPower if the settings are gone, or another chip was put in its place."""
        found, identity = self.get(CONFIGURATION), self.get(IDENTITY)
        if found & KEPT != ONE_SHOT_OF_16_BITS or (MAKER.of(identity) != ANALOG_DEVICES and not self.lenient):
            raise LostPower(
                f"{self.name}: configuration and identity are 0x{found:02x} and 0x{identity:02x}, "
                f"not 0x{ONE_SHOT_OF_16_BITS:02x} and 0xcb: power was lost"
            )


def celsius(code: int) -> float:
    """Return °C from the signed 16 bits of the temperature."""
    return code / 128
