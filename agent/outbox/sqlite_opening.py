"""How the outbox's file is opened: checked, compared with the witness, and begun again where it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from . import files, sqlite_accounts, sqlite_recovery
from . import sqlite_rows as rows
from .runs import RunRecord
from .sqlite_accounts import Accounts
from .store import Previous
from .witness import Witness

log = logging.getLogger("limpet.outbox")

NEW = "outbox.new.db"
# Errors that another program or a full disk causes, never what is in the file.
NOT_THE_FILE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL")
# Errors that the disk may cause. They are the file's where they come again though `files.try_disk` found no fault.
PERHAPS_THE_DISK = ("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_NOMEM")


class Damaged(Exception):
    """The file is not, or no longer, what we wrote."""


def is_one_of(error: BaseException, names: Sequence[str]) -> bool:
    """Return whether an error of SQLite's is one of these, or of their subkinds."""
    return getattr(error, "sqlite_errorname", "").startswith(tuple(names))


class Begun(NamedTuple):
    """What a run begins with.

    Attributes:
        table: what the file holds of each run, with its key, oldest first; the last one is the present run.
        previous: the run before the present one.
        lost: batches that were declared because damage was found.
    """

    table: sqlite_accounts.Table
    previous: Previous | None
    lost: int


class Opening:
    """One attempt to open `file` and to begin a run in it.

    Attributes:
        begun_again: the file was set aside, and what could be read of it is in a new one.
    """

    def __init__(self, file: Path, run_id: str, max_size: int) -> None:
        self.file, self.run_id, self.max_size = file, run_id, max_size
        self.begun_again = False
        self._witness = Witness(file)
        self._witnessed: list[RunRecord] = []

    def open(self, *, suspect: bool) -> tuple[sqlite3.Connection, Begun]:
        """Return the open file, with the run begun in it, whatever state the file was in.

        `suspect`: damage has been met that the checks might not see.

        Raises:
            OSError, sqlite3.Error: the disk does not work or is full, or another program holds the file.
        """
        files.make_folder(self.file.parent)
        files.try_disk(self.file.parent)
        files.restrict(self.file.parent)
        self._witnessed = self._witness.read() or []
        new = self.file.with_name(NEW)
        if new.is_file() and not os.path.lexists(self.file):
            # A crash came between the two renames of `_begin_again`.
            new.rename(self.file)
        try:
            database, begun = self._checked_twice(suspect)
        except Damaged as error:
            begun = self._begin_again(str(error))
            database = self._connected(suspect=False)
        try:
            # From here on a lost log costs no more than this run's own rows.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._witness.write([run for _, run in begun.table.values()])
        except BaseException:
            database.close()
            raise
        return database, begun

    def _checked_twice(self, suspect: bool) -> tuple[sqlite3.Connection, Begun]:
        """Return the file, open. An error that the disk may have caused is the file's if it comes again."""
        try:
            return self._checked(suspect)
        except sqlite3.Error as error:
            if not is_one_of(error, PERHAPS_THE_DISK):
                raise
        try:
            return self._checked(suspect)
        except sqlite3.Error as error:
            if not is_one_of(error, PERHAPS_THE_DISK):
                raise
            raise Damaged(str(error)) from error

    def _checked(self, suspect: bool) -> tuple[sqlite3.Connection, Begun]:
        """Return the file, open, if it is sound and ours; it is not touched before that is known.

        Raises:
            Damaged: it is not.
        """
        if not files.parts(self.file):
            raise Damaged("it is gone")
        for part in files.parts(self.file):
            # A fifo, a device or a folder must not even be opened.
            if not part.is_file():
                raise Damaged(f"{part.name} is no file")
        if not self.file.exists() or self.file.stat().st_size == 0:
            raise Damaged("it is empty")
        database = self._connected(suspect)
        try:
            with _named():
                return database, self._begin(database, sqlite_accounts.read(database))
        except BaseException:
            database.close()
            raise

    def _connected(self, suspect: bool) -> sqlite3.Connection:
        database = rows.connect(self.file)
        try:
            with _named():
                self._examine(database, suspect)
        except BaseException:
            database.close()
            raise
        return database

    def _examine(self, database: sqlite3.Connection, suspect: bool) -> None:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != rows.VERSION:
            raise Damaged(f"its schema is {version}, ours is {rows.VERSION}: another version or program wrote it")
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "journal_size_limit = 1048576",
            f"max_page_count = {files.most_pages(self.max_size)}",
        ):
            database.execute(f"PRAGMA {pragma}").fetchall()
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok" or suspect:
            raise Damaged(str(found))
        tables = database.execute("SELECT sql FROM sqlite_master ORDER BY rowid").fetchall()
        if [sql for (sql,) in tables] != list(rows.TABLES):
            raise Damaged("its tables are not ours")

    # --- the run

    def _begin(self, database: sqlite3.Connection, accounts: Accounts, why: str | None = None) -> Begun:
        """Begin the run in the tables. Where they do not hold what they should, declare what is missing."""
        lost, in_place = 0, why is None
        why = why or accounts.what_is_missing(self._witnessed)
        with database:
            known = list(accounts.runs.values())
            if why is not None:
                known, lost = sqlite_accounts.settle(database, accounts, self._witnessed)
            earlier = [run for run in known if run.run_id != self.run_id]
            own = [run for run in known if run.run_id == self.run_id]
            table = sqlite_accounts.write_runs(database, earlier + (own or [RunRecord(self.run_id)]))
        if why is not None and in_place:
            log.error("outbox was damaged", extra={"why": why, "lost": lost})
        # A file always holds a run: where it tells of none, there was one of which nothing is known.
        previous = _ended(earlier[-1]) if earlier else None if own else Previous(None, None, False)
        return Begun(table, previous, lost)

    def _begin_again(self, why: str) -> Begun:
        """Put what can be read of the file into a new one, which takes its place; begin the run there."""
        new, there = self.file.with_name(NEW), files.parts(self.file)
        for part in files.parts(new):
            files.remove(part)
        first_start = not there and not self._witness.exists()
        files.create(new)
        with contextlib.closing(rows.connect(new)) as database:
            for table in rows.TABLES:
                database.execute(table)
            saved, accounts = 0, Accounts()
            if self.file.is_file() or Path(f"{self.file}-wal").is_file():
                saved, accounts = sqlite_recovery.salvaged(self.file, database, self.max_size)
            begun = self._begin(database, accounts, None if first_start else why)
            database.execute(f"PRAGMA user_version = {rows.VERSION}")
        facts: dict[str, object] = {"why": why, "saved": saved, "lost": begun.lost}
        if there:
            facts["set_aside"] = str(files.set_aside(self.file, self.run_id[:8], 2 * self.max_size))
        # The witness, which is written next, has the folder synced.
        new.rename(self.file)
        if first_start:
            return Begun(begun.table, None, 0)
        log.error("outbox was damaged", extra=facts)
        self.begun_again = True
        return begun


def _ended(run: RunRecord) -> Previous:
    return Previous(run.run_id, run.last if run.last or run.clean else None, run.clean)


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Raise Damaged for what only the content of the file can have caused."""
    try:
        yield
    except rows.DAMAGE as error:
        if is_one_of(error, (*NOT_THE_FILE, *PERHAPS_THE_DISK)):
            raise
        raise Damaged(str(error)) from error
