"""Fake kernel sensors: a folder with the files that Linux's w1, IIO, hwmon, thermal and proc would show.

Source: Linux, Documentation/w1/slaves/w1_therm.rst, Documentation/ABI/testing/sysfs-bus-iio,
Documentation/hwmon/sysfs-interface.rst, Documentation/ABI/testing/sysfs-class-thermal.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from .device import FakeDevice
from .tree import Files, Tree


@functools.cache
def simulated_root() -> Path:
    """Return a folder that all fakes of this process share; it goes away with the process."""
    folder = tempfile.mkdtemp(prefix="limpet-sysfs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class FakeSysfs(FakeDevice):
    """One kernel sensor; its files change as the kernel would change them."""

    kinds: ClassVar[tuple[str, ...]] = ("unplugged", "nack", "eio", "hang", "frozen")
    # Where the class or bus of the device links to its folder.
    link = ""

    def __init__(
        self,
        *,
        root: str | Path | None = None,
        device: Any = None,
        options: Mapping[str, Any] | None = None,
        **world: float,
    ) -> None:
        self.tree = Tree(simulated_root() if root is None else Path(root))
        self.device, self.options = device, {**(options or {})}
        self.world = {**self.senses}
        self.folder = self.place()
        self.feel(**world)

    @property
    def wiring(self) -> dict[str, Any]:
        """Options with which the driver meets this fake."""
        return {"root": str(self.tree.root), "device": self.device}

    def apply(self) -> None:
        """Make the files say what is felt."""
        if self.fault in ("unplugged", "nack") and self.folder:
            self.tree.remove(self.folder)
            self.tree.remove(self.link)
            return
        if self.link:
            self.tree.link(self.link, self.folder)
        for name, text in self.files().items():
            where = f"{self.folder}/{name}" if self.folder else name
            self.tree.put(where, text, "" if name in ("name", "type") else self.fault)

    def place(self) -> str:
        """Return the device's folder below the root, and set `link`; empty where the files stand alone."""
        return ""

    def files(self) -> Files:
        """Return the text of each file."""
        raise NotImplementedError
