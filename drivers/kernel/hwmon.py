"""Sensors that a kernel driver of the hwmon subsystem owns: the temperature of a DS3231, fans, supply voltages.

Source: Linux, Documentation/hwmon/sysfs-interface.rst.
"""

from __future__ import annotations

from typing import ClassVar

from ..bus import sysfs
from ..errors import InvalidReading
from .channels import HWMON, Channel, stops
from .device import KernelDevice


class Hwmon(KernelDevice):
    """One hwmon device."""

    name = "hwmon"
    bus_name: ClassVar[str] = "hwmon"
    devices = "sys/class/hwmon"
    prefix = "hwmon"
    cure = "add its dtoverlay to /boot/firmware/config.txt and reboot; `limpet scan` lists what is there"
    rules = HWMON
    files = r"([a-z]+\d+)_input"
    raw = "{}_input"
    examples = "temp1, in0, curr1, power1, energy1, humidity1, fan1"

    def value(self, one: Channel) -> float:
        """Return what a channel's file says.

        Raises:
            InvalidReading: the chip says that this sensor is faulty. BusError, NotReady: the kernel could not read it.
            BeyondRange: the chip stops there.
        """
        if sysfs.read_if_there(self.folder / f"{one.base}_fault", self.name, 0):
            raise InvalidReading(f"hwmon: {self.folder}/{one.base}_fault is set: the sensor is open or shorted")
        number = sysfs.read_number(self.folder / f"{one.base}_input", self.name)
        low, high = stops(self.chip, one.base, "")
        if number >= high:
            raise self.beyond(one.quantity.name, at_least=high * one.factor)
        if number <= low:
            raise self.beyond(one.quantity.name, at_most=low * one.factor)
        return number
