"""Sensors that a kernel driver of the IIO subsystem owns (`dtoverlay=i2c-sensor,bme280` and the like).

Source: Linux, Documentation/ABI/testing/sysfs-bus-iio: `_input` is processed, else value = (`_raw` + offset) x scale;
where a scale may be shared: drivers/iio/industrialio-core.c.
"""

from __future__ import annotations

from typing import ClassVar

from ..bus import sysfs
from ..errors import NotSupported
from .channels import IIO, SCALED, UNSCALED, Channel, scales, stops
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
    examples = "temp, humidityrelative, pressure, voltage0, voltage0-voltage1"

    def value(self, one: Channel) -> float:
        """Return a channel in the unit of the IIO interface.

        Raises:
            BeyondRange: the raw number is one at which the chip stops.
            NotReady: a buffer is running on the device. BusError, BusTimeout: the kernel could not read it.
            NotSupported: a raw number has no scale.
        """
        processed, counted = (self.folder / f"{one.base}_{form}" for form in ("input", "raw"))
        is_unscaled = one.base.startswith(UNSCALED) and sysfs.exists(counted, self.name)
        if not is_unscaled and sysfs.exists(processed, self.name):
            return sysfs.read_number(processed, self.name)
        raw = sysfs.read_number(counted, self.name)
        offset, scale = (0.0, 1.0) if is_unscaled else self._offset_and_scale(one.base)
        low, high = stops(self.chip, one.base, self.storage(one.base))
        if raw >= high:
            raise self.beyond(one.quantity.name, at_least=(high + offset) * scale * one.factor)
        if raw <= low:
            raise self.beyond(one.quantity.name, at_most=(low + offset) * scale * one.factor)
        return (raw + offset) * scale

    def _offset_and_scale(self, base: str) -> tuple[float, float]:
        """Return what is added to a channel's raw number, and by what the sum is multiplied."""
        scale = self._shared(base, "scale", 1.0 if base.startswith(SCALED) else None)
        if scale is None:
            raise NotSupported(f"iio: {self.folder}/{base}_raw has no scale, so its unit is unknown")
        return self._shared(base, "offset", 0.0) or 0.0, scale

    def _shared(self, base: str, what: str, default: float | None) -> float | None:
        """Return the scale or offset of a channel, or of those with which it shares one."""
        for name in scales(base):
            file = self.folder / f"{name}_{what}".lstrip("_")
            if sysfs.exists(file, self.name):
                return sysfs.read_number(file, self.name)
        return default
