"""HTU21D (TE Connectivity), SHT21 and Si7021 (Silicon Labs): temperature and humidity on I2C.

Source: TE Connectivity data sheet "HTU21D(F) Sensor" and Silicon Labs data sheet "Si7021-A20": commands, electronic
serial number, conversion formulas. The longest times of the family are taken for all.
"""

from __future__ import annotations

from typing import ClassVar

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits
from ..errors import ChecksumError, InvalidReading, NoAcknowledge, WrongChip

RESET, RESETTING_TAKES = b"\xfe", 0.017
POWERING_UP = 0.08  # Si7021, over the whole range of temperature; it may have been plugged in just now
READ_IDENTITY = b"\xfc\xc9"
MEASURE_TEMPERATURE, TEMPERATURE_TAKES = b"\xf3", 0.0935  # SHT21: at most 85 ms, and a slow oscillator
MEASURE_HUMIDITY, HUMIDITY_TAKES = b"\xf5", 0.032  # SHT21: at most 29 ms; the hold commands would stretch the clock
VALUE, IS_HUMIDITY = 0xFFFC, 0b10  # the lower two bits of an answer are its status; not all of the kin set it
KIN = {0x0D: "Si7013", 0x14: "Si7020", 0x15: "Si7021", 0x32: "HTU21D"}


class Htu21d(I2cChip):
    """One HTU21D. Measures on command only, with the settings of its reset; keeps nothing between two measurements.

    A clone without a serial number is taken for one when its measurement comes with a right checksum.
    """

    name = "htu21d"
    addresses = (0x40,)
    probes = (Probe(READ_IDENTITY, 6, lambda serial: serial[0] == 0x32),)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.011),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.04, needs="temperature"),
    )
    identity: ClassVar[int] = 0x32

    def identify(self) -> Waits:
        """Read the second half of the serial number, which begins with the kind of chip.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        try:
            found = self.write_read(READ_IDENTITY, 6)[0]
        except NoAcknowledge:
            yield from self.look_for_measurement()
            return
        if found != self.identity:
            other = KIN.get(found)
            sold = f'this is a {other}: write driver = "{other.lower()}"' if other in ("Si7021", "HTU21D") else ""
            raise WrongChip(self.name, self.address, expected=self.identity, found=found, hint=sold)

    def look_for_measurement(self) -> Waits:
        """Measure the temperature; raise WrongChip if it does not come with a checksum, or is 0."""
        self.write(MEASURE_TEMPERATURE)
        yield TEMPERATURE_TAKES
        frame = self.read_bytes(3)
        try:
            (word,) = crc.words(frame, start=0x00)
        except ChecksumError:
            word = 0
        if not word:
            raise WrongChip(self.name, self.address, expected="a word with checksum", found=frame.hex(" "))

    def configure(self) -> Waits:
        """Reset the chip: the finest resolution, the heater off."""
        self.write(RESET)
        yield RESETTING_TAKES

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: nobody answers, or not in time. ChecksumError: a word arrived damaged.
            InvalidReading: it answers with the other quantity, or its humidity element is open or shorted.
        """
        self.write(MEASURE_TEMPERATURE)
        yield TEMPERATURE_TAKES
        temperature = self.answer()
        self.write(MEASURE_HUMIDITY)
        yield HUMIDITY_TAKES
        humidity = self.answer()
        if temperature == humidity or temperature & humidity & IS_HUMIDITY:
            raise InvalidReading(f"{self.name}: 0x{temperature:04x} and 0x{humidity:04x} are of the same quantity")
        if humidity & VALUE in (0, VALUE):
            raise InvalidReading(f"{self.name}: raw humidity is 0x{humidity:04x}; the humidity element is faulty")
        return {"temperature": celsius(temperature & VALUE), "humidity": relative_humidity(humidity & VALUE)}

    def answer(self) -> int:
        """Return the word of the finished measurement."""
        (word,) = crc.words(self.read_bytes(3), start=0x00)
        return word


class Si7021(Htu21d):
    """One Si7021: an HTU21D with another identity."""

    name = "si7021"
    probes = (Probe(READ_IDENTITY, 6, lambda serial: serial[0] == 0x15),)
    identity = 0x15


def celsius(ticks: int) -> float:
    """Return °C from the 16-bit temperature word, status bits cleared."""
    return -46.85 + 175.72 * ticks / 65536


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word, status bits cleared; it may leave 0..100 a little and is clipped."""
    return max(0.0, min(100.0, -6 + 125 * ticks / 65536))
