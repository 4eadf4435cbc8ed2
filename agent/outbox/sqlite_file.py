"""The outbox's file at work: rows come and go, and the table of runs says how many there are.

Write-ahead log with synchronous=FULL: a commit is on the card when `append` returns. Every row carries a checksum,
because SQLite's own check does not see a flipped bit in a value.
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from . import files
from . import sqlite_rows as rows
from .runs import RunRecord
from .sqlite_opening import NOT_THE_FILE, PERHAPS_THE_DISK, Begun, Damaged, Opening, is_one_of
from .store import Contents, Item, Row
from .witness import Witness

T = TypeVar("T")

# Bytes left to the rest of the machine. SQLite cannot delete its way out of a full disk.
KEEP_FREE = 8 * 1024 * 1024


class SqliteFile:
    """`folder`/outbox.db. Only one thread at a time uses it."""

    def __init__(self, folder: Path, max_size: int) -> None:
        self.file, self.max_size = folder / "outbox.db", max_size
        self._run_id = ""
        self._database: sqlite3.Connection | None = None
        self._begun = Begun({}, None, 0)
        self._lost = 0
        # Damage was met that the checks at opening might not see.
        self._suspect = False
        # Which file is open: a name may come to mean another one, or none.
        self._identity: tuple[int, int] | None = None
        # The caller knows what is in the file.
        self._known = False

    # --- what a store does

    def open(self, run_id: str) -> Contents:
        """Begin the run; where it has begun, return what the file holds now."""
        self._run_id, self._known = run_id, False
        database = self._connection()
        items, size, last = database.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(max(number), 0) FROM batch"
        ).fetchone()
        gaps = tuple(found for row in database.execute(f"{rows.GAPS} ORDER BY number") if (found := rows.gap(row)))
        self._known = True
        lost, self._lost = self._lost, 0
        return Contents(items, size, max(last, *(gap.number for gap in gaps), 0), gaps, self._begun.previous, lost)

    def append(self, records: Sequence[Row]) -> None:
        """Keep all rows, or none."""
        if files.free(self.file.parent) < KEEP_FREE:
            raise OSError(errno.ENOSPC, f"{self.file.parent}: less than {KEEP_FREE >> 20} MiB are free")
        changed: dict[str, RunRecord] = {}
        with self._connection() as database:
            self._check_place()
            for number, record in records:
                if isinstance(record, Item):
                    self._remove(database, "batch", number, changed)
                    database.execute(rows.ADD_BATCH, rows.batch_row(number, record))
                    first = last = record.seq
                else:
                    self._remove(database, "gap", number, changed)
                    database.execute(rows.ADD_GAP, rows.gap_row(number, record))
                    first, last = record.first, record.last
                changed[record.run_id] = self._run(record.run_id, changed).stored(first, last)
            table = self._write(database, changed)
        self._begun.table.update(table)

    def delete(self, numbers: Sequence[int]) -> None:
        """Forget these rows."""
        changed: dict[str, RunRecord] = {}
        with self._connection() as database:
            for number in numbers:
                for table in ("batch", "gap"):
                    self._remove(database, table, number, changed)
            _advance(database, changed)
            written = self._write(database, changed)
        self._begun.table.update(written)
        if any(run.rows == 0 and run.run_id != self._run_id for run in changed.values()):
            self._testify()

    def scan(self, after: int, limit: int) -> list[Row]:
        """Return up to `limit` batches with a greater number; one whose body is damaged as the gap that it is."""
        query = f"{rows.BATCHES} WHERE number > ? ORDER BY number LIMIT ?"
        found = []
        for row in self._connection().execute(query, (after, limit)):
            if (record := rows.batch(row)) is None:
                raise Damaged(f"of the batch in row {row[0]} nothing can be believed")
            found.append(Row(row[0], record))
        return found

    def close(self, last_seq: int | None) -> None:
        """Note that the run ended cleanly, unless `last_seq` is None, and close the file."""
        if self._run_id and last_seq is not None:
            with self._connection() as database:
                run = self._run(self._run_id, {})
                first = run.first if run.rows else last_seq + 1
                ended = {run.run_id: run._replace(first=first, last=last_seq, clean=True)}
                table = self._write(database, ended)
            self._begun.table.update(table)
            self.shut()
            self._testify()
        self.shut()

    def shut(self) -> None:
        """Close the file; the next call opens and checks it again."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def guarded(self, work: Callable[[], T]) -> T:
        """Do some work, and turn what SQLite raises into OSError; after that the file is closed."""
        try:
            return work()
        except (sqlite3.Error, UnicodeError, Damaged) as error:
            with contextlib.suppress(sqlite3.Error):
                self.shut()
            self._suspect = self._suspect or not is_one_of(error, (*NOT_THE_FILE, *PERHAPS_THE_DISK))
            name = getattr(error, "sqlite_errorname", "")
            number = {"SQLITE_FULL": errno.ENOSPC, "SQLITE_READONLY": errno.EROFS}.get(name, errno.EIO)
            raise OSError(number, f"{self.file}: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        if self._database is None:
            opening = Opening(self.file, self._run_id, self.max_size)
            self._database, self._begun = opening.open(suspect=self._suspect)
            self._suspect, self._identity = False, _identity(self.file)
            self._lost += self._begun.lost
            if self._known and opening.begun_again:
                self._known = False
                raise OSError(errno.ESTALE, f"{self.file}: it was damaged and has been begun again")
        return self._database

    def _check_place(self) -> None:
        if _identity(self.file) != self._identity:
            raise Damaged("it is gone, or another file is in its place")

    # --- the table of runs

    def _run(self, run_id: str, changed: dict[str, RunRecord]) -> RunRecord:
        if run_id in changed:
            return changed[run_id]
        return self._begun.table[run_id][1] if run_id in self._begun.table else RunRecord(run_id)

    def _remove(self, database: sqlite3.Connection, table: str, number: int, changed: dict[str, RunRecord]) -> None:
        gone = database.execute(f"DELETE FROM {table} WHERE number = ? RETURNING run_id", (number,))
        for (run_id,) in gone.fetchall():
            changed[run_id] = self._run(run_id, changed).deleted()

    def _write(self, database: sqlite3.Connection, changed: dict[str, RunRecord]) -> dict[str, tuple[int, RunRecord]]:
        """Write runs into the table, under the keys that they have; return them with these."""
        table = self._begun.table
        # A run that is not in the table was given up as forgotten; it is older than all others.
        least = min((key for key, _ in table.values()), default=1)
        new = (key for key in range(least - 1, least - 1 - len(changed), -1))
        written = {run_id: (table[run_id][0] if run_id in table else next(new), run) for run_id, run in changed.items()}
        database.executemany(rows.PUT_RUN, [rows.run_row(key, run) for key, run in written.values()])
        return written

    def _testify(self) -> None:
        """Have the witness know of which runs something waits, and how this one goes."""
        table = sorted(self._begun.table.values(), key=lambda keyed: keyed[0])
        witness = Witness(self.file)
        witness.read()
        witness.write([run for _, run in table])


def _identity(file: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = file.stat()
        return found.st_dev, found.st_ino
    return None


def _advance(database: sqlite3.Connection, changed: dict[str, RunRecord]) -> None:
    """Move `first` of the run that the oldest batch belongs to: batches leave oldest first, run after run."""
    oldest = database.execute("SELECT run_id, seq FROM batch ORDER BY number LIMIT 1").fetchone()
    if oldest is not None and oldest[0] in changed:
        run_id, seq = oldest
        (gap,) = database.execute("SELECT min(first) FROM gap WHERE run_id = ?", (run_id,)).fetchone()
        changed[run_id] = changed[run_id]._replace(first=min(seq, gap or seq))
