"""Sensors that a kernel driver of the IIO subsystem owns (`dtoverlay=i2c-sensor,bme280` and the like).

Source: Linux, Documentation/ABI/testing/sysfs-bus-iio: `_input` is processed, else value = (`_raw` + offset) x scale.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from ..bus import sysfs
from ..chip import Driver, Measurement
from ..errors import NotSupported
from .channels import IIO, Channel, channel, unique
from .node import channels_of, device_of, find

DEVICES = "sys/bus/iio/devices"
CURE = "add its dtoverlay (`dtoverlay -a | grep i2c-sensor`) to /boot/firmware/config.txt and reboot"


class Iio(Driver):
    """One IIO device.

    Args:
        device: its name (`bme280`), number, or path; may be left out when there is only one.
        path: instead, its folder.
        channel: one or several of its channels, as `"temp"`, `"voltage0"`; all whose unit is known by default.
        root: where the file system begins, for tests.

    `quantities` follow from `channel`; without it they are known once the device was seen.
    """

    name = "iio"
    bus_name: ClassVar[str] = "iio"
    takes = 1.0

    def __init__(
        self,
        device: str | int | None = None,
        *,
        channel: str | Iterable[str] | None = None,
        path: str | os.PathLike[str] | None = None,
        root: str = "/",
    ) -> None:
        self.device, self.root = device_of(device, path), root
        self.wanted = channels_of(channel)
        self.channels = unique(self._channel(name) for name in self.wanted)
        self.quantities = tuple(c.quantity for c in self.channels)
        self.folder = Path()

    @staticmethod
    def _channel(name: str) -> Channel:
        found = channel("in_" + name.removeprefix("in_"), IIO)
        if found is None:
            raise ValueError(f"channel is {name!r}; this driver knows temp, humidityrelative, pressure, voltage0, …")
        return found

    def identify(self) -> None:
        """Find the device's folder.

        Raises:
            AdapterGone, NoAcknowledge, PermanentError: as `node.find` says.
        """
        self.folder = find(Path(self.root) / DEVICES, "iio:device", self.device, self.name, CURE)

    def configure(self) -> None:
        """See which channels there are.

        Raises:
            NotSupported: a wanted one is not there, or none is that has a unit.
        """
        files = sysfs.entries(self.folder, self.name)
        bases = dict.fromkeys(m[1] for m in (re.fullmatch(r"(in_.+)_(?:input|raw)", f) for f in files) if m)
        if not self.wanted:
            self.channels = unique(c for c in (channel(base, IIO) for base in bases) if c)
            self.quantities = tuple(c.quantity for c in self.channels)
        missing = [c.base for c in self.channels if c.base not in bases]
        if missing or not self.channels:
            raise NotSupported(
                f"iio: {self.folder} has no {', '.join(missing) or 'channel with a unit'}; "
                f"there: {', '.join(bases) or 'none'}"
            )

    def measure(self) -> Measurement:
        """Return each channel in our unit.

        Raises:
            NotReady: a buffer is running on the device. BusError, BusTimeout: the kernel could not read it.
        """
        return {c.quantity.name: self._value(c.base) * c.factor for c in self.channels}

    def _value(self, base: str) -> float:
        """Return a channel in the unit of the IIO interface."""
        if sysfs.exists(self.folder / f"{base}_input", self.name):
            return sysfs.read_number(self.folder / f"{base}_input", self.name)
        raw = sysfs.read_number(self.folder / f"{base}_raw", self.name)
        return (raw + self._shared(base, "offset", 0.0)) * self._shared(base, "scale", None)

    def _shared(self, base: str, what: str, default: float | None) -> float:
        """Return the scale or offset of a channel, or of all channels of its type."""
        kind = re.match(r"in_[a-z]+", base)
        for name in (base, kind[0] if kind else base):
            if sysfs.exists(self.folder / f"{name}_{what}", self.name):
                return sysfs.read_number(self.folder / f"{name}_{what}", self.name)
        if default is None:
            raise NotSupported(f"iio: {self.folder}/{base}_raw has no {what}, so its unit is unknown")
        return default
