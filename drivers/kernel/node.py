"""The folder of a kernel device, found by a name that stays the same after a reboot, unlike its number."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..bus import sysfs
from ..errors import AdapterGone, NoAcknowledge, PermanentError, TransientError


@dataclass(frozen=True, slots=True)
class Node:
    """One device of a subsystem.

    Attributes:
        folder: its folder, whose number depends on the order in which drivers started.
        name: the chip's.
        label: the device tree's label, or empty.
        parent: the folder of the device on its bus, such as `…/i2c-1/1-0076`; None if there is none.
    """

    folder: Path
    name: str
    label: str
    parent: Path | None

    @property
    def place(self) -> str:
        """Bus and address such as `1-0076`; empty if they are unknown."""
        return "" if self.parent is None else self.parent.name

    def is_called(self, device: str, prefix: str) -> bool:
        """Return whether `device` is one of its names, its number included."""
        number = self.folder.name.removeprefix(prefix)
        names = (self.name, self.name.partition("@")[0], self.label, self.place, self.folder.name, number)
        return bool(device) and device in names


def nodes(folder: Path, prefix: str, who: str) -> list[Node]:
    """Return the devices below `folder`, whose entries are called `<prefix><number>`.

    Raises:
        TransientError, PermanentError: as `sysfs.entries`.
    """
    entries = [entry for entry in sysfs.entries(folder, who) if is_numbered(entry, prefix)]
    return [_node(folder / entry, who) for entry in sorted(entries, key=lambda entry: int(entry[len(prefix) :]))]


def _node(path: Path, who: str) -> Node:
    parent = path.resolve().parent
    # hwmon has a folder of its own between the device and its node.
    parent = parent.parent if parent.name == "hwmon" else parent
    is_link = path.resolve().parent != path.parent.resolve()
    # Older kernels have the label only in the device tree's own folder.
    label = _text(path / "label", who) or (_text(parent / "of_node/label", who) if is_link else "")
    return Node(path, _text(path / "name", who), label, parent if is_link else None)


def _text(file: Path, who: str) -> str:
    try:
        return sysfs.read_text(file, who).rstrip("\0")
    except (TransientError, PermanentError):
        return ""


def is_numbered(device: object, prefix: str) -> bool:
    """Return whether `device` is a number, which may mean another device after a reboot."""
    last = Path(str(device)).name if isinstance(device, str | Path) else str(device)
    return re.fullmatch(rf"(?:{re.escape(prefix)})?\d+", last) is not None


def stable(one: Node, among: Iterable[Node]) -> str:
    """Return a name for the configuration that means the same device after a reboot.

    The chip's name if no other device has it; else bus and address, a label, or the path of its parent; its number only
    if there is nothing else.
    """
    others = [other for other in among if other is not one]
    for spelling, taken in (
        (one.name, {other.name for other in others}),
        (one.place, {other.place for other in others}),
        (one.label, {other.label for other in others}),
    ):
        if spelling and spelling not in taken:
            return spelling
    return str(one.parent or one.folder.name)


def moving(folder: Path, prefix: str, device: object, who: str) -> str | None:
    """Return the cure for a `device` that may be another one after a reboot; None if it is stable."""
    if device is None or not is_numbered(device, prefix):
        return None
    try:
        found = nodes(folder, prefix, who)
    except (TransientError, PermanentError):
        found = []
    last = Path(str(device)).name
    for one in found:
        if last in (one.folder.name, one.folder.name.removeprefix(prefix)):
            return f'write device = "{stable(one, found)}"'
    return 'write the chip\'s name, or bus and address such as "1-0076"; `limpet scan` lists them'


def find(folder: Path, prefix: str, device: str | int | Path | None, who: str, cure: str) -> Path:
    """Return the folder of `device` below `folder`, whose entries are called `<prefix><number>`.

    Args:
        device: the chip's name, with or without `@…`; bus and address (`1-0076`); a device-tree label; the path of the
            device or of its parent; `<prefix><number>`, or the number alone; None: the only one.

    Raises:
        AdapterGone: the kernel has no such subsystem; `cure` says what to do.
        NoAcknowledge: no such device (yet); the message names those that are there.
        PermanentError: several fit; the message lists their stable names.
    """
    if isinstance(device, Path) or (isinstance(device, str) and "/" in device):
        return _below(Path(device), prefix, who, cure)
    if not sysfs.exists(folder, who):
        raise AdapterGone(f"{who}: the kernel has no {folder}; {cure}")
    found = nodes(folder, prefix, who)
    fits = [one for one in found if device is None or one.is_called(str(device), prefix)]
    there = ", ".join(f"{stable(one, found)} ({one.folder.name})" for one in found) or "none"
    if not fits:
        raise NoAcknowledge(f"{who}: no device is called {device!r}; there: {there}; {cure}")
    if len(fits) > 1:
        which = ", ".join(f'"{stable(one, found)}"' for one in fits)
        raise PermanentError(f"{who}: which one? write `device =` one of {which}; there: {there}")
    return fits[0].folder


def _below(path: Path, prefix: str, who: str, cure: str) -> Path:
    """Return the device at `path`, or the only one of this subsystem below it if `path` is its parent."""
    if not sysfs.exists(path, who):
        raise NoAcknowledge(f"{who}: there is no {path}; {cure}")
    inside = [
        folder / entry
        for folder in (path, path / "hwmon")
        for entry in sysfs.entries(folder, who)
        if entry.startswith(prefix) and is_numbered(entry, prefix)
    ]
    if len(inside) > 1:
        raise PermanentError(f"{who}: which one? write `device =` one of {', '.join(map(str, inside))}")
    return inside[0] if inside else path


def device_of(device: str | int | None, path: str | os.PathLike[str] | None) -> str | int | Path | None:
    """Return the device for `find`.

    Raises:
        ValueError: both are given, or one is invalid.
    """
    if isinstance(device, bool) or not isinstance(device, str | int | None) or device == "":
        raise ValueError(f"device is {device!r}, neither a name, a number nor a path")
    if path is not None and device is not None:
        raise ValueError("say either device or path")
    return device if path is None else folder(path)


def folder(path: str | os.PathLike[str]) -> Path:
    """Return a path.

    Raises:
        ValueError: it is not a path.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ValueError(f"path is {path!r}, not the path of a folder")
    return Path(path)


def channels_of(channel: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the wanted channels' names; none means all.

    Raises:
        ValueError: a name is empty or given twice.
    """
    wanted = (channel,) if isinstance(channel, str) else tuple(channel or ())
    if any(not isinstance(name, str) or not name for name in wanted) or len(set(wanted)) < len(wanted):
        raise ValueError(f'channel is {channel!r}, not a name such as "temp", or a list of different names')
    return wanted
