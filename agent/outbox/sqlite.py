"""The store on SQLite: what is in it survives a power cut, and it always opens.

The file is used in a thread of its own. A disk may keep that thread for ever, so that nothing waits for it at exit, and
nothing is given to it while it is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from .sqlite_file import SqliteFile
from .store import Contents, Row

T = TypeVar("T")


class SqliteStore:
    """A `Store` in `folder`/outbox.db for bodies of `max_size` bytes.

    `open` raises OSError where the folder cannot be used; a damaged file is no reason.
    """

    def __init__(self, folder: Path, max_size: int) -> None:
        self._file = SqliteFile(folder, max_size)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # The thread is free: what it was given last has been finished, also where the caller no longer waited.
        self._free = asyncio.Event()
        self._free.set()

    @property
    def file(self) -> Path:
        """Where the rows are."""
        return self._file.file

    async def open(self, run_id: str) -> Contents:
        """Begin the run `run_id`, whatever state the file is in."""
        return await self._in_thread(lambda: self._file.open(run_id))

    async def append(self, rows: Sequence[Row]) -> None:
        """Keep all rows, or none."""
        await self._in_thread(lambda: self._file.append(rows))

    async def delete(self, numbers: Sequence[int]) -> None:
        """Forget these rows."""
        await self._in_thread(lambda: self._file.delete(numbers))

    async def scan(self, after: int, limit: int) -> list[Row]:
        """Return up to `limit` batches with a greater number; a damaged one as the gap that it is."""
        return await self._in_thread(lambda: self._file.scan(after, limit))

    async def close(self, last_seq: int | None) -> None:
        """Note that the run ended cleanly, unless `last_seq` is None, and close the file."""
        try:
            await self._in_thread(lambda: self._file.close(last_seq))
        finally:
            self._jobs.put(None)
            self._jobs, self._thread = queue.SimpleQueue(), None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Return what `work` returns in the thread, once that is free; a thread that is kept gets no more to do.

        Raises:
            OSError: it failed.
        """
        while not self._free.is_set():
            await self._free.wait()
        self._free.clear()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            result, error = None, None
            try:
                result = self._file.guarded(work)
            except Exception as problem:  # noqa: BLE001
                error = problem
            # The loop may be closed by now.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._finished, done, result, error)

        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._jobs,), name="outbox", daemon=True)
            self._thread.start()
        self._jobs.put(job)
        return await done

    def _finished(self, done: asyncio.Future[T], result: T | None, error: Exception | None) -> None:
        self._free.set()
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]


def _work(jobs: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (job := jobs.get()) is not None:
        job()
