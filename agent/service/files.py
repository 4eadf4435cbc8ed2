"""Files beside the loop: one daemon thread does what a disk may take long for, or never finish."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class FileThread:
    """Runs calls one after the other in a thread of its own, which the end of the process does not wait for.

    (The threads of `concurrent.futures` are waited for at exit: one that hangs would keep the process.)
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Run `call` when those before are done. From any thread; returns at once."""
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(call())
            except BaseException as error:  # noqa: BLE001
                result.set_exception(error)

        self._calls.put(run)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="files", daemon=True)
            self._thread.start()
        return result

    def _run(self) -> None:
        while True:
            self._calls.get()()


class NewestContent:
    """A small file that is replaced as a whole; of several contents that wait, the newest is written.

    Args:
        failed: called in the thread of the files with what went wrong.
    """

    def __init__(self, path: Path, thread: FileThread, failed: Callable[[OSError], object]) -> None:
        self.path, self._thread, self._failed = path, thread, failed
        self._lock = threading.Lock()
        self._newest: bytes | None = None
        self._writing: Future[None] | None = None

    def write(self, content: bytes) -> Future[None]:
        """Write it beside the loop; the result is done when it, or something newer, was written or failed."""
        with self._lock:
            self._newest = content
            if self._writing is None:
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
    """Write a file so that a reader sees the old or the new one, never half of it.

    Raises:
        OSError: the folder is not there, not writable, or full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
