"""Infineon DPS310 and DPS368: temperature and pressure on I2C.

Source: Infineon data sheet "DPS310" V1.2 (2020), sections on the register map, the calibration and the measurement
compensation; for chips that tell 60 °C in a room, Infineon's library "DPS310-Pressure-Sensor" and the Linux driver
`dps310`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from .. import crc
from ..chip import I2cChip, Quantity, Question, Reading, Waits, part, says
from ..errors import InvalidReading, LostPower, NoAcknowledge, NotReady, WrongChip
from ..registers import Field, Register, signed

# From the pressure on: three bytes, the temperature's three, and the settings up to CONFIG.
BURST, BURST_LENGTH = b"\x00", 10
PRESSURE_SETTING, TEMPERATURE_SETTING = Register(0x06), Register(0x07)
MEASURE, CONFIG, RESET = Register(0x08), Register(0x09), Register(0x0C)
IDENTITY, DPS310 = Register(0x0D), 0x10
COEFFICIENTS, COEFFICIENTS_LENGTH = 0x10, 18
# Which of two thermometers the coefficients belong to, in bit 7 as in the temperature's setting.
COEFFICIENTS_OF, EXTERNAL = Register(0x28), 0x80
SOFT_RESET = 0x09
# Bits of MEASURE: what is ready, and what is measured now.
STARTED, TEMPERATURE_READY, PRESSURE_READY, MODE = 0xC0, 0x20, 0x10, Field(2, 0)
MEASURE_PRESSURE, MEASURE_TEMPERATURE = 1, 2
# The identity after 12 ms, the coefficients after 40 ms, and a slow oscillator.
POWERING_UP, STARTING_TAKES = 0.0135, 0.044
# Eight conversions each, with the factor by which a result is divided; 14.8 ms at most, and a slow oscillator.
EIGHT_TIMES, SCALE, MEASURING_TAKES = 0x03, 7_864_320, 0.0163
POLLS = 4
# Before the first measurement, at the ends of the scale, and on a dead line.
NO_RESULTS = (0x000000, 0x7FFFFF, 0x800000, 0xFFFFFF)
# Not in the data sheet: bit 1 shows a chip whose thermometer is right; the messages put another one right.
TRIMMED, IS_TRIMMED, REFUSALS = Register(0x32), 0x02, 3
TRIM = (b"\x0e\xa5", b"\x0f\x96", b"\x62\x02", b"\x0e\x00", b"\x0f\x00")


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The factory's numbers, named as in the data sheet."""

    c0: int
    c1: int
    c00: int
    c10: int
    c01: int
    c11: int
    c20: int
    c21: int
    c30: int


