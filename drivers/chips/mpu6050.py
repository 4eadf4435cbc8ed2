"""InvenSense MPU-6050: acceleration, rotation and temperature on I2C.

Source: InvenSense "MPU-6000 and MPU-6050 Register Map and Descriptions" (RM-MPU-6000A-00); "Product Specification"
(PS-MPU-6000A-00) revision 3.4.
"""

from __future__ import annotations

import math
import struct
from typing import Annotated, Any

from ..chip import Among, Quantity, Question, Reading, Waits, says
from ..errors import InvalidReading, LostPower
from ..registers import Register
from .accelerometer import G, SampledChip, axes, one_of

# §4.4 to §4.6: rate, filter and both ranges stand in a row
SETTINGS = 0x19
# 1 kHz / (1 + 19), with the filter of 21 Hz: without one, the gyroscope samples at 8 kHz.
AT_50_HZ, FILTERED = 19, 4
FRAME, FRAME_LENGTH = b"\x3a", 15  # status and data in one transfer
# In the status: data are there that were not read yet.
READY = 0x01
# Clock from the gyroscope; 0x40, asleep, after power-on.
POWER, AWAKE = Register(0x6B), 0x01
STANDBY = Register(0x6C)  # of single axes
# Bytes from the power management to the identity, which closes the transfer.
POWER_TO_IDENTITY = 11
# 30 ms for the gyroscope; boards with slow supplies need more.
WAKING_TAKES = 0.055
SAMPLE_TAKES = 0.022
STOPS = (0x7FFF, -0x8000)
RANGES, ROTATION_RANGES = (2, 4, 8, 16), (250, 500, 1000, 2000)  # g and °/s, by the code in the registers
# PS-MPU-6000A §6.1 and §6.2: initial tolerance of the zero at 25 °C.
OFFSETS = 0.05 * G, 0.05 * G, 0.08 * G  # m/s²
ROTATION_OFFSETS = math.radians(20), math.radians(20), math.radians(20)


class Mpu6050(SampledChip):
    """One MPU-6050, measuring fifty times a second.

    Args:
        range: the most acceleration that is told, in g: 2, 4, 8 or 16.
        rotation_range: the fastest rotation that is told, in degrees a second: 250, 500, 1000 or 2000.
    """

    name = "mpu6050"
    addresses = (0x68, 0x69)
    identity_register, identity_is = Register(0x75), 0x68
    others = {
        0x70: 'an MPU-6500: write driver = "mpu6500"',
        0x71: 'an MPU-9250: write driver = "mpu6500"',
        0x72: 'a clone of the MPU-6500: write driver = "mpu6500"',
        0x73: 'an MPU-9255: write driver = "mpu6500"',
        0x98: 'a clone of the MPU-6500, or an ICM-20689: write driver = "mpu6500"',
    }
    questions = (Question(b"\x75", 1, says(b"\x68")),)
    period = SAMPLE_TAKES
    layout = ">7h"
    noise = (250, 250, 250, 250, 60, 60, 60)
    # Digits per °C, and the temperature at 0 (§4.18).
    per_kelvin, at_zero = 340.0, 36.53
    # What is written behind the ranges.
    more_settings = b""
    offsets: tuple[float, float, float] | None = OFFSETS
    rotation_offsets: tuple[float, float, float] | None = ROTATION_OFFSETS
    quantities: tuple[Quantity, ...] = (
        *axes("acceleration", "m/s²", 1.9998 * G, G / 16384, OFFSETS),
        *axes("rotation", "rad/s", 4.3653, 0.00014, ROTATION_OFFSETS),
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 1 / 340),
    )

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        range: Annotated[int, Among(RANGES)] = 2,
        rotation_range: Annotated[int, Among(ROTATION_RANGES)] = 250,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        force = RANGES.index(one_of(range, "range", RANGES, "g"))
        turn = ROTATION_RANGES.index(one_of(rotation_range, "rotation_range", ROTATION_RANGES, "°/s"))
        self.written = bytes([AT_50_HZ, FILTERED, turn << 3, force << 3]) + self.more_settings
        self.per_g, self.per_degree = 16384 >> force, 131 / (1 << turn)
        self.quantities = (
            *axes("acceleration", "m/s²", 0x7FFE / self.per_g * G, G / self.per_g, self.offsets),
            *axes(
                "rotation",
                "rad/s",
                math.radians(0x7FFE / self.per_degree),
                math.radians(1 / self.per_degree),
                self.rotation_offsets,
            ),
            self.quantities[-1],
        )

    def configure(self) -> Waits:
        """Wake the chip and set rate, filter and ranges.

        Raises:
            LostPower: they are not kept.
        """
        self.put(POWER, AWAKE)
        self.put(STANDBY, 0)
        for offset, value in enumerate(self.written):
            self.write(bytes([SETTINGS + offset, value]))
        yield WAKING_TAKES
        kept = self.write_read(bytes([SETTINGS]), len(self.written))
        if kept != self.written:
            raise LostPower(f"{self.name}: its settings are {kept.hex(' ')}, written was {self.written.hex(' ')}")
        self.first_sample()

    def measure(self) -> Reading:
        """Return acceleration in m/s², rotation in rad/s, temperature in °C; of an axis at its stop, what is known.

        Raises:
            LostPower: the chip is asleep. NotReady: no new sample came. ChecksumError: no two reads agree.
            InvalidReading: there are no data.
        """
        data = yield from self.sample()
        # A chip that sleeps is all zero, but calls nothing new.
        if data == b"\xff" * 14 or (not any(data) and not self.shows_ready):
            raise InvalidReading(f"{self.name}: all data are 0x{data[0]:02x}; the chip has not measured")
        *force, temperature, x, y, z = struct.unpack(self.layout, data)
        told = {}
        for axis, raw in zip("xyz", force, strict=True):
            name, value = f"acceleration_{axis}", metres_per_second_squared(raw, self.per_g)
            told[name] = self.axis(name, value, _stop(raw))
        for axis, raw in zip("xyz", (x, y, z), strict=True):
            name, value = f"rotation_{axis}", radians_per_second(raw, self.per_degree)
            told[name] = self.axis(name, value, _stop(raw))
        return told | {"temperature": celsius(temperature, self.per_kelvin, self.at_zero)}

    def frame(self) -> tuple[bool, bytes, bytes]:
        """Return whether the sample is new, power management and identity, and the sample: out of two transfers."""
        frame = self.write_read(FRAME, FRAME_LENGTH)
        power = self.write_read(bytes([POWER.address]), POWER_TO_IDENTITY)
        return bool(frame[0] & READY), power[:1] + power[-1:], frame[1:]

    def settings(self) -> bytes:
        """Return power management, as it was written, and the identity; of a chip that need not have it, as it was."""
        return bytes([AWAKE, self.identity if self.lenient else self.identity_is])


def _stop(raw: int) -> int:
    return (raw == STOPS[0]) - (raw == STOPS[1])


def metres_per_second_squared(raw: int, per_g: float = 16384) -> float:
    """Return m/s² from a signed axis: at ±2 g 16384 a g (§4.17)."""
    return raw / per_g * G


def radians_per_second(raw: int, per_degree: float = 131) -> float:
    """Return rad/s from a signed axis: at ±250 °/s 131 a degree per second (§4.19)."""
    return math.radians(raw / per_degree)


def celsius(raw: int, per_kelvin: float = 340, at_zero: float = 36.53) -> float:
    """Return °C from the signed temperature (§4.18)."""
    return raw / per_kelvin + at_zero
