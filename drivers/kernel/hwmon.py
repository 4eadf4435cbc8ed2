"""Sensors that a kernel driver of the hwmon subsystem owns: the temperature of a DS3231, fans, supply voltages.

Source: Linux, Documentation/hwmon/sysfs-interface.rst.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from ..bus import sysfs
from ..chip import Driver, Measurement
from ..errors import InvalidReading, NotSupported
from .channels import HWMON, Channel, channel, unique
from .node import channels_of, device_of, find

DEVICES = "sys/class/hwmon"
CURE = "add its dtoverlay to /boot/firmware/config.txt and reboot; `limpet scan` lists what is there"


class Hwmon(Driver):
    """One hwmon device.

    Args:
        device: its name (`ds3231`), number, or path; may be left out when there is only one.
        path: instead, its folder.
        channel: one or several of its channels, as `"temp1"`; all whose unit is known by default.
        root: where the file system begins, for tests.

    `quantities` follow from `channel`; without it they are known once the device was seen.
    """

    name = "hwmon"
    bus_name: ClassVar[str] = "hwmon"
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
        found = channel(name.removesuffix("_input"), HWMON)
        if found is None:
            raise ValueError(f"channel is {name!r}; this driver knows temp1, in0, curr1, power1, humidity1, fan1, …")
        return found

    def identify(self) -> None:
        """Find the device's folder.

        Raises:
            AdapterGone, NoAcknowledge, PermanentError: as `node.find` says.
        """
        self.folder = find(Path(self.root) / DEVICES, "hwmon", self.device, self.name, CURE)

    def configure(self) -> None:
        """See which channels there are.

        Raises:
            NotSupported: a wanted one is not there, or none is that has a unit.
        """
        files = sysfs.entries(self.folder, self.name)
        bases = [m[1] for m in (re.fullmatch(r"([a-z]+\d+)_input", f) for f in files) if m]
        if not self.wanted:
            self.channels = unique(c for c in (channel(base, HWMON) for base in bases) if c)
            self.quantities = tuple(c.quantity for c in self.channels)
        missing = [c.base for c in self.channels if c.base not in bases]
        if missing or not self.channels:
            raise NotSupported(
                f"hwmon: {self.folder} has no {', '.join(missing) or 'channel with a unit'}; "
                f"there: {', '.join(bases) or 'none'}"
            )

    def measure(self) -> Measurement:
        """Return each channel in our unit.

        Raises:
            InvalidReading: the chip says that this sensor is faulty. BusError, NotReady: the kernel could not read it.
        """
        for c in self.channels:
            if sysfs.read_if_there(self.folder / f"{c.base}_fault", self.name, 0):
                raise InvalidReading(f"hwmon: {self.folder}/{c.base}_fault is set: the sensor is open or shorted")
        return {
            c.quantity.name: sysfs.read_number(self.folder / f"{c.base}_input", self.name) * c.factor
            for c in self.channels
        }
