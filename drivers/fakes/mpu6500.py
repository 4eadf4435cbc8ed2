"""Fake MPU-6500, from InvenSense's register map (RM-MPU-6500A): as the MPU-6050, but awake after power-on."""

from __future__ import annotations

from typing import Any, ClassVar

from .mpu6050 import FakeMpu6050


class FakeMpu6500(FakeMpu6050):
    """Feels acceleration in m/s², rotation in rad/s and its own temperature in °C; also names itself as others do."""

    name = "mpu6500"
    identity = 0x70
    at_power_on = 0x01
    per_kelvin, at_zero = 333.87, 21.0
    specimens = ({"identity": 0x71}, {"identity": 0x72}, {"identity": 0x98, "at_power_on": 0x40})
    unlike: ClassVar[dict[str, Any]] = {"always_at_work": True}
