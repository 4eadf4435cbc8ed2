"""HTU21D (TE Connectivity), SHT20/21/25 (Sensirion), Si7021 (Silicon Labs): temperature and humidity on I2C.

Source: TE Connectivity data sheet "HTU21D(F) Sensor", Sensirion "Datasheet SHT21" and application note "Electronic
Identification Code", Silicon Labs data sheet "Si7021-A20": commands, electronic serial number, conversion formulas.
The longest times of the family are taken for all.
"""

from __future__ import annotations

from typing import ClassVar

from .. import crc
from ..chip import I2cChip, Quantity, Question, Reading, Waits, part
from ..errors import ChecksumError, InvalidReading, NoAcknowledge, WrongChip
from ..registers import Register

RESET, RESETTING_TAKES = b"\xfe", 0.017
# Si7021, over the whole range of temperature; it may have been plugged in just now.
POWERING_UP = 0.08
READ_IDENTITY = b"\xfc\xc9"
# The user register, whose heater is the only thing that a reset leaves as it is.
USER, SET_USER, HEATER = Register(0xE7), Register(0xE6), 0x04
# SHT21: at most 85 ms and 29 ms, and a slow oscillator; the hold commands would stretch the clock.
MEASURE_TEMPERATURE, TEMPERATURE_TAKES = b"\xf3", 0.0935
MEASURE_HUMIDITY, HUMIDITY_TAKES = b"\xf5", 0.032
# The lower two bits of an answer are its status; not all of the kin set it.
VALUE, IS_HUMIDITY = 0xFFFC, 0b10
SI7021_KIN = {0x0D: "Si7013", 0x14: "Si7020", 0x15: "Si7021"}
HTU21D_KIN = {0x32: "HTU21D"}


def has_sensirions_number(serial: bytes) -> bool:
    """Return whether both halves carry checksums of their own, as Sensirion's serial numbers do.

    Silicon Labs' second checksum covers all four bytes. Six zeros are a shorted line, though their checksums fit.
    """
    return any(serial) and all(crc.crc8(serial[at : at + 2], start=0x00) == serial[at + 2] for at in (0, 3))


