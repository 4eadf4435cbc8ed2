"""Texas Instruments TMP117 and TMP119: temperature on I2C.

Source: Texas Instruments data sheet "TMP117 High-Accuracy, Low-Power, Digital Temperature Sensor" (SNOSD82), sections
on the one-shot mode and the register map.
"""

from __future__ import annotations

from ..chip import I2cChip, Quantity, Question, Reading, Waits
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

TEMPERATURE = Register(0x00, 2, is_signed=True)
CONFIGURATION = Register(0x01, 2)
IDENTITY = Register(0x0F, 2)
# Of the identity; the upper bits are the revision.
DEVICE, TMP117 = Field(11, 0), 0x117
DATA_READY, MODE = Field(13, 13), Field(11, 10)
SHUTDOWN, ONE_SHOT = 0b01, 0b11
# How many conversions, and how the alert pin works: all 0 here, 8 averages at power-on.
AVERAGES = Field(6, 2)
# 1.5 ms until it answers.
POWERING_UP = 0.002
# At most 17.5 ms, and a slow oscillator.
CONVERTING_TAKES = 0.0193
POLLS, AGAIN = 4, 0.004
# What the temperature register holds before the first conversion.
NEVER = -0x8000


class Tmp117(I2cChip):
    """One TMP117, shut down between readings. A single conversion instead of an average of eight is the witness."""

    name = "tmp117"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    questions = (Question(b"\x0f", 2, lambda found: DEVICE.of(IDENTITY.decode(found)) == TMP117),)
    quantities = (Quantity("temperature", "°C", "temperature", -55.0, 150.0, 0.0078125, accuracy=0.1),)

    def identify(self) -> Waits:
        """Read the identity register.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        found = DEVICE.of(self.get(IDENTITY))
        if found != TMP117:
            raise WrongChip(self.name, self.address, expected=TMP117, found=found)

    def configure(self) -> None:
        """Shut it down, and read the last value away: that clears the sign of a finished conversion."""
        self.put(CONFIGURATION, MODE.put(SHUTDOWN))
        self.get(CONFIGURATION)
        self.get(TEMPERATURE)

    def measure(self) -> Reading:
        """Return temperature in °C.

        Raises:
            NotReady: the conversion does not end. LostPower: it went back to its power-on settings.
            InvalidReading: it never converted. ChecksumError: two reads differ.
        """
        self.command(CONFIGURATION, MODE.put(ONE_SHOT), has_begun)
        yield CONVERTING_TAKES
        for _ in range(POLLS):
            if self.is_finished():
                break
            yield AGAIN
        else:
            raise NotReady(f"{self.name}: the conversion does not end")
        code = self.get_twice(TEMPERATURE, between=self.look_again)
        if code == NEVER:
            raise InvalidReading(f"{self.name}: it never converted (0x8000)")
        return {"temperature": celsius(code)}

    def is_finished(self) -> bool:
        """Return whether the conversion is over. Data ready is gone once it was read, but then it is shut down again.

        Raises:
            LostPower: the settings are not as written.
        """
        configuration = self.get(CONFIGURATION)
        mode = MODE.of(configuration)
        if AVERAGES.of(configuration) or mode not in (SHUTDOWN, ONE_SHOT):
            raise LostPower(f"{self.name}: configuration is 0x{configuration:04x}, not as written: power was lost")
        return bool(DATA_READY.of(configuration)) or mode == SHUTDOWN

    def look_again(self) -> None:
        """Make sure that no TMP102 was put in its place, which keeps the same configuration.

        Raises:
            LostPower: it was, or a bit arrived damaged; the next set-up decides.
        """
        found = DEVICE.of(self.get(IDENTITY))
        if found != TMP117 and not self.lenient:
            raise LostPower(f"{self.name}: its identity is 0x{found:03x} all at once, not 0x{TMP117:03x}")


def has_begun(configuration: int) -> bool:
    """Return whether a single conversion is under way, or over already."""
    return MODE.of(configuration) == ONE_SHOT or bool(DATA_READY.of(configuration))


def celsius(code: int) -> float:
    """Return °C from the signed temperature register."""
    return code * 0.0078125
