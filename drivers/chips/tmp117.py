"""Texas Instruments TMP117 and TMP119: temperature on I2C.

Source: Texas Instruments data sheet "TMP117 High-Accuracy, Low-Power, Digital Temperature Sensor" (SNOSD82), sections
on the one-shot mode and the register map.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

TEMPERATURE = Register(0x00, 2, is_signed=True)
CONFIGURATION = Register(0x01, 2)
IDENTITY = Register(0x0F, 2)
DEVICE = Field(11, 0)  # of the identity; the upper bits are the revision
POWERING_UP = 0.002  # 1.5 ms until it answers
DATA_READY, MODE = Field(13, 13), Field(11, 10)
SHUTDOWN, ONE_SHOT = MODE.put(0b01), MODE.put(0b11)
AVERAGES = Field(6, 2)  # how many conversions, and how the alert pin works: all 0 here, 8 averages at power-on
CONVERTING_TAKES = 0.0193  # at most 17.5 ms, and a slow oscillator
POLLS, AGAIN = 4, 0.004
SOFT_RESET, AVERAGE_TAKES = 0x0002, 0.16  # then the average of power-on: eight conversions, and a slow oscillator
NEVER = -0x8000


class Tmp117(I2cChip):
    """One TMP117, shut down between readings. A single conversion instead of an average of eight is the witness."""

    name = "tmp117"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    probes = (Probe(b"\x0f", 2, lambda found: DEVICE.of(IDENTITY.decode(found)) == 0x117),)
    quantities = (Quantity("temperature", "°C", "temperature", -55.0, 150.0, 0.0078125),)

    def identify(self) -> Waits:
        """Read the identity register.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        self.look()

    def look(self) -> None:
        """Raise WrongChip if this is none."""
        found = DEVICE.of(IDENTITY.decode(self.write_read(b"\x0f", 2)))
        if found != 0x117:
            raise WrongChip(self.name, self.address, expected=0x117, found=found)

    def configure(self) -> None:
        """Shut it down, and read the last value away: that clears the sign of a finished conversion."""
        self.write(CONFIGURATION.encode(SHUTDOWN))
        self.write_read(b"\x01", 2)
        self.write_read(b"\x00", 2)

    def measure(self) -> Reading:
        """Return temperature in °C.

        Raises:
            NotReady: the conversion does not end. LostPower: it went back to its power-on settings.
            InvalidReading: it never converted. ChecksumError: two reads differ.
        """
        self.write(CONFIGURATION.encode(ONE_SHOT))
        yield CONVERTING_TAKES
        for _ in range(POLLS):
            configuration = CONFIGURATION.decode(self.write_read(b"\x01", 2))
            mode = configuration & MODE.put(0b11)
            if AVERAGES.of(configuration) or mode not in (SHUTDOWN, ONE_SHOT):
                raise LostPower(f"{self.name}: configuration is 0x{configuration:04x}, not as written: power was lost")
            if DATA_READY.of(configuration) or mode == SHUTDOWN:  # reading it clears the first of the two signs
                break
            yield AGAIN
        else:
            yield from self.start_again(configuration)
        self.look_again()  # a TMP102 keeps the same configuration
        code = TEMPERATURE.decode(crc.agreed(self.write_read(b"\x00", 2), self.write_read(b"\x00", 2)))
        if code == NEVER:
            raise InvalidReading(f"{self.name}: it never converted (0x8000)")
        return {"temperature": celsius(code)}

    def look_again(self) -> None:
        """Raise LostPower if the identity is not there any more: a bit flipped, or the chip was exchanged."""
        try:
            self.look()
        except WrongChip as error:
            raise LostPower(str(error)) from None

    def start_again(self, configuration: int) -> Waits:
        """Reset a chip that only keeps its configuration and wait: what it shows then it has converted since.

        Raises:
            NotReady: its configuration is not what was written.
        """
        if configuration != ONE_SHOT:
            raise NotReady(f"{self.name}: the conversion does not end, configuration 0x{configuration:04x}")
        self.look_again()
        self.write(CONFIGURATION.encode(SOFT_RESET))  # a real one shows 0x8000 from here until it has converted
        yield AVERAGE_TAKES


def celsius(code: int) -> float:
    """Return °C from the signed temperature register."""
    return code * 0.0078125
