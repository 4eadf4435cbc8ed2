"""The common part of IIO and hwmon devices: a folder, and files for each of its channels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from ..bus import sysfs
from ..chip import Driver, Measurement, Untold
from ..errors import BusTimeout, NotSupported, PermanentError, TransientError
from .channels import Channel, Rule, channel, unique
from .node import channels_of, device_of, find, moving


class KernelDevice(Driver):
    """One device of a subsystem of the kernel. A subclass says where the subsystem is and what its files are called.

    Args:
        device: its name (`bme280`) if no other device has it; else what stays the same after a reboot: bus and address
            (`1-0076`), a device-tree label, or the path of its parent. May be omitted if there is only one device.
        path: instead, its folder.
        channel: one or several of its channels, as `"temp"`; all whose unit is known by default.
        root: where the file system begins, for tests.

    `quantities` follow from `channel`; without it they are known after `setup`.

    Attributes:
        devices: the subsystem's folder. prefix: of its entries, before the number. cure: what makes a device appear.
        rules: channels, and their units. begins: what the names of channels begin with. files: which files are one.
        examples: channels, for messages.
    """

    takes = 1.0
    # Reading blocks while the kernel's driver waits for the chip's conversion.
    holds = 0.05
    devices: ClassVar[str]
    prefix: ClassVar[str]
    cure: ClassVar[str]
    rules: ClassVar[tuple[Rule, ...]]
    begins: ClassVar[str] = ""
    files: ClassVar[str]
    examples: ClassVar[str]

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

    def _channel(self, name: str) -> Channel:
        found = channel(self.begins + name.removeprefix(self.begins).removesuffix("_input"), self.rules)
        if found is None:
            raise ValueError(f"channel is {name!r}; this driver knows {self.examples}, …")
        return found

    def identify(self) -> None:
        """Find the device's folder.

        Raises:
            AdapterGone, NoAcknowledge, PermanentError: as `node.find` says.
        """
        self.folder = find(Path(self.root) / self.devices, self.prefix, self.device, self.name, self.cure)

    def configure(self) -> None:
        """Find the channels.

        Raises:
            NotSupported: a wanted one is not there, or none is that has a unit.
        """
        matches = (re.fullmatch(self.files, file) for file in sysfs.entries(self.folder, self.name))
        bases = list(dict.fromkeys(match[1] for match in matches if match))
        if not self.wanted:
            self.channels = unique(c for c in (channel(base, self.rules) for base in bases) if c)
            self.quantities = tuple(c.quantity for c in self.channels)
        missing = [c.base for c in self.channels if c.base not in bases]
        if missing or not self.channels:
            raise NotSupported(
                f"{self.name}: {self.folder} has no {', '.join(missing) or 'channel with a unit'}; "
                f"there: {', '.join(bases) or 'none'}"
            )

    def measure(self) -> Measurement:
        """Return each channel in our unit, or why the kernel could not read it.

        Raises:
            BusTimeout: the device did not answer in time; asking for the next channel would take as long again.
        """
        told: dict[str, float | Untold] = {}
        for c in self.channels:
            try:
                told[c.quantity.name] = self.value(c) * c.factor
            except BusTimeout:
                raise
            except (TransientError, PermanentError) as error:
                told[c.quantity.name] = error
        return told

    def value(self, one: Channel) -> float:
        """Return what a channel's file says, in the kernel's unit.

        Raises:
            BeyondRange: it is at the end of its scale. TransientError, PermanentError: it could not be read.
        """
        raise NotImplementedError

    @classmethod
    def moving(cls, device: object, root: str = "/") -> str | None:
        """Return the cure for a `device` that may be another one after a reboot; None where it does not move.

        Args:
            root: where the file system begins, for tests.
        """
        return moving(Path(root) / cls.devices, cls.prefix, device, cls.name)
