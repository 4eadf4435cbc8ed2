"""InvenSense MPU-6050: acceleration, rotation and temperature on I2C.

Source: InvenSense "MPU-6000 and MPU-6050 Register Map and Descriptions" (RM-MPU-6000A-00).
"""

from __future__ import annotations

import math
import struct

from ..chip import I2cChip, Probe, Quantity, Values, Waits, says
from ..errors import InvalidReading, LostPower, WrongChip

GYRO_RANGE, ACCELERATION_RANGE, STATUS, DATA, POWER, IDENTITY = 0x1B, 0x1C, 0x3A, 0x3B, 0x6B, 0x75
READY = 0x01  # in the status: data are there that nobody has read
IDENTITY_IS = 0x68
AWAKE = 0x01  # clock from the gyroscope; 0x40, asleep, after power-on
WAKING_TAKES = 0.055  # 30 ms for the gyroscope; boards with slow supplies need more
G = 9.80665  # m/s²
SATURATED = (0x7FFF, -0x8000)
OTHERS = {
    0x70: "an MPU-6500",
    0x71: "an MPU-9250",
    0x72: "a clone",
    0x73: "an MPU-9255",
    0x98: "a clone (ICM-20689)",
}


class Mpu6050(I2cChip):
    """One MPU-6050 at ±2 g and ±250 °/s, measuring a thousand times a second."""

    name = "mpu6050"
    addresses = (0x68, 0x69)
    probes = (Probe(bytes([IDENTITY]), 1, says(bytes([IDENTITY_IS]))),)
    quantities = (
        *(Quantity(f"acceleration_{axis}", "m/s²", None, -1.9998 * G, 1.9998 * G, G / 16384) for axis in "xyz"),
        *(Quantity(f"rotation_{axis}", "rad/s", None, -4.3653, 4.3653, 0.00014) for axis in "xyz"),
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 1 / 340),
    )

    def identify(self) -> None:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        found = self.write_read(bytes([IDENTITY]), 1)[0]
        if found != IDENTITY_IS:
            hint = f"this is {OTHERS[found]}; its temperature is scaled differently" if found in OTHERS else ""
            raise WrongChip(self.name, self.address, expected=IDENTITY_IS, found=found, hint=hint)

    def configure(self) -> Waits:
        """Wake the chip and set its ranges."""
        for register, value in ((POWER, AWAKE), (GYRO_RANGE, 0), (ACCELERATION_RANGE, 0)):
            self.write(bytes([register, value]))
        yield WAKING_TAKES

    def measure(self) -> Values:
        """Return acceleration_x, y, z in m/s², rotation_x, y, z in rad/s, temperature in °C.

        Raises:
            LostPower: the chip is asleep. InvalidReading: an axis is beyond its range, or there are no data.
        """
        data = self.write_read(bytes([DATA]), 14)
        power = self.write_read(bytes([POWER]), 1)[0]
        if power != AWAKE:
            raise LostPower(f"{self.name}: power management is 0x{power:02x}, written was 0x{AWAKE:02x}")
        if data == b"\xff" * 14 or (data == bytes(14) and not self._new(data)):
            raise InvalidReading(f"{self.name}: all data are 0x{data[0]:02x}; the chip has not measured")
        *force, temperature, x, y, z = struct.unpack(">7h", data)
        if any(raw in SATURATED for raw in (*force, x, y, z)):
            raise InvalidReading(f"{self.name}: an axis is beyond ±2 g or ±250 °/s")
        values = {
            f"acceleration_{axis}": metres_per_second_squared(raw) for axis, raw in zip("xyz", force, strict=True)
        }
        values |= {f"rotation_{axis}": radians_per_second(raw) for axis, raw in zip("xyz", (x, y, z), strict=True)}
        return values | {"temperature": celsius(temperature)}

    def _new(self, data: bytes) -> bool:
        """Tell whether the chip says of the same data that they are new: a sleeping chip is all 0, but says nothing."""
        again = self.write_read(bytes([STATUS]), 15)
        return bool(again[0] & READY) and again[1:] == data


def metres_per_second_squared(raw: int) -> float:
    """Return m/s² from a signed axis at ±2 g: 16384 a g (§4.17)."""
    return raw / 16384 * G


def radians_per_second(raw: int) -> float:
    """Return rad/s from a signed axis at ±250 °/s: 131 a degree per second (§4.19)."""
    return math.radians(raw / 131)


def celsius(raw: int) -> float:
    """Return °C from the signed temperature (§4.18)."""
    return raw / 340 + 36.53
