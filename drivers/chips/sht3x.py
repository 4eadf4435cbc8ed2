"""Sensirion SHT30, SHT31, SHT35, SHT85: temperature and humidity on I2C.

Source: Sensirion "Datasheet SHT3x-DIS": single shot mode, break command, status register, conversion of signal output.
"""

from __future__ import annotations

from .. import crc
from ..chip import Quantity, Question, Reading, Waits
from ..errors import NoAcknowledge
from .sensirion import SensirionChip, celsius

# It may have been plugged in just now.
POWERING_UP = 0.002
# Ends the periodic mode, in which most commands are refused.
BREAK, BREAKING_TAKES = b"\x30\x93", 0.0012
READ_STATUS, STATUS_TAKES = b"\xf3\x2d", 0.0012
HEATER = 0x2000
SERIAL_OF_SHT4X = b"\x89"
SOFT_RESET, RESETTING_TAKES = b"\x30\xa2", 0.002
# Without clock stretching, which a Pi Zero to 3 cannot do.
MEASURE_HIGH_REPEATABILITY = b"\x24\x00"
# At most 15.5 ms, and a slow oscillator: asked too early it does not acknowledge.
MEASURING_TAKES = 0.0172


class Sht3x(SensirionChip):
    """One SHT3x or SHT85. Measures on command only; keeps nothing between two measurements.

    So a loss of power between two readings spoils neither, and one in between makes the chip refuse to be read.
    """

    name = "sht3x"
    addresses = (0x44, 0x45)
    questions = (Question(READ_STATUS, 3, lambda status: bool(crc.words(status)), STATUS_TAKES),)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.01, accuracy=0.3),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature", accuracy=3.0),
    )

    heats = False

    def identify(self) -> Waits:
        """Make sure that a Sensirion sensor answers: its status comes with a checksum.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        try:
            self.write(BREAK)
        except NoAcknowledge:
            # There was nothing to be ended.
            yield BREAKING_TAKES
        yield BREAKING_TAKES
        try:
            (status,) = yield from self.proof(READ_STATUS, STATUS_TAKES, 1)
            self.heats = bool(status & HEATER)
        except NoAcknowledge as silence:
            yield from self.look_for("sht4x", SERIAL_OF_SHT4X, STATUS_TAKES, 2, silence)

    def configure(self) -> Waits:
        """Reset the chip: that ends whatever it was told to do, and switches its heater off."""
        try:
            self.write(SOFT_RESET)
        except NoAcknowledge:
            # A chip that heats shows a temperature that is not that of the air.
            if self.heats:
                raise
        yield RESETTING_TAKES

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: no device answers. ChecksumError: a word arrived damaged.
        """
        temperature, humidity = yield from self.ask(MEASURE_HIGH_REPEATABILITY, MEASURING_TAKES, 2)
        return {"temperature": celsius(temperature), "humidity": relative_humidity(humidity)}


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word."""
    return 100 * ticks / 65535
