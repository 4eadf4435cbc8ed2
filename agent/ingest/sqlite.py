"""SQLite: one file, no server. Several workers may share it; each waits for the others' transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from .database import RUNS, DatabaseError, DatabaseRefused, NoTables, RunRow
from .harvest import Harvest
from .storing import Row, store
from .tables import TableShape, ddl, names

# Seconds to wait for another worker's transaction, and for how long at once: SQLite itself waits deaf to signals.
BUSY, AT_ONCE = 5.0, 0.2
# The interval that begins at or before the first number, and all that begin later. Intervals never overlap, so no other
# can matter, and both are found by the key: a run of which each second batch was given up has a hundred thousand.
_NEAR = """SELECT * FROM (SELECT device_id, boot_id, kind, "from", "to" FROM ledger
    WHERE device_id = :device AND boot_id = :boot AND kind = :kind AND "from" <= :first ORDER BY "from" DESC LIMIT 1)
    UNION ALL SELECT device_id, boot_id, kind, "from", "to" FROM ledger
    WHERE device_id = :device AND boot_id = :boot AND kind = :kind AND "from" > :first AND "from" <= :after"""


class Sqlite:
    """A `Database` in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    def open(self) -> None:
        """Open the file, or make it."""
        if self._connection is not None:
            if self._opened == _identity(self._file):
                return
            # It was removed, or replaced by another one: what is written to the open one would be lost.
            self.close()
        try:
            connection = sqlite3.connect(self._file, timeout=AT_ONCE, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise DatabaseError(f"{self._file}: {error}") from error
        try:
            _in_turn(connection, "PRAGMA journal_mode = WAL")
            # What was acknowledged must be there after a power cut, too.
            connection.execute("PRAGMA synchronous = FULL")
            _in_turn(connection, "BEGIN IMMEDIATE")
            for statement in ddl("sqlite").split(";"):
                connection.execute(statement)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            connection.close()
            raise DatabaseError(f"{self._file}: {error}") from error
        self._connection, self._opened = connection, _identity(self._file)

    def store(self, harvest: Harvest, now: str) -> None:
        """Store all of it, or nothing."""
        self.open()
        connection = self._connection
        assert connection is not None
        try:
            _in_turn(connection, "BEGIN IMMEDIATE")
            store(_Open(connection), harvest, now)
            connection.execute("COMMIT")
        except BaseException as error:
            self._undo(connection)
            if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | OverflowError | ValueError):
                raise DatabaseRefused(str(error)) from error
            if isinstance(error, sqlite3.Error):
                # The file may be another one by now, or whole again.
                self.close()
                raise DatabaseError(f"{self._file}: {error}") from error
            raise

    def runs(self) -> Iterable[RunRow]:
        """Return what is known of all runs."""
        if not self._file.exists():
            raise NoTables(f"there is no {self._file}")
        try:
            # Not read-only: the WAL of a worker that was killed has to be taken up.
            connection = sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY)
            try:
                return [RunRow(*row) for row in connection.execute(RUNS)]
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            kind = NoTables if "no such table" in str(error) else DatabaseError
            raise kind(f"{self._file}: {error}") from error
        except sqlite3.Error as error:
            raise DatabaseError(f"{self._file}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _undo(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()


def _in_turn(connection: sqlite3.Connection, statement: str) -> None:
    """Execute a statement that may have to wait for another worker's transaction."""
    for _ in range(round(BUSY / AT_ONCE)):
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
    connection.execute(statement)


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one of its name; None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _Open:
    """A transaction of SQLite's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, table: TableShape, rows: Sequence[Row], more: str = "DO NOTHING") -> None:
        if not rows:
            return
        columns = names(tuple(column.name for column in table.columns))
        marks = ", ".join("?" * len(table.columns))
        conflict = f" ON CONFLICT {more}" if table.key else ""
        self._connection.executemany(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks}){conflict}', rows)

    def near(self, wanted: Sequence[tuple[str, str, str, int, int]]) -> Iterable[tuple[str, str, str, int, int]]:
        for device, boot, kind, first, last in wanted:
            # One more than the highest integer is none.
            after = min(last, 2**63 - 2) + 1
            values = {"device": device, "boot": boot, "kind": kind, "first": first, "after": after}
            yield from self._connection.execute(_NEAR, values).fetchall()

    def each(self, statement: str, rows: Sequence[Row]) -> None:
        if rows:
            self._connection.executemany(statement, rows)
