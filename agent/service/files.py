"""File I/O in a daemon thread: a disk may be slow, or hang, without holding up the loop."""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class FileThread:
    """Runs calls one after the other in a thread of its own, which ends when none is left: calls are rare.

    A daemon thread, because the interpreter waits at exit for the threads of `concurrent.futures`: one that hangs would
    keep the process alive.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The first one is running.
        self._calls: deque[Callable[[], None]] = deque()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Run `call` after the earlier ones. May be called from any thread; returns at once.

        The future raises what `call` raises, or OSError where the machine has no thread left.
        """
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(call())
            except BaseException as error:  # noqa: BLE001
                result.set_exception(error)

        with self._lock:
            self._calls.append(run)
            if len(self._calls) == 1:
                try:
                    threading.Thread(target=self._run, name="files", daemon=True).start()
                except RuntimeError as error:
                    self._calls.clear()
                    result.set_exception(OSError(errno.ENOMEM, str(error)))
        return result

    def _run(self) -> None:
        more = True
        while more:
            self._calls[0]()
            with self._lock:
                del self._calls[0]
                more = bool(self._calls)


class NewestContent:
    """A small file that is replaced as a whole. Of several contents that wait, only the newest is written.

    Args:
        failed: called with the error in the files' thread.
    """

    def __init__(self, path: Path, thread: FileThread, failed: Callable[[OSError], object]) -> None:
        self.path, self._thread, self._failed = path, thread, failed
        self._lock = threading.Lock()
        self._newest: bytes | None = None
        self._writing: Future[None] | None = None

    def write(self, content: bytes) -> Future[None]:
        """Write `content` in the thread. The future is done when it, or a newer content, was written or failed."""
        with self._lock:
            self._newest = content
            if self._writing is None or self._writing.done():
                self._writing = self._thread.submit(self._write)
            return self._writing

    def _write(self) -> None:
        while True:
            with self._lock:
                content, self._newest = self._newest, None
                if content is None:
                    self._writing = None
                    return
            try:
                replace(self.path, content)
            except OSError as error:
                self._failed(error)


def replace(path: Path, content: bytes) -> None:
    """Replace a file, so that a reader sees the old content or the new one, never a part of it.

    Raises:
        OSError: the folder is not there, not writable, or full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
