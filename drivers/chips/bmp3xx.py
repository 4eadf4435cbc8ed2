"""Bosch BMP388 and BMP390: temperature and pressure on I2C.

Source: Bosch Sensortec data sheets "BMP388" (BST-BMP388-DS001) and "BMP390" (BST-BMP390-DS002): memory map, forced
mode, measurement time, and the appendix with the compensation formulas in floating point.
"""

from __future__ import annotations

import struct
from collections.abc import Generator

from .. import crc
from ..chip import Quantity, Reading, Waits, part
from ..errors import InvalidReading, LostPower, NotReady
from ..registers import Register
from .bosch import STARTING_TAKES, BoschChip

# The errors stand at the beginning of the burst that also holds the status and the data.
ERRORS, DATA = Register(0x02, 8), Register(0x04, 6)
POWER, OVERSAMPLING, COMMAND = Register(0x1B), Register(0x1C), Register(0x7E)
# The filter: off after a reset.
CONFIG, FILTER = Register(0x1F), 0x0E
RESET = 0xB6
# Both sensors on, one conversion.
FORCED = 0x13
# Pressure 8 times, temperature once; at power-on 4 times (0x02), so that it is a witness.
P_EIGHT_TIMES_T_ONCE = 0x03
# Seconds, and 10 % for the oscillator.
MEASURING_TAKES = 1.1 * (0.234 + 0.392 + 8 * 2.02 + 0.313 + 2.02) / 1000
# Status: a new pressure and a new temperature.
DONE = 0x60
POLLS = 4


class Bmp388(BoschChip):
    """One BMP388. Measures on command (forced mode); its oversampling tells whether it kept its power."""

    name = "bmp388"
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01, accuracy=0.5),
        Quantity("pressure", "hPa", "atmospheric_pressure", 300.0, 1250.0, 0.01, needs="temperature", accuracy=0.5),
    )
    identity_register = Register(0x00)
    identities = (0x50,)

    def configure(self) -> Waits:
        """Reset the chip, read its calibration and set the oversampling."""
        self.put(COMMAND, RESET)
        yield STARTING_TAKES
        numbers = struct.unpack("<HHbhhbbHHbbhbb", self.constants(0x31, 21))
        self.calibration_t, self.calibration_p = numbers[:3], numbers[3:]
        self.put(OVERSAMPLING, P_EIGHT_TIMES_T_ONCE)

    def measure(self) -> Reading:
        """Return temperature in °C and pressure in hPa.

        Raises:
            LostPower: the oversampling is gone. NotReady: it does not finish. ChecksumError: two reads differ.
            InvalidReading: it did not convert, or says that something is wrong with it.
        """
        self.put(POWER, FORCED)
        yield MEASURING_TAKES
        data = yield from self.converted()
        self.check_settings()
        data = crc.agreed(data, self.write_read(bytes([DATA.address]), DATA.size))
        temperature = celsius(self.raw24(data[3:]), self.calibration_t)
        pressure = part(lambda: hectopascals(self.raw24(data), temperature, self.calibration_p))
        return {"temperature": temperature, "pressure": pressure}

    def check_settings(self) -> None:
        """Raise LostPower if the oversampling is gone, or the filter on, which mixes old values in."""
        kept = self.write_read(bytes([OVERSAMPLING.address]), CONFIG.address - OVERSAMPLING.address + 1)
        if kept[0] != P_EIGHT_TIMES_T_ONCE:
            raise LostPower(f"{self.name}: oversampling is 0x{kept[0]:02x}, not 0x03: power was lost")
        if kept[-1] & FILTER:
            raise LostPower(f"{self.name}: config is 0x{kept[-1]:02x}, not 0x00: its filter is on")

    def converted(self) -> Generator[float, None, bytes]:
        """Return the six data bytes once both values are new."""
        for _ in range(POLLS):
            frame = self.write_read(bytes([ERRORS.address]), ERRORS.size)
            if frame[0] & 0x07:
                raise InvalidReading(f"{self.name}: error register 0x{frame[0]:02x} (1 fatal, 2 command, 4 settings)")
            if frame[1] & DONE == DONE:
                return frame[2:]
            yield MEASURING_TAKES / 10
        raise NotReady(f"{self.name}: no new values, status 0x{frame[1]:02x}")

    def raw24(self, data: bytes) -> int:
        """Return the 24-bit number, least significant byte first.

        Raises:
            InvalidReading: it was never converted (0x800000), or the line is dead or floats.
        """
        raw = int.from_bytes(data[:3], "little")
        if raw in (0x800000, 0x000000, 0xFFFFFF):
            raise InvalidReading(
                f"{self.name}: 0x{raw:06x} is no reading: never converted, or a line is shorted or floats"
            )
        return raw


class Bmp390(Bmp388):
    """One BMP390: a BMP388 with another identity."""

    name = "bmp390"
    identities = (0x60,)


def celsius(raw: int, t: tuple[int, ...]) -> float:
    """Return °C from the 24-bit temperature and T1..T3."""
    above = raw - t[0] * 2**8
    return above * t[1] / 2**30 + above * above * t[2] / 2**48


def hectopascals(raw: int, temperature: float, p: tuple[int, ...]) -> float:
    """Return hPa from the 24-bit pressure, the temperature in °C and P1..P11."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 = p
    t, tt, ttt = temperature, temperature**2, temperature**3
    offset = p5 * 2**3 + p6 / 2**6 * t + p7 / 2**8 * tt + p8 / 2**15 * ttt
    slope = (p1 - 2**14) / 2**20 + (p2 - 2**14) / 2**29 * t + p3 / 2**32 * tt + p4 / 2**37 * ttt
    bend = p9 / 2**48 + p10 / 2**48 * t
    return (offset + raw * slope + raw**2 * bend + raw**3 * p11 / 2**65) / 100
