"""A folder that plays the kernel's file systems, with files that fail as sysfs files do."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

Files = dict[str, str]  # name: text


class Tree:
    """Files below `root`, each replaced at once, so that no reader sees half of one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str) -> Path:
        """Make a folder."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def numbered(self, prefix: str) -> tuple[str, int]:
        """Return the next free name of a kind, `iio:device0`, `iio:device1`, …, and its number."""
        number = 0
        while os.path.lexists(self.root / f"{prefix}{number}"):
            number += 1
        return f"{prefix}{number}", number

    def link(self, name: str, target: str) -> None:
        """Make a link to a folder, as the kernel's classes and buses have to their devices."""
        path = self.root / name
        if not os.path.lexists(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(os.path.relpath(self.root / target, path.parent))

    def remove(self, name: str) -> None:
        """Take a device, or a link to it, away."""
        path = self.root / name
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)

    def put(self, name: str, text: str, fault: str = "") -> None:
        """Write a file; `eio`: reading it fails, `hang`: reading it does not end until it is put again."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.parent / f".{path.name}.new"
        self._clear(fresh)
        if fault == "eio" and sys.platform == "linux":
            # its first page is never mapped, so reading it is EIO
            fresh.symlink_to("/proc/self/mem")
        elif fault == "eio":
            fresh.mkdir()
        elif fault == "hang":
            os.mkfifo(fresh)
        else:
            fresh.write_text(text, encoding="ascii")
        hanging = self._aside(path)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        fresh.replace(path)
        if hanging is not None:
            self._release(hanging)

    @staticmethod
    def _clear(path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)

    @staticmethod
    def _aside(path: Path) -> Path | None:
        """Give a file on which reads hang a second name: one that is opened just before it is replaced hangs, too."""
        if not path.is_fifo():
            return None
        aside = path.parent / f".{path.name}.old"
        aside.unlink(missing_ok=True)
        os.link(path, aside)
        return aside

    @staticmethod
    def _release(path: Path) -> None:
        """Let reads that hang return."""
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            # ENXIO: there is no reader
            if error.errno != errno.ENXIO:
                raise
