"""The folder of one kernel device, found by its name, its number or its path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..bus import sysfs
from ..errors import AdapterGone, NoAcknowledge, PermanentError


def find(folder: Path, prefix: str, device: str | int | Path | None, who: str, cure: str) -> Path:
    """Return the folder of `device` below `folder`, whose entries are called `<prefix><number>`.

    Args:
        device: what the file `name` says, with or without `@…`; a number; `<prefix><number>`; a path; None: the
            only one.

    Raises:
        AdapterGone: the kernel has no such subsystem; `cure` says what to do.
        NoAcknowledge: no such device (yet); the message names those that are there.
        PermanentError: several fit.
    """
    if isinstance(device, Path) or (isinstance(device, str) and "/" in device):
        path = Path(device)
        if not sysfs.exists(path, who):
            raise NoAcknowledge(f"{who}: there is no {path}; {cure}")
        return path
    if not sysfs.exists(folder, who):
        raise AdapterGone(f"{who}: the kernel has no {folder}; {cure}")
    nodes = [entry for entry in sysfs.entries(folder, who) if re.fullmatch(re.escape(prefix) + r"\d+", entry)]
    named = {node: _name(folder / node, who) for node in nodes}
    fits = [node for node, name in named.items() if _fits(node, name, prefix, device)]
    there = ", ".join(f"{name} ({node})" for node, name in named.items()) or "none"
    if not fits:
        raise NoAcknowledge(f"{who}: no device is called {device!r}; there: {there}; {cure}")
    if len(fits) > 1:
        raise PermanentError(f"{who}: which one? write `device =` one of {', '.join(fits)}; there: {there}")
    return folder / fits[0]


def _name(node: Path, who: str) -> str:
    return sysfs.read_text(node / "name", who) if sysfs.exists(node / "name", who) else ""


def _fits(node: str, name: str, prefix: str, device: object) -> bool:
    if device is None:
        return True
    return str(device) in (name, name.partition("@")[0], node, node.removeprefix(prefix))


def device_of(device: str | int | None, path: str | os.PathLike[str] | None) -> str | int | Path | None:
    """Return which device is meant, for `find`.

    Raises:
        ValueError: both are said, or one is nothing that it could be.
    """
    if isinstance(device, bool) or not isinstance(device, str | int | None) or device == "":
        raise ValueError(f"device is {device!r}, neither a name, a number nor a path")
    if path is not None and device is not None:
        raise ValueError("say either device or path")
    return device if path is None else folder(path)


def folder(path: str | os.PathLike[str]) -> Path:
    """Return a path.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ValueError(f"path is {path!r}, not the path of a folder")
    return Path(path)


def channels_of(channel: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the wanted channels' names; none means all.

    Raises:
        ValueError: a name is empty, or said twice.
    """
    wanted = (channel,) if isinstance(channel, str) else tuple(channel or ())
    if any(not isinstance(name, str) or not name for name in wanted) or len(set(wanted)) < len(wanted):
        raise ValueError(f'channel is {channel!r}, not a name such as "temp", or a list of different names')
    return wanted
