"""Bosch BME280 and BMP280: temperature, pressure and (BME280) humidity on I2C.

Source: Bosch Sensortec, data sheets "BME280" (BST-BME280-DS002) and "BMP280" (BST-BMP280-DS001): memory map, forced
mode, and the appendix with the compensation formulas in floating point.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from typing import Annotated, Any, ClassVar

from .. import crc
from ..chip import Among, Quantity, Reading, Told, Waits, part
from ..errors import InvalidReading, LostPower, NotReady
from ..registers import Register, signed
from .bosch import STARTING_TAKES, BoschChip

CTRL_HUM, STATUS, CTRL_MEAS = Register(0xF2), Register(0xF3), Register(0xF4)
# The filter: off after a reset.
CONFIG, FILTER, DATA = Register(0xF5), 0x1C, Register(0xF7)
RESET, RESET_WORD = Register(0xE0), 0xB6
FORCED = 0b01
# Bits of the status: 3, a conversion runs; 0, the calibration is being copied.
BUSY = 0b1001
POLLS = 4
# Conversions per value -> the code in ctrl_hum and ctrl_meas.
OVERSAMPLING = {1: 1, 2: 2, 4: 3, 8: 4, 16: 5}


class Bmp280(BoschChip):
    """One BMP280. Measures on command (forced mode); the settings in ctrl_meas tell whether it kept its power.

    Args:
        oversampling: 1, 2, 4, 8 or 16 conversions per value: less noise, more time.
    """

    name = "bmp280"
    quantities: tuple[Quantity, ...] = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01, accuracy=0.5),
        Quantity("pressure", "hPa", "atmospheric_pressure", 300.0, 1100.0, 0.03, needs="temperature", accuracy=1.0),
    )
    # The last two are samples.
    identities: ClassVar[tuple[int, ...]] = (0x58, 0x56, 0x57)
    values: ClassVar[int] = 2
    # Where the burst begins that ends with the data, and how many bytes of data there are.
    burst, length = STATUS, 6

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        oversampling: Annotated[int, Among(tuple(OVERSAMPLING))] = 1,
        identity: str = "strict",
    ) -> None:
        if oversampling not in OVERSAMPLING:
            raise ValueError(f"oversampling = {oversampling!r}: allowed are 1, 2, 4, 8, 16")
        super().__init__(bus, address, identity=identity)
        code = OVERSAMPLING[oversampling]
        self.settings, self.humidity_setting = code << 5 | code << 2, code
        # In seconds, and 10 % for a slow oscillator.
        self.takes_at_most = 1.1 * (1.25 + 2.3 * oversampling * self.values + 0.575 * (self.values - 1)) / 1000

    def configure(self) -> Waits:
        """Reset the chip, wait until it has copied its calibration, read that, and write the settings."""
        self.put(RESET, RESET_WORD)
        yield STARTING_TAKES
        yield from self.finished(STARTING_TAKES)
        self.read_calibration()
        # It stays asleep.
        self.put(CTRL_MEAS, self.settings)

    def read_calibration(self) -> None:
        """Read the factory's numbers; they hold until the next set-up."""
        numbers = struct.unpack("<HhhHhhhhhhhh", self.constants(0x88, 24))
        self.calibration_t, self.calibration_p = numbers[:3], numbers[3:]

    def measure(self) -> Reading:
        """Return temperature in °C, pressure in hPa and (BME280) relative humidity in %.

        Raises:
            LostPower: the settings are gone. NotReady: it does not finish. InvalidReading: it did not convert.
            ChecksumError: two reads differ.
        """
        self.look_for_power()
        forced = self.settings | FORCED
        # Until the conversion ends, the mode is still there.
        self.witness(self.command(CTRL_MEAS, forced, lambda found: found == forced))
        yield self.takes_at_most
        frame = yield from self.finished(self.takes_at_most / 10)
        self.check_settings(frame)
        again = self.write_read(bytes([DATA.address]), self.length)
        return self.convert(crc.agreed(frame[-self.length :], again))

    def finished(self, again: float) -> Generator[float, None, bytes]:
        """Return the burst up to the end of the data, once the status says that nothing is under way."""
        begin = self.burst.address
        for _ in range(POLLS):
            frame = self.write_read(bytes([begin]), DATA.address - begin + self.length)
            status = frame[STATUS.address - begin]
            if not status & BUSY:
                return frame
            yield again
        raise NotReady(f"{self.name}: still busy, status 0x{status:02x}")

    def look_for_power(self) -> None:
        """Make sure that the settings of the last reading are there: else another chip may have been plugged in."""
        self.witness(self.get(CTRL_MEAS))

    def witness(self, ctrl_meas: int) -> None:
        """Make sure that the settings are still there (all but the mode)."""
        if ctrl_meas & 0xFC != self.settings:
            raise LostPower(f"{self.name}: ctrl_meas is 0x{ctrl_meas:02x}, not 0x{self.settings:02x}: power was lost")

    def check_settings(self, frame: bytes) -> None:
        """Make sure that the settings in the burst are those that were written."""
        ctrl_meas, config = (frame[register.address - self.burst.address] for register in (CTRL_MEAS, CONFIG))
        self.witness(ctrl_meas)
        if config & FILTER:
            raise LostPower(f"{self.name}: config is 0x{config:02x}, not 0x00: its filter would mix old values in")

    def convert(self, data: bytes) -> Told:
        """Return the values of six (BME280: eight) data bytes."""
        fine = fine_temperature(self.twenty_bits(data[3:6]), self.calibration_t)
        pressure = part(lambda: hectopascals(self.twenty_bits(data), fine, self.calibration_p))
        return {"temperature": celsius(fine), "pressure": pressure}


