"""One instance per state folder: a lock that the kernel releases when the process ends."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from .files import FileThread

log = logging.getLogger("limpet")

WITHIN = 0.4  # seconds that the start waits for the lock's disk


class AnotherInstance(Exception):
    """Another process holds the lock."""


class InstanceLock:
    """Holds `state_dir/lock` until it is released or the process ends.

    If the disk is not writable, or hangs, the agent runs without a lock: sampling does not depend on a disk.

    Args:
        late: called in another thread if the disk answers after `acquire`, and another process holds the lock.
    """

    def __init__(self, state_dir: Path, late: Callable[[], object]) -> None:
        self._state_dir, self._late = state_dir, late
        self._taking: Future[int] | None = None

    def acquire(self, within: float = WITHIN) -> None:
        """Take the lock; go on without it if that takes longer than `within` seconds, or is impossible.

        Raises:
            AnotherInstance: another process holds it.
        """
        self._taking = FileThread().submit(self._take)
        try:
            self._taking.result(within)
        except BlockingIOError:
            raise AnotherInstance(str(self._state_dir)) from None
        except TimeoutError:
            self._taking.add_done_callback(self._came_late)
            self._cannot(f"it did not answer within {within:g} s")
        except OSError as error:
            self._cannot(str(error))

    def release(self) -> None:
        """Release the lock, also one that is still being taken."""
        if self._taking is not None:
            self._taking.add_done_callback(_close)
        self._taking = None

    def _take(self) -> int:
        self._state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        # O_NONBLOCK: opening a fifo in the file's place does not block.
        file = os.open(self._state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise FileExistsError(f"{self._state_dir / 'lock'} is not a file")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(file)
            raise
        return file

    def _came_late(self, taking: Future[int]) -> None:
        if isinstance(taking.exception(), BlockingIOError):
            self._late()

    def _cannot(self, why: str) -> None:
        log.warning("state folder cannot be used", extra={"state_dir": str(self._state_dir), "error": why})


def _close(taking: Future[int]) -> None:
    if taking.exception() is None:
        os.close(taking.result())
