"""Sensors that a kernel driver of the IIO subsystem owns (`dtoverlay=i2c-sensor,bme280` and the like).

Source: Linux, Documentation/ABI/testing/sysfs-bus-iio: `_input` is processed, else value = (`_raw` + offset) x scale.
"""

from __future__ import annotations

import re
from typing import ClassVar

from ..bus import sysfs
from ..errors import NotSupported
from .channels import IIO, Channel, stops
from .device import KernelDevice


class Iio(KernelDevice):
    """One IIO device."""

    name = "iio"
    bus_name: ClassVar[str] = "iio"
    devices = "sys/bus/iio/devices"
    prefix = "iio:device"
    cure = "add its dtoverlay (`dtoverlay -a | grep i2c-sensor`) to /boot/firmware/config.txt and reboot"
    rules = IIO
    begins = "in_"
    files = r"(in_.+)_(?:input|raw)"
    raw = "{}_raw"
    examples = "temp, humidityrelative, pressure, voltage0"

    def value(self, one: Channel) -> float:
        """Return a channel in the unit of the IIO interface.

        Raises:
            BeyondRange: the raw number is one at which the chip stops.
            NotReady: a buffer is running on the device. BusError, BusTimeout: the kernel could not read it.
            NotSupported: a raw number has no scale.
        """
        if sysfs.exists(self.folder / f"{one.base}_input", self.name):
            return sysfs.read_number(self.folder / f"{one.base}_input", self.name)
        raw = sysfs.read_number(self.folder / f"{one.base}_raw", self.name)
        offset, scale = self._shared(one.base, "offset", 0.0), self._shared(one.base, "scale", None)
        low, high = stops(self.chip, one.base, self.text(f"scan_elements/{one.base}_type"))
        if raw >= high:
            raise self.beyond(one.quantity.name, at_least=(high + offset) * scale * one.factor)
        if raw <= low:
            raise self.beyond(one.quantity.name, at_most=(low + offset) * scale * one.factor)
        return (raw + offset) * scale

    def _shared(self, base: str, what: str, default: float | None) -> float:
        """Return the scale or offset of a channel, or of all channels of its type."""
        kind = re.match(r"in_[a-z]+", base)
        for name in (base, kind[0] if kind else base):
            if sysfs.exists(self.folder / f"{name}_{what}", self.name):
                return sysfs.read_number(self.folder / f"{name}_{what}", self.name)
        if default is None:
            raise NotSupported(f"iio: {self.folder}/{base}_raw has no {what}, so its unit is unknown")
        return default
