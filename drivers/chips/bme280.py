"""Bosch BME280 and BMP280: temperature, pressure and (BME280) humidity on I2C.

Source: Bosch Sensortec, data sheets "BME280" (BST-BME280-DS002) and "BMP280" (BST-BMP280-DS001): memory map, forced
mode, and the appendix with the compensation formulas in floating point.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from typing import Any, ClassVar

from .. import crc
from ..chip import Quantity, Reading, Values, Waits
from ..errors import InvalidReading, LostPower, NotReady
from ..registers import signed
from .bosch import STARTING_TAKES, BoschChip, twenty_bits

CTRL_HUM, STATUS, CTRL_MEAS, DATA, RESET = b"\xf2", b"\xf3", b"\xf4", b"\xf7", b"\xe0\xb6"
FORCED, BUSY = 0b01, 0b1001  # status: bit 3 measures, bit 0 copies the calibration
POLLS = 4
OVERSAMPLING = {1: 1, 2: 2, 4: 3, 8: 4, 16: 5}  # conversions per value -> the code in ctrl_hum and ctrl_meas


class Bmp280(BoschChip):
    """One BMP280. Measures on command (forced mode); the settings in ctrl_meas tell whether it kept its power.

    Args:
        oversampling: 1, 2, 4, 8 or 16 conversions per value: less noise, more time.
    """

    name = "bmp280"
    quantities: tuple[Quantity, ...] = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01),
        Quantity("pressure", "hPa", "atmospheric_pressure", 300.0, 1100.0, 0.03, needs="temperature"),
    )
    identities: ClassVar[tuple[int, ...]] = (0x58, 0x56, 0x57)  # the last two are samples
    frame = 10  # bytes from the status to the end of the data

    def __init__(self, bus: Any, address: int | None = None, *, oversampling: int = 1) -> None:
        if oversampling not in OVERSAMPLING:
            raise ValueError(f"oversampling = {oversampling!r}: allowed are 1, 2, 4, 8, 16")
        super().__init__(bus, address)
        code = OVERSAMPLING[oversampling]
        self.settings, self.humidity_setting = code << 5 | code << 2, code
        values = 3 if self.frame > 10 else 2
        self.takes_at_most = 1.1 * (1.25 + 2.3 * oversampling * values + 0.575 * (values - 1)) / 1000  # seconds; +10 %

    def configure(self) -> Waits:
        """Reset the chip, wait until it has copied its calibration, read that, and write the settings."""
        self.write(RESET)
        yield STARTING_TAKES
        yield from self.finished(1, STARTING_TAKES)
        self.read_calibration()
        self.write(CTRL_MEAS + bytes([self.settings]))  # and stay asleep

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
        self.witness(self.write_read(CTRL_MEAS, 1)[0])
        self.write(CTRL_MEAS + bytes([self.settings | FORCED]))
        yield self.takes_at_most
        frame = yield from self.finished(self.frame, self.takes_at_most / 10)
        self.witness(frame[1])
        return self.convert(crc.agreed(frame[4:], self.write_read(DATA, self.frame - 4)))

    def finished(self, length: int, again: float) -> Generator[float, None, bytes]:
        """Return `length` bytes from the status register on, once it says that nothing is under way."""
        for _ in range(POLLS):
            frame = self.write_read(STATUS, length)
            if not frame[0] & BUSY:
                return frame
            yield again
        raise NotReady(f"{self.name}: still busy, status 0x{frame[0]:02x}")

    def witness(self, ctrl_meas: int) -> None:
        """Make sure that the settings are still there (all but the mode)."""
        if ctrl_meas & 0xFC != self.settings:
            raise LostPower(f"{self.name}: ctrl_meas is 0x{ctrl_meas:02x}, not 0x{self.settings:02x}: power was lost")

    def convert(self, data: bytes) -> Values:
        """Return the values of six (BME280: eight) data bytes."""
        fine = fine_temperature(twenty_bits(data[3:6]), self.calibration_t)
        return {"temperature": celsius(fine), "pressure": hectopascals(twenty_bits(data), fine, self.calibration_p)}


class Bme280(Bmp280):
    """One BME280: a BMP280 that also measures humidity."""

    name = "bme280"
    quantities = (*Bmp280.quantities, Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature"))
    identities = (0x60,)
    frame = 12

    def read_calibration(self) -> None:
        """Read the humidity's numbers, too, and set its oversampling; the next write to ctrl_meas puts it in force."""
        super().read_calibration()
        self.calibration_h = humidity_calibration(self.constants(0xA1, 1) + self.constants(0xE1, 7))
        self.write(CTRL_HUM + bytes([self.humidity_setting]))

    def convert(self, data: bytes) -> Values:
        fine = fine_temperature(twenty_bits(data[3:6]), self.calibration_t)
        raw = int.from_bytes(data[6:8], "big")
        if raw == 0x8000:
            raise InvalidReading(f"{self.name}: humidity was not converted (0x8000)")
        return {**super().convert(data), "humidity": relative_humidity(raw, fine, self.calibration_h)}


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
    """Return % from the 16-bit humidity, `fine_temperature` and H1..H6; clipped to 0..100 as the formula says."""
    a = fine - 76800
    a = (raw - (h[3] * 64 + h[4] / 16384 * a)) * (h[1] / 65536 * (1 + h[5] / 67108864 * a * (1 + h[2] / 67108864 * a)))
    return max(0.0, min(100.0, a * (1 - h[0] * a / 524288)))
