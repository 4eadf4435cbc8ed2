"""Who a worker is: an id of its own that a kill does not change.

A broker keeps what a session missed for its client id alone. So each worker of a folder holds the lock of a file with
an id in it; the kernel releases the lock when the process ends, and the next worker takes the first id that is free.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

FOLDER = ".limpet-ingest"
MOST = 1000  # workers in one folder
_ID = re.compile(r"[0-9a-f]{8}")


class NoIdentity(OSError):
    """There is no id to be had: the folder cannot be written, or has too many workers."""


class WorkerId:
    """The id of one worker, held until `release` or the end of the process.

    Args:
        folder: shared by workers of one machine.
        purpose: what the workers do; those with another purpose have other ids.
    """

    def __init__(self, folder: Path, purpose: Sequence[str]) -> None:
        digest = hashlib.sha256("\0".join(purpose).encode(errors="surrogateescape")).hexdigest()[:8]
        self._folder, self._kind = folder / FOLDER, digest
        self._file: int | None = None
        self.id = ""

    def take(self) -> str:
        """Return an id that no other running worker has.

        Raises:
            NoIdentity: there is none.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number in range(1, MOST + 1):
                if (file := _locked(self._folder / f"{self._kind}-{number}")) is not None:
                    self._file = file
                    self.id = _id_in(file)
                    return self.id
        except OSError as error:
            raise NoIdentity(f"no id for a worker in {self._folder}: {error.strerror}") from error
        raise NoIdentity(f"there are {MOST} workers in {self._folder}")

    def release(self) -> None:
        """Let another worker have the id."""
        if self._file is not None:
            os.close(self._file)
        self._file = None


def _locked(path: Path) -> int | None:
    """Return the file, open and locked; None if another process has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


def _id_in(file: int) -> str:
    """Return the id in a file, or a new one where there is none that is whole."""
    found = os.pread(file, 64, 0).decode("ascii", "replace").strip()
    if _ID.fullmatch(found):
        return found
    made = secrets.token_hex(4)
    os.ftruncate(file, 0)
    os.pwrite(file, f"{made}\n".encode(), 0)
    os.fsync(file)
    return made
