"""InvenSense MPU-6500, MPU-9250, MPU-9255 and their clones: acceleration, rotation and temperature on I2C.

Source: InvenSense "MPU-6500 Register Map and Descriptions" (RM-MPU-6500A-00) and "MPU-6500 Product Specification"
(PS-MPU-6500A-01, §3.1 to §3.4); "MPU-9250 Register Map and Descriptions" (RM-MPU-9250A-00) has the same registers.
The magnetometer of an MPU-9250 is another chip, which is not read.
"""

from __future__ import annotations

from dataclasses import replace

from ..chip import Question, says
from ..errors import WrongChip
from .mpu6050 import FRAME, FRAME_LENGTH, READY, SETTINGS, Mpu6050

# What the chips call themselves: MPU-6500, MPU-9250, clones, MPU-9255, and clones that are sold as MPU-6050.
IDENTITIES = (0x70, 0x71, 0x72, 0x73, 0x98)
# Of the accelerometer, which has a filter of its own: 21 Hz.
ACCELERATION_FILTERED = 0x04


class Mpu6500(Mpu6050):
    """One MPU-6500, measuring fifty times a second; or one of those that have its registers.

    It wakes up by itself after a loss of power, so that its settings are read with every sample.

    Args:
        range: the most acceleration that is told, in g: 2, 4, 8 or 16.
        rotation_range: the fastest rotation that is told, in degrees a second: 250, 500, 1000 or 2000.
    """

    name = "mpu6500"
    identity_is = IDENTITIES[0]
    others = {0x68: 'an MPU-6050: write driver = "mpu6050"'}
    questions = (Question(b"\x75", 1, says(*(bytes([identity]) for identity in IDENTITIES))),)
    per_kelvin, at_zero = 333.87, 21.0
    more_settings = bytes([ACCELERATION_FILTERED])
    # Its clones have data sheets of their own, or none.
    offsets = rotation_offsets = None
    quantities = tuple(replace(one, accuracy=None) for one in Mpu6050.quantities)

    def identify(self) -> None:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        found = self.identity = self.get(self.identity_register)
        if found not in IDENTITIES:
            hint = f"this is {self.others[found]}" if found in self.others else ""
            raise WrongChip(self.name, self.address, expected=self.identity_is, found=found, hint=hint)

    def frame(self) -> tuple[bool, bytes, bytes]:
        """Return whether the sample is new, the settings, and the sample: out of two transfers."""
        frame = self.write_read(FRAME, FRAME_LENGTH)
        return bool(frame[0] & READY), self.write_read(bytes([SETTINGS]), len(self.written)), frame[1:]

    def settings(self) -> bytes:
        """Return rate, filters and ranges, as they were written."""
        return self.written
