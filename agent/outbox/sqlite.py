"""The store on SQLite: what is in it survives a power cut, and it always opens.

Write-ahead log with synchronous=FULL: a commit is on the card when `append` returns. Every row carries a CRC32, because
SQLite's own check does not see a flipped bit in a value. A damaged file is set aside, what can be read is saved.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import logging
import os
import queue
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from . import sqlite_recovery
from .sqlite_rows import BATCHES, DAMAGE, GAPS, RUNS, SCHEMA, VERSION, checked, crc, is_the_disks, text
from .store import Contents, Gap, Item, Previous, Row

T = TypeVar("T")
log = logging.getLogger("limpet.outbox")

KEEP_FREE = 8 * 1024 * 1024  # bytes left to the rest of the machine; SQLite cannot delete its way out of a full disk
ADD_RUN = "INSERT OR IGNORE INTO run (run_id, last_seq, clean) VALUES (?, ?, ?)"
PATIENCE = 1.0  # seconds for somebody else's lock: nothing else may wait for it


class Damaged(Exception):
    """The file is not, or no longer, what we wrote."""


class SqliteStore:
    """A `Store` in `folder`/outbox.db. Works in a thread of its own, which nobody waits for at exit."""

    def __init__(self, folder: Path, max_size: int) -> None:
        self.file = folder / "outbox.db"
        self.max_size = max_size
        self.salvaged: int | None = None  # batches saved from a damaged file; None: it was sound
        self.lost = 0  # batches that were missing between those, as far as that can be told
        self._run_id = ""
        self._most_pages = max_size // 2048 + 4096
        self._made = False  # the file is our own work, which may have ended at once
        self._suspect = False  # damage that the quick check does not see was met
        self._database: sqlite3.Connection | None = None
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self, run_id: str) -> Contents:
        """Begin the run `run_id`, whatever state the file is in.

        Raises:
            OSError: the folder cannot be used.
        """
        self._run_id = run_id
        return await self._in_thread(self._open)

    async def append(self, rows: Sequence[Row]) -> None:
        """Keep all rows, or none."""
        await self._in_thread(lambda: self._append(rows))

    async def delete(self, numbers: Sequence[int]) -> None:
        """Forget these rows."""
        await self._in_thread(lambda: self._delete(numbers))

    async def scan(self, after: int, limit: int) -> list[Row]:
        """Return up to `limit` batches with a greater number; a damaged one as the gap that it is."""
        return await self._in_thread(lambda: self._scan(after, limit))

    async def close(self, last_seq: int) -> None:
        """Note that the run ended cleanly, and close the file."""
        try:
            await self._in_thread(lambda: self._close(last_seq))
        finally:
            self._jobs.put(None)
            self._jobs, self._thread = queue.SimpleQueue(), None

    # ---- the thread

    async def _in_thread(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if done.done():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]

        def job() -> None:
            result, error = None, None
            try:
                result = self._guarded(work)
            except Exception as problem:  # noqa: BLE001
                error = problem
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, result, error)

        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(self._jobs,), name="outbox", daemon=True)
            self._thread.start()
        self._jobs.put(job)
        return await done

    @staticmethod
    def _run(jobs: queue.SimpleQueue[Callable[[], None] | None]) -> None:
        while (job := jobs.get()) is not None:
            job()

    def _guarded(self, work: Callable[[], T]) -> T:
        """Turn SQLite's errors into OSError; close the file, so that the next call opens and checks it anew."""
        try:
            return work()
        except DAMAGE as error:
            with contextlib.suppress(sqlite3.Error):
                self._shut()
            self._suspect = self._suspect or not is_the_disks(error)
            name = getattr(error, "sqlite_errorname", "")
            number = {"SQLITE_FULL": errno.ENOSPC, "SQLITE_READONLY": errno.EROFS}.get(name, errno.EIO)
            raise OSError(number, f"{self.file}: {error}") from error

    # ---- in the thread

    def _open(self) -> Contents:
        """Begin a run. Nonsense that SQLite's own check does not see is damage, too: then all is set aside."""
        try:
            return self._begin()
        except (TypeError, ValueError):
            self._shut()
            self._suspect = True
            return self._begin()

    def _begin(self) -> Contents:
        database = self._connection()
        with database:
            previous = self._previous(database)
            database.execute(ADD_RUN, (self._run_id, 0, False))
            database.execute("DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - 16")
        rows, size, last = database.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(max(number), 0) FROM batch"
        ).fetchone()
        gaps = tuple(
            Row(number, Gap(run_id, first, end, reason))
            for number, run_id, first, end, reason in database.execute(f"{GAPS} ORDER BY number")
        )
        last = max(last, *(gap.number for gap in gaps)) if gaps else last
        return Contents(rows, size, last, gaps, previous, self.lost)

    def _previous(self, database: sqlite3.Connection) -> Previous | None:
        row = database.execute(f"{RUNS} WHERE run_id != ? ORDER BY id DESC LIMIT 1", (self._run_id,)).fetchone()
        if row is None:
            return None
        (stored,) = database.execute("SELECT coalesce(max(seq), 0) FROM batch WHERE run_id = ?", row[:1]).fetchone()
        last, clean = max(row[1], stored), bool(row[2])
        return Previous(row[0], last if last or clean else None, clean)

    def _append(self, rows: Sequence[Row]) -> None:
        if shutil.disk_usage(self.file.parent).free < KEEP_FREE:
            raise OSError(errno.ENOSPC, f"{self.file.parent}: less than {KEEP_FREE >> 20} MiB are free")
        with self._connection() as database:
            for number, record in rows:
                if isinstance(record, Item):
                    fields = (
                        number,
                        record.run_id,
                        record.seq,
                        record.taken,
                        record.kernel_boot,
                        record.topic,
                        crc(number, record),
                        record.body,
                    )
                    database.execute("INSERT OR REPLACE INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)", fields)
                    database.execute(
                        "UPDATE run SET last_seq = max(last_seq, ?) WHERE run_id = ?", (record.seq, record.run_id)
                    )
                else:
                    hole = (number, record.run_id, record.first, record.last, record.reason)
                    database.execute("INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?)", hole)

    def _delete(self, numbers: Sequence[int]) -> None:
        with self._connection() as database:
            for table in ("batch", "gap"):
                database.executemany(f"DELETE FROM {table} WHERE number = ?", [(number,) for number in numbers])

    def _scan(self, after: int, limit: int) -> list[Row]:
        found = self._connection().execute(f"{BATCHES} WHERE number > ? ORDER BY number LIMIT ?", (after, limit))
        return [Row(row[0], checked(row)) for row in found]

    def _close(self, last_seq: int) -> None:
        if self._run_id:
            with self._connection() as database:
                database.execute("UPDATE run SET last_seq = ?, clean = 1 WHERE run_id = ?", (last_seq, self._run_id))
        self._shut()

    def _shut(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    # ---- opening

    def _connection(self) -> sqlite3.Connection:
        if self._database is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._database = self._connected()
            except (*DAMAGE, Damaged) as error:
                if is_the_disks(error):
                    raise
                aside = sqlite_recovery.set_aside(self.file, self._run_id[:8] or "file")
                self._database = self._connected()
                self.salvaged = self._salvage(aside)
                facts = {"saved": self.salvaged, "lost": self.lost, "set_aside": str(aside)}
                log.error("outbox was damaged", extra={"why": str(error), **facts})
        return self._database

    def _connected(self) -> sqlite3.Connection:
        self._look_at_the_file()
        database = sqlite3.connect(self.file, timeout=PATIENCE, check_same_thread=False)
        database.text_factory = text
        try:
            self._examine(database)
        except BaseException:
            database.close()
            raise
        if self._made:
            _sync_folder(self.file.parent)
        return database

    def _look_at_the_file(self) -> None:
        if not self.file.exists():
            self._made = True
        elif self.file.is_dir():
            raise Damaged("it is a folder")
        elif self.file.stat().st_size == 0 and not self._made:
            raise Damaged("it is empty")

    def _examine(self, database: sqlite3.Connection) -> None:
        """Set the file up; it must be sound and ours, and is not touched before that is known."""
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise Damaged(f"its schema is {version}, ours is {VERSION}: another version of limpet wrote it")
        if version == 0 and database.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise Damaged("another program wrote it")
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "journal_size_limit = 1048576",
            f"max_page_count = {self._most_pages}",
        ):
            database.execute(f"PRAGMA {pragma}").fetchall()
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok" or self._suspect:
            self._suspect = False
            raise Damaged(str(verdict))
        if version == 0:
            database.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        try:
            for statement in (BATCHES, GAPS, RUNS):
                database.execute(f"{statement} LIMIT 0")
        except sqlite3.OperationalError as error:
            raise Damaged(f"its tables are not ours: {error}") from error

    def _salvage(self, aside: Path) -> int:
        """Copy every row of a damaged file that can be read and fits its CRC, and the runs; return how many rows."""
        database = self._database
        assert database is not None
        saved = 0
        with sqlite_recovery.mended(aside, most_pages=self._most_pages, keep_free=KEEP_FREE) as file:
            for row in sqlite_recovery.batches(file):
                if isinstance(item := checked(row), Item):
                    fields = (
                        row[0],
                        item.run_id,
                        item.seq,
                        item.taken,
                        item.kernel_boot,
                        item.topic,
                        row[6],
                        item.body,
                    )
                    insert = "INSERT OR IGNORE INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                    saved += database.execute(insert, fields).rowcount
            runs = sqlite_recovery.runs(file)
        if not runs:  # the batches tell which there were
            found = database.execute("SELECT run_id, max(seq), 0 FROM batch GROUP BY run_id ORDER BY max(number)")
            runs = found.fetchall()
        database.executemany(ADD_RUN, runs)
        self.lost = _declare_holes(database)
        if self._run_id:
            database.execute(ADD_RUN, (self._run_id, 0, False))
        database.commit()
        return saved


def _declare_holes(database: sqlite3.Connection) -> int:
    """Declare what is missing among the saved batches of each run as gaps; return how many batches that are.

    Up to the last one that was stored, of a run that did not end cleanly. What was acknowledged meanwhile may be among
    them: a hole too much is better than one that nobody declares.
    """
    lost, (number,) = 0, database.execute("SELECT coalesce(max(number), 0) FROM batch").fetchone()
    for run_id, last, clean in database.execute(RUNS).fetchall():
        found = [seq for (seq,) in database.execute("SELECT seq FROM batch WHERE run_id = ? ORDER BY seq", (run_id,))]
        ends = [*found, last + 1] if found and not clean and last > found[-1] else found
        for before, after in itertools.pairwise(ends):
            if after > before + 1:
                number, lost = number + 1, lost + after - before - 1
                database.execute(
                    "INSERT INTO gap VALUES (?, ?, ?, ?, ?)", (number, run_id, before + 1, after - 1, "corrupt")
                )
    return lost


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