class Dps310(I2cChip):
    """One DPS310, idle between readings. Its settings stand in the burst of a reading: the witness."""

    name = "dps310"
    addresses = (0x77, 0x76)
    questions = (Question(b"\x0d", 1, says(b"\x10")),)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01, accuracy=0.5),
        Quantity("pressure", "hPa", "atmospheric_pressure", 300.0, 1200.0, 0.01, needs="temperature", accuracy=1.0),
    )

    def identify(self) -> Waits:
        """Read the identity register, twice: in a BMP388 a clock runs there.

        Raises:
            WrongChip: something else answers.
        """
        for _ in range(2):
            yield POWERING_UP
            found = self.get(IDENTITY)
            if found != DPS310:
                raise WrongChip(self.name, self.address, expected=DPS310, found=found)

    def configure(self) -> Waits:
        """Reset the chip, read its coefficients, and write the settings."""
        self.put(RESET, SOFT_RESET)
        yield STARTING_TAKES
        yield from self.finished(STARTED, STARTING_TAKES / 10)
        block = self.get_alike(COEFFICIENTS, COEFFICIENTS_LENGTH)
        if len(set(block)) == 1:
            raise InvalidReading(f"{self.name}: the coefficients are {block.hex(' ')}; a line is shorted or floats")
        self.coefficients = coefficients(block)
        thermometer = self.get_twice(COEFFICIENTS_OF) & EXTERNAL
        self.put_right()
        self.settings = bytes([EIGHT_TIMES, thermometer | EIGHT_TIMES])
        self.put(PRESSURE_SETTING, self.settings[0])
        self.put(TEMPERATURE_SETTING, self.settings[1])
        self.put(CONFIG, 0)
        # What was ready before is not what will be asked for.
        self.write_read(BURST, BURST_LENGTH)

    def put_right(self) -> None:
        """Put a chip right whose thermometer is wrong.

        A chip may refuse what the data sheet does not have. It does if it answers everything else meanwhile.
        """
        for _ in range(REFUSALS):
            try:
                if not self.get_twice(TRIMMED) & IS_TRIMMED:
                    for message in TRIM:
                        self.write(message)
                return
            except NoAcknowledge:
                self.get(IDENTITY)

    def measure(self) -> Reading:
        """Return temperature in °C and pressure in hPa.

        Raises:
            NotReady: it does not finish. LostPower: the settings are gone. ChecksumError: two reads differ.
            InvalidReading: it did not convert.
        """
        for what, ready in ((MEASURE_TEMPERATURE, TEMPERATURE_READY), (MEASURE_PRESSURE, PRESSURE_READY)):
            self.put(MEASURE, what)
            yield MEASURING_TAKES
            yield from self.finished(ready, MEASURING_TAKES / 10)
        data = crc.agreed(self.results(), self.results())
        temperature = self.scaled(data[3:])
        pressure = part(lambda: hectopascals(self.scaled(data), temperature, self.coefficients))
        return {"temperature": celsius(temperature, self.coefficients), "pressure": pressure}

    def finished(self, ready: int, again: float) -> Generator[float, None, None]:
        """Wait until these bits of MEASURE are set.

        Raises:
            NotReady: they never are.
        """
        for _ in range(POLLS):
            found = self.get(MEASURE)
            if found & ready == ready:
                return
            yield again
        raise NotReady(f"{self.name}: not ready, MEAS_CFG is 0x{found:02x}; it may have lost power")

    def results(self) -> bytes:
        """Return the six bytes of the results, read with the settings behind them.

        Raises:
            LostPower: these are not as written, or it measures on and on.
        """
        frame = self.write_read(BURST, BURST_LENGTH)
        measures, config = frame[MEASURE.address], frame[CONFIG.address]
        has_started = measures & STARTED == STARTED and MODE.of(measures) in (0, MEASURE_PRESSURE)
        if frame[6:8] != self.settings or config or not has_started:
            expected = f"{self.settings.hex(' ')} c0 00"
            raise LostPower(f"{self.name}: the settings are {frame[6:].hex(' ')}, not {expected}: power was lost")
        return frame[:6]

    def scaled(self, data: bytes) -> float:
        """Return a result of three bytes as a share of its scale.

        Raises:
            InvalidReading: it was never converted, or stands at an end.
        """
        raw = int.from_bytes(data[:3], "big")
        if raw in NO_RESULTS:
            raise InvalidReading(f"{self.name}: 0x{raw:06x} is no reading: never converted, or an end of the scale")
        return signed(raw, 24) / SCALE


def coefficients(block: bytes) -> Coefficients:
    """Return what the 18 bytes from 0x10 on hold: twelve, twenty and sixteen bits wide, all signed."""
    bits = int.from_bytes(block, "big")
    values, rest = [], 8 * len(block)
    for width in (12, 12, 20, 20, 16, 16, 16, 16, 16):
        rest -= width
        values.append(signed(bits >> rest & (1 << width) - 1, width))
    return Coefficients(*values)


def celsius(temperature: float, c: Coefficients) -> float:
    """Return °C from the scaled temperature."""
    return c.c0 * 0.5 + c.c1 * temperature


def hectopascals(pressure: float, temperature: float, c: Coefficients) -> float:
    """Return hPa from the scaled pressure and the scaled temperature."""
    alone = c.c00 + pressure * (c.c10 + pressure * (c.c20 + pressure * c.c30))
    return (alone + temperature * (c.c01 + pressure * (c.c11 + pressure * c.c21))) / 100