class Htu21d(I2cChip):
    """One HTU21D or SHT2x. Measures on command only, with the settings of its reset; keeps nothing in between.

    What identifies the family is that a measurement comes with a right checksum. The serial number tells Silicon
    Labs' chips apart; in Sensirion's it says nothing, and clones have none.
    """

    name = "htu21d"
    addresses = (0x40,)
    # Without a serial number, as in clones, a measurement identifies it.
    takes = 0.35
    # A clone may have no serial number, but it has a user register.
    questions: ClassVar[tuple[Question, ...]] = (
        Question(READ_IDENTITY, 6, lambda it: it[0] in HTU21D_KIN or has_sensirions_number(it), decides=False),
        Question(bytes([USER.address]), 1, lambda user: user != b"\xff"),
    )
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.011, accuracy=0.3),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.04, clips=True, needs="temperature", accuracy=2.0),
    )
    # First byte of the serial number's second half -> a chip of this driver, or of the other one.
    own: ClassVar[dict[int, str]] = HTU21D_KIN
    kin: ClassVar[dict[int, str]] = SI7021_KIN
    driver_of_kin: ClassVar[str] = "si7021"

    def identify(self) -> Waits:
        """Look at the serial number; where it does not tell, let it measure: the checksum is the proof.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        if not self.is_named():
            yield from self.prove()

    def is_named(self) -> bool:
        """Return whether the serial number names a chip of this driver.

        Raises:
            WrongChip: it names one of the other driver.
        """
        try:
            serial = self.write_read(READ_IDENTITY, 6)
        except NoAcknowledge:
            # A clone without a serial number, as on many boards called GY-21.
            return False
        if has_sensirions_number(serial):
            return False
        if other := self.kin.get(serial[0]):
            hint = f'this is a {other}: write driver = "{self.driver_of_kin}"'
            raise WrongChip(self.name, self.address, expected=min(self.own), found=serial[0], hint=hint)
        return serial[0] in self.own

    def prove(self) -> Waits:
        """Measure the temperature; raise WrongChip if it does not come with a checksum, or is 0."""
        self.write(MEASURE_TEMPERATURE)
        yield TEMPERATURE_TAKES
        frame = self.read_bytes(3)
        try:
            (word,) = crc.words(frame, start=0x00)
        except ChecksumError:
            word = 0
        # This checksum starts with 0, so that three zeros of a shorted line carry a right one.
        if not word:
            raise WrongChip(self.name, self.address, expected="a word with checksum", found=frame.hex(" "))

    def configure(self) -> Waits:
        """Reset the chip, which sets the finest resolution, and switch off its heater, which a reset leaves on."""
        self.write(RESET)
        yield RESETTING_TAKES
        try:
            user = self.get_twice(USER)
            if user & HEATER:
                self.put(SET_USER, user & ~HEATER)
        except NoAcknowledge:
            # A clone without a heater.
            return

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: no device answers, or not in time. ChecksumError: a word arrived damaged.
            InvalidReading: it answers with the other quantity.
        """
        self.write(MEASURE_TEMPERATURE)
        yield TEMPERATURE_TAKES
        temperature = self.answer()
        self.write(MEASURE_HUMIDITY)
        yield HUMIDITY_TAKES
        humidity = self.answer()
        if temperature == humidity or temperature & humidity & IS_HUMIDITY:
            raise InvalidReading(f"{self.name}: 0x{temperature:04x} and 0x{humidity:04x} are of the same quantity")
        return {"temperature": celsius(temperature & VALUE), "humidity": part(self.of_air, humidity & VALUE)}

    def of_air(self, ticks: int) -> float:
        """Return relative humidity in %.

        Raises:
            InvalidReading: the word stands at an end of its scale: the humidity element is open or shorted.
        """
        if ticks in (0, VALUE):
            raise InvalidReading(f"{self.name}: raw humidity is 0x{ticks:04x}, an end of its scale; a dead element")
        return relative_humidity(ticks)

    def answer(self) -> int:
        """Return the word of the finished measurement."""
        (word,) = crc.words(self.read_bytes(3), start=0x00)
        return word


class Si7021(Htu21d):
    """One Si7021, Si7020 or Si7013: an HTU21D with another serial number."""

    name = "si7021"
    questions = (
        Question(READ_IDENTITY, 6, lambda serial: serial[0] in SI7021_KIN and not has_sensirions_number(serial)),
    )
    own, kin = SI7021_KIN, HTU21D_KIN
    driver_of_kin = "htu21d"


class Sht2x(Htu21d):
    """One SHT20, SHT21 or SHT25. Both halves of its serial number carry checksums, unlike all others'."""

    name = "sht2x"
    questions = (Question(READ_IDENTITY, 6, has_sensirions_number),)
    # Of the SHT20; an SHT21 and an SHT25 are better.
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.011, accuracy=0.3),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.04, clips=True, needs="temperature", accuracy=3.0),
    )

    def is_named(self) -> bool:
        """Return whether there is a serial number, as a clone may have none.

        Raises:
            WrongChip: it is not one of Sensirion's.
        """
        try:
            serial = self.write_read(READ_IDENTITY, 6)
        except NoAcknowledge:
            return False
        if has_sensirions_number(serial):
            return True
        names = {**HTU21D_KIN, **SI7021_KIN}
        driver = "si7021" if serial[0] in SI7021_KIN else "htu21d"
        hint = f'this is a {names[serial[0]]}: write driver = "{driver}"' if serial[0] in names else ""
        expected, found = "a serial number with Sensirion's checksums", serial.hex(" ")
        raise WrongChip(self.name, self.address, expected=expected, found=found, hint=hint)


def celsius(ticks: int) -> float:
    """Return °C from the 16-bit temperature word, status bits cleared."""
    return -46.85 + 175.72 * ticks / 65536


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word, status bits cleared; the formula may leave 0..100."""
    return -6 + 125 * ticks / 65536
