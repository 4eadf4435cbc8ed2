"""STMicroelectronics HTS221: temperature and humidity on I2C.

Source: ST data sheet "HTS221" (DocID026333 Rev 4), sections 2 (parameters), 7 (registers) and 8 (humidity and
temperature data conversion); technical note TN1218 for the same formulas.
"""

from __future__ import annotations

import struct

from ..chip import Quantity, Reading, Untold, part
from ..errors import InvalidReading
from ..registers import Register
from .st_one_shot import OneShotSensor

AVERAGES, CONTROL_1, CONTROL_2 = Register(0x10), Register(0x20), Register(0x21)
# 16 samples of temperature and 32 of humidity, as after power-on.
SAMPLES = 0x1B
# Powered, one conversion on command, both bytes of a result updated together.
AWAKE = 0x84
# Without the heater.
ONE_SHOT = 0x01
TEMPERATURE_DONE, HUMIDITY_DONE = 0x01, 0x02
CALIBRATION, CALIBRATION_LENGTH = 0x30, 16
STOPS = (0x7FFF, -0x8000)

# Two points of a line: (code, value), (code, value).
Line = tuple[tuple[int, float], tuple[int, float]]


class Hts221(OneShotSensor):
    """One HTS221. Each has two lines of its own, from codes to °C and to %."""

    name = "hts221"
    addresses = (0x5F,)
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 120.0, 0.02, accuracy=0.5),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.005, clips=True, accuracy=3.5),
    )
    identity = 0xBC
    burst = 0x80
    begin = CONTROL_2, ONE_SHOT
    settings = 0x20, bytes([AWAKE, 0x00])
    data = 0x28, 4
    done = TEMPERATURE_DONE | HUMIDITY_DONE
    # 12.5 Hz is the highest rate; and 10 %
    converting_takes = 0.088
    temperature_line: Line
    humidity_line: Line

    def configure(self) -> None:
        """Wake it, and read its calibration."""
        self.put(AVERAGES, SAMPLES)
        self.put(CONTROL_1, AWAKE)
        self.put(CONTROL_2, 0)
        self.temperature_line, self.humidity_line = lines(self._calibration())

    def _calibration(self) -> bytes:
        """Return the calibration.

        Raises:
            ChecksumError: no three reads of it agree. InvalidReading: a line is shorted or floats.
        """
        block = self.get_alike(CALIBRATION | self.burst, CALIBRATION_LENGTH)
        if len(set(block)) == 1:
            raise InvalidReading(f"{self.name}: the calibration is {block.hex(' ')}; a line is shorted or floats")
        return block

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NotReady, LostPower, ChecksumError: as `convert` says.
        """
        flags, data = yield from self.convert()
        humidity, temperature = struct.unpack("<hh", data)
        told: dict[str, float | Untold] = {
            "temperature": part(along, self.temperature_line, temperature),
            "humidity": part(along, self.humidity_line, humidity),
        }
        if not flags & TEMPERATURE_DONE:
            told["temperature"] = InvalidReading(f"{self.name}: it did not measure temperature")
        if not flags & HUMIDITY_DONE:
            told["humidity"] = InvalidReading(f"{self.name}: it did not measure humidity")
        return told


def lines(calibration: bytes) -> tuple[Line, Line]:
    """Return the lines of temperature and humidity out of the 16 calibration registers (§7.7, table 19).

    Raises:
        InvalidReading: both points of a line are the same.
    """
    h0, h1, t0, t1, _, high, h0_out, _, h1_out, t0_out, t1_out = struct.unpack("<BBBBBBhhhhh", calibration)
    t0, t1 = t0 | (high & 0x03) << 8, t1 | (high >> 2 & 0x03) << 8
    if t0_out == t1_out or h0_out == h1_out:
        raise InvalidReading(f"hts221: the calibration {calibration.hex(' ')} is no line: two points are the same")
    return ((t0_out, t0 / 8), (t1_out, t1 / 8)), ((h0_out, h0 / 2), (h1_out, h1 / 2))


def along(line: Line, code: int) -> float:
    """Return the value of a code on its line (§8).

    Raises:
        InvalidReading: the code stands at a stop.
    """
    if code in STOPS:
        raise InvalidReading(f"hts221: 0x{code & 0xFFFF:04x} is no reading: it stands at a stop")
    (c0, v0), (c1, v1) = line
    return v0 + (code - c0) * (v1 - v0) / (c1 - c0)
