"""Sensirion SHT40, SHT41, SHT45: temperature and humidity on I2C.

Source: Sensirion "Datasheet SHT4x" v6 (2023). Sections below are those of that version.
"""

from __future__ import annotations

from .. import crc
from ..chip import Quantity, Question, Reading, Waits, part
from ..errors import InvalidReading, NoAcknowledge
from .sensirion import SensirionChip, celsius

# §4.5
MEASURE_HIGH_PRECISION = b"\xfd"
# §3.1: at most 8.3 ms, and a slow oscillator: asked too early it does not acknowledge.
MEASURING_TAKES = 0.0092
# §4.5
READ_SERIAL_NUMBER, SERIAL_TAKES = b"\x89", 0.0012
STATUS_OF_SHT3X = b"\xf3\x2d"
# §3.1: at most 1 ms; it may have been plugged in just now.
POWERING_UP = 0.0012


class Sht4x(SensirionChip):
    """One SHT4x. Measures on command only; keeps nothing between two measurements."""

    name = "sht4x"
    addresses = (0x44, 0x45, 0x46)
    questions = (Question(READ_SERIAL_NUMBER, 6, lambda serial: bool(crc.words(serial)), SERIAL_TAKES),)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.01, accuracy=0.2),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, clips=True, needs="temperature", accuracy=1.8),
    )

    def identify(self) -> Waits:
        """Make sure that a Sensirion sensor answers: its serial number comes with two checksums.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        try:
            yield from self.proof(READ_SERIAL_NUMBER, SERIAL_TAKES, 2)
        except NoAcknowledge as silence:
            yield from self.look_for("sht3x", STATUS_OF_SHT3X, SERIAL_TAKES, 1, silence)

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: no device answers. ChecksumError: a word arrived damaged.
        """
        temperature, humidity = yield from self.ask(MEASURE_HIGH_PRECISION, MEASURING_TAKES, 2)
        return {"temperature": celsius(temperature), "humidity": part(self.of_air, humidity)}

    def of_air(self, ticks: int) -> float:
        """Return relative humidity in %.

        Raises:
            InvalidReading: the word stands at an end of its scale, which no air reaches.
        """
        if ticks in (0x0000, 0xFFFF):
            raise InvalidReading(f"{self.name}: raw humidity is 0x{ticks:04x}, an end of its scale; a dead element")
        return relative_humidity(ticks)


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word; the formula may leave 0..100 (§4.6)."""
    return -6 + 125 * ticks / 65535
