"""Texas Instruments HDC3020, HDC3021, HDC3022: temperature and humidity on I2C.

Source: Texas Instruments data sheet "HDC302x" (SNAS778D), sections on the trigger-on-demand mode, the command table,
the manufacturer ID, the status register and the conversion of the output; the Linux driver `hdc3020`.
"""

from __future__ import annotations

from .. import crc
from ..chip import Quantity, Question, Reading, Waits
from ..errors import NoAcknowledge, WrongChip
from .sensirion import SensirionChip, celsius

# 5 ms after power and reset, and a slow oscillator.
POWERING_UP = 0.0055
# Ends the automatic mode, in which a measurement on demand is refused.
EXIT_AUTO, EXITING_TAKES = b"\x30\x93", 0.0012
READ_MANUFACTURER, TEXAS_INSTRUMENTS = b"\x37\x81", 0x3000
ANSWERING_TAKES = 0.0012
STATUS_OF_SHT3X = b"\xf3\x2d"
# Switches the heater off, too.
SOFT_RESET = b"\x30\xa2"
# On demand, lowest noise.
MEASURE = b"\x24\x00"
# 14.1 ms at most (§6.5), and a slow oscillator: asked too early it does not acknowledge.
MEASURING_TAKES = 0.0172


class Hdc302x(SensirionChip):
    """One HDC302x. Measures on command only; keeps nothing between two measurements.

    It speaks as an SHT3x does, with the same checksum; its manufacturer's number is what an SHT3x does not have.
    """

    name = "hdc302x"
    addresses = (0x44, 0x45, 0x46, 0x47)
    questions = (
        Question(READ_MANUFACTURER, 3, lambda found: crc.words(found)[0] == TEXAS_INSTRUMENTS, ANSWERING_TAKES),
    )
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.01, accuracy=0.1),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature", accuracy=0.5),
    )

    def identify(self) -> Waits:
        """Make sure that Texas Instruments made it: the number comes with a checksum.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        try:
            self.write(EXIT_AUTO)
        except NoAcknowledge:
            # There was nothing to be ended.
            yield EXITING_TAKES
        yield EXITING_TAKES
        try:
            (found,) = yield from self.proof(READ_MANUFACTURER, ANSWERING_TAKES, 1)
        except NoAcknowledge as silence:
            yield from self.look_for("sht3x", STATUS_OF_SHT3X, ANSWERING_TAKES, 1, silence)
        else:
            if found != TEXAS_INSTRUMENTS:
                raise WrongChip(self.name, self.address, expected=TEXAS_INSTRUMENTS, found=found)

    def configure(self) -> Waits:
        """Reset the chip: that ends whatever it was told to do, and switches its heater off."""
        self.write(SOFT_RESET)
        yield POWERING_UP

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: no device answers. ChecksumError: a word arrived damaged.
        """
        temperature, humidity = yield from self.ask(MEASURE, MEASURING_TAKES, 2)
        return {"temperature": celsius(temperature), "humidity": relative_humidity(humidity)}


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word."""
    return 100 * ticks / 65535