class Bme280(Bmp280):
    """One BME280: a BMP280 that also measures humidity."""

    name = "bme280"
    quantities = (
        *Bmp280.quantities,
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, clips=True, needs="temperature", accuracy=3.0),
    )
    identities = (0x60,)
    values = 3
    burst, length = CTRL_HUM, 8

    def read_calibration(self) -> None:
        """Read the humidity's numbers, too, and set its oversampling; the next write to ctrl_meas puts it in force."""
        super().read_calibration()
        self.calibration_h = humidity_calibration(self.constants(0xA1, 1) + self.constants(0xE1, 7))
        self.put(CTRL_HUM, self.humidity_setting)

    def look_for_power(self) -> None:
        """Nothing: ctrl_hum, which is not written again, stands in the burst."""

    def check_settings(self, frame: bytes) -> None:
        super().check_settings(frame)
        if frame[0] & 7 != self.humidity_setting:
            raise LostPower(f"{self.name}: ctrl_hum is 0x{frame[0]:02x}, not 0x{self.humidity_setting:02x}")

    def convert(self, data: bytes) -> Told:
        fine = fine_temperature(self.twenty_bits(data[3:6]), self.calibration_t)
        humidity = part(lambda: relative_humidity(self.sixteen_bits(data[6:8]), fine, self.calibration_h))
        return {**super().convert(data), "humidity": humidity}


def humidity_calibration(block: bytes) -> tuple[int, ...]:
    """Return H1..H6 from register 0xA1 and 0xE1..0xE7; H4 and H5 are twelve bits, both signed, and share a byte."""
    h1, h2, h3, e4, e5, e6, h6 = struct.unpack("<BhBBBBb", block)
    return h1, h2, h3, signed(e4 << 4 | e5 & 15, 12), signed(e6 << 4 | e5 >> 4, 12), h6


def fine_temperature(raw: int, t: tuple[int, ...]) -> float:
    """Return the temperature in 1/5120 °C, which the other formulas need, too."""
    return (raw / 16384 - t[0] / 1024) * t[1] + (raw / 131072 - t[0] / 8192) ** 2 * t[2]


def celsius(fine: float) -> float:
    """Return °C."""
    return fine / 5120


def hectopascals(raw: int, fine: float, p: tuple[int, ...]) -> float:
    """Return hPa from the 20-bit pressure, `fine_temperature` and P1..P9."""
    a = fine / 2 - 64000
    b = a * a * p[5] / 32768 + a * p[4] * 2
    b = b / 4 + p[3] * 65536
    a = (1 + (p[2] * a * a / 524288 + p[1] * a) / 524288 / 32768) * p[0]
    if not a:
        raise InvalidReading("the pressure's calibration is no calibration")
    pascals = (1048576 - raw - b / 4096) * 6250 / a
    return (pascals + (p[8] * pascals * pascals / 2147483648 + pascals * p[7] / 32768 + p[6]) / 16) / 100


def relative_humidity(raw: int, fine: float, h: tuple[int, ...]) -> float:
    """Return % from the 16-bit humidity, `fine_temperature` and H1..H6; it may leave 0..100."""
    a = fine - 76800
    a = (raw - (h[3] * 64 + h[4] / 16384 * a)) * (h[1] / 65536 * (1 + h[5] / 67108864 * a * (1 + h[2] / 67108864 * a)))
    return a * (1 - h[0] * a / 524288)
