"""Sensirion SHT40, SHT41, SHT45: temperature and humidity on I2C.

Source: Sensirion "Datasheet SHT4x" v6 (2023). Sections below are those of that version.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits
from ..errors import ChecksumError, NoAcknowledge, WrongChip

MEASURE_HIGH_PRECISION = b"\xfd"  # §4.5
MEASURING_TAKES = 0.0092  # §3.1: at most 8.3 ms, and a slow oscillator: asked too early it does not acknowledge
READ_SERIAL_NUMBER, PROOF = b"\x89", "two words with checksums"  # §4.5
STATUS_OF_SHT3X = b"\xf3\x2d"
POWERING_UP = 0.0012  # §3.1: at most 1 ms; it may have been plugged in just now
SERIAL_TAKES = 0.0012  # likewise


class Sht4x(I2cChip):
    """One SHT4x. Measures on command only; keeps nothing between two measurements."""

    name = "sht4x"
    addresses = (0x44, 0x45, 0x46)
    probes = (Probe(b"\x89", 6, lambda serial: bool(crc.words(serial)), SERIAL_TAKES),)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.01),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature"),
    )

    def identify(self) -> Waits:
        """Make sure that a Sensirion sensor answers: its serial number comes with two checksums.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        try:
            self.write(READ_SERIAL_NUMBER)
            yield SERIAL_TAKES
            serial = self.read_bytes(6)
            crc.words(serial)
        except ChecksumError:
            raise WrongChip(self.name, self.address, expected=PROOF, found=serial.hex(" ")) from None
        except NoAcknowledge as silence:
            yield from self.look_for_sht3x(silence)

    def look_for_sht3x(self, silence: NoAcknowledge) -> Waits:
        """Raise WrongChip if an SHT3x tells its status, else the error that there was."""
        try:
            self.write(STATUS_OF_SHT3X)
            yield SERIAL_TAKES
            status = self.read_bytes(3)
            crc.words(status)
        except (NoAcknowledge, ChecksumError):
            raise silence from None
        hint = 'this is an SHT3x: write driver = "sht3x"'
        raise WrongChip(self.name, self.address, expected=PROOF, found=f"status {status.hex(' ')}", hint=hint)

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: nobody answers. ChecksumError: a word arrived damaged.
        """
        self.write(MEASURE_HIGH_PRECISION)
        yield MEASURING_TAKES
        temperature, humidity = crc.words(self.read_bytes(6))
        return {"temperature": celsius(temperature), "humidity": relative_humidity(humidity)}


def celsius(ticks: int) -> float:
    """Return °C from the 16-bit temperature word (§4.6)."""
    return -45 + 175 * ticks / 65535


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word; the formula leaves 0..100 at the ends and is clipped (§4.6)."""
    return min(100.0, max(0.0, -6 + 125 * ticks / 65535))
