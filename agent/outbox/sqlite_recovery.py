"""What can still be read of a damaged file: through SQLite from a mended copy, and page by page where that fails."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import files, sqlite_pages
from . import sqlite_rows as rows
from .sqlite_accounts import Accounts
from .store import Item

MAGIC = b"SQLite format 3\0"
COPY = "outbox.salvage.db"
# Bytes left to the rest of the machine.
KEEP_FREE = 8 * 1024 * 1024


def salvaged(file: Path, database: sqlite3.Connection, max_size: int) -> tuple[int, Accounts]:
    """Copy each batch and gap of `file` that fits its check into `database`.

    Return how many batches that were, and what the file says of the runs.
    """
    saved, accounts = 0, Accounts()
    with mended(file, max_size) as copy:
        for row in map(rows.restored, _rows(copy, rows.BATCHES, rows.BATCH_COLUMNS, max_size)):
            if isinstance(rows.batch(row), Item):
                saved += database.execute(rows.ADD_BATCH, row).rowcount
        for row in _rows(copy, rows.GAPS, rows.GAP_COLUMNS, max_size):
            if rows.gap(row) is not None:
                database.execute(rows.ADD_GAP, row)
        runs = _rows(copy, rows.RUNS, rows.RUN_COLUMNS, max_size)
        found = {row[0]: run for row in runs if (run := rows.run(row)) is not None}
    accounts.runs = {found[key].run_id: found[key] for key in sorted(found)}
    return saved, accounts


def _rows(file: Path, query: str, columns: int, max_size: int) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table that can be read, some of them twice; check each."""
    with contextlib.suppress(*rows.DAMAGE), contextlib.closing(rows.connect(file)) as damaged:
        yield from damaged.execute(query)
    # Closing has moved the log into the file, unless it cannot be opened at all.
    with contextlib.suppress(OSError):
        yield from sqlite_pages.records(file, columns, files.most_pages(max_size))


@contextlib.contextmanager
def mended(file: Path, max_size: int) -> Iterator[Path]:
    """Lend a copy of `file` that SQLite opens if it can: the first bytes right, and as long as its header says.

    Where a copy would leave less than `KEEP_FREE` bytes on the disk, or the file is larger than any of ours, it is lent
    itself.
    """
    copy = file.with_name(COPY)
    for left_over in files.parts(copy):
        files.remove(left_over)
    try:
        try:
            _mend(file, copy, max_size)
            lent = copy
        except OSError:
            lent = file
        yield lent
    finally:
        for part in files.parts(copy):
            files.remove(part)


def _mend(file: Path, copy: Path, max_size: int) -> None:
    parts = [(Path(f"{file}{suffix}"), Path(f"{copy}{suffix}")) for suffix in ("", "-wal")]
    parts = [(part, its_copy) for part, its_copy in parts if part.is_file()]
    size = sum(part.stat().st_size for part, _ in parts)
    if size > 2 * files.most_pages(max_size) * sqlite_pages.USUAL_PAGE:
        raise OSError(errno.EFBIG, f"{file}: too large to be ours")
    if files.free(file.parent) < size + KEEP_FREE:
        raise OSError(errno.ENOSPC, f"{file.parent}: no room for a copy")
    import shutil

    files.create(copy)
    for part, its_copy in parts:
        files.create(its_copy)
        shutil.copyfile(part, its_copy)
    with copy.open("r+b") as opened:
        header = opened.read(100)
        opened.seek(0)
        opened.write(MAGIC)
        size = opened.seek(0, os.SEEK_END)
        pages = max(1, min(sqlite_pages.page_count(header), files.most_pages(max_size)))
        # A hole in the file: it takes no room.
        opened.truncate(max(size, pages * sqlite_pages.page_size(header)))
