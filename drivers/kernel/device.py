"""The common part of IIO and hwmon devices: a folder, and files for each of its channels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from ..bus import sysfs
from ..chip import Driver, Measurement, Untold
from ..errors import BusTimeout, InvalidReading, NotSupported, PermanentError, TransientError
from .channels import Channel, Rule, channel, computed_from, is_dead, stops, unique
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
        examples: channels, for messages. raw: the file of the number that stops at an end.
        chip: what the kernel calls it.
    """

    either = (("device", "path"),)
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
    raw: ClassVar[str]

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
        self.folder, self.chip = Path(), ""

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
        self.chip = self.text("name")
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
                told[c.quantity.name] = self.checked(c, self.value(c)) * c.factor
            except BusTimeout:
                raise
            except (TransientError, PermanentError) as error:
                told[c.quantity.name] = error
        return told

    def checked(self, one: Channel, value: float) -> float:
        """Return a channel's value, in the kernel's unit.

        Raises:
            BeyondRange: it is computed from a channel that stands at its stop. InvalidReading: its element is dead.
        """
        if is_dead(self.chip, one.base, value):
            raise InvalidReading(f"{self.name}: {one.quantity.name} is exactly {value:g}: a dead element")
        source = computed_from(self.chip, one.base)
        if source is None or not self.is_at_its_stop(source):
            return value
        bound = value * one.factor
        if bound < 0:
            raise self.beyond(one.quantity.name, at_most=bound)
        raise self.beyond(one.quantity.name, at_least=bound)

    def is_at_its_stop(self, base: str) -> bool:
        """Return whether a channel, chosen or not, stands at its stop."""
        raw = sysfs.read_if_there(self.folder / self.raw.format(base), self.name, 0.0)
        low, high = stops(self.chip, base, self.storage(base))
        return not low < raw < high

    def storage(self, base: str) -> str:
        """Return the kernel's description of a channel's raw number; nothing where there is none."""
        return self.text(f"scan_elements/{base}_type") or self.text(f"buffer0/{base}_type")

    def text(self, file: str) -> str:
        """Return what a file in the folder says; nothing where there is no such file."""
        path = self.folder / file
        return sysfs.read_text(path, self.name) if sysfs.exists(path, self.name) else ""

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
