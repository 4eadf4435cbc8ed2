"""Sensirion SHT30, SHT31, SHT35, SHT85: temperature and humidity on I2C.

Source: Sensirion "Datasheet SHT3x-DIS": single shot mode, break command, status register, conversion of signal output.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits
from ..errors import ChecksumError, NoAcknowledge, WrongChip

POWERING_UP = 0.002  # it may have been plugged in just now
BREAK, BREAKING_TAKES = b"\x30\x93", 0.0012  # ends the periodic mode, in which most commands are refused
READ_STATUS, PROOF = b"\xf3\x2d", "a status with checksum"
HEATER = 0x2000  # of the status
SERIAL_OF_SHT4X = b"\x89"
SOFT_RESET, RESETTING_TAKES = b"\x30\xa2", 0.002
MEASURE_HIGH_REPEATABILITY = b"\x24\x00"  # without clock stretching, which a Pi Zero to 3 cannot do
MEASURING_TAKES = 0.0172  # at most 15.5 ms, and a slow oscillator: asked too early it does not acknowledge


class Sht3x(I2cChip):
    """One SHT3x or SHT85. Measures on command only; keeps nothing between two measurements.

    So a loss of power between two readings spoils neither, and one in between makes the chip refuse to be read.
    """

    name = "sht3x"
    addresses = (0x44, 0x45)
    probes = (Probe(READ_STATUS, 3, lambda status: bool(crc.words(status)), BREAKING_TAKES),)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.01),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature"),
    )

    heats = False

    def identify(self) -> Waits:
        """Make sure that a Sensirion sensor answers: its status comes with a checksum. It has no identity register.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        try:
            self.write(BREAK)
        except NoAcknowledge:  # nothing to be ended
            yield BREAKING_TAKES
        try:
            yield BREAKING_TAKES
            self.write(READ_STATUS)
            yield BREAKING_TAKES
            status = self.read_bytes(3)
            self.heats = bool(crc.words(status)[0] & HEATER)
        except ChecksumError:
            raise WrongChip(self.name, self.address, expected=PROOF, found=status.hex(" ")) from None
        except NoAcknowledge as silence:
            yield from self.look_for_sht4x(silence)

    def look_for_sht4x(self, silence: NoAcknowledge) -> Waits:
        """Raise WrongChip if an SHT4x tells its serial number, else the error that there was."""
        try:
            self.write(SERIAL_OF_SHT4X)
            yield BREAKING_TAKES
            serial = self.read_bytes(6)
            crc.words(serial)
        except (NoAcknowledge, ChecksumError):
            raise silence from None
        hint = 'this is an SHT4x: write driver = "sht4x"'
        raise WrongChip(self.name, self.address, expected=PROOF, found=f"serial number {serial.hex(' ')}", hint=hint)

    def configure(self) -> Waits:
        """Reset the chip: that ends whatever it was told to do, and switches its heater off."""
        try:
            self.write(SOFT_RESET)
        except NoAcknowledge:  # then its heater must have been off
            if self.heats:
                raise
        yield RESETTING_TAKES

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: nobody answers. ChecksumError: a word arrived damaged.
        """
        self.write(MEASURE_HIGH_REPEATABILITY)
        yield MEASURING_TAKES
        temperature, humidity = crc.words(self.read_bytes(6))
        return {"temperature": celsius(temperature), "humidity": relative_humidity(humidity)}


def celsius(ticks: int) -> float:
    """Return °C from the 16-bit temperature word."""
    return -45 + 175 * ticks / 65535


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word."""
    return 100 * ticks / 65535
