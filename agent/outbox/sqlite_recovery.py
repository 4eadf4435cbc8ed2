"""What can still be read of a damaged file: through SQLite from a mended copy, and page by page where that fails."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import sqlite_pages
from .sqlite_rows import BATCH_COLUMNS, BATCHES, DAMAGE, RUNS, text

MAGIC = b"SQLite format 3\0"


def set_aside(file: Path, mark: str) -> Path:
    """Rename the file and what belongs to it; an older one with the same mark is overwritten. Return its new name."""
    aside = file.with_name(f"outbox.corrupt-{mark}.db")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{file}{suffix}").replace(f"{aside}{suffix}")
    return aside


@contextlib.contextmanager
def mended(file: Path, *, most_pages: int, keep_free: int) -> Iterator[Path]:
    """Lend a copy of `file` that SQLite opens if it can: the first bytes right, and as long as its header says.

    Where a copy of at most `most_pages` would not leave `keep_free` bytes on the disk, the file itself is lent.
    """
    copy = file.with_name("outbox.salvage.db")
    try:
        try:
            _mend(file, copy, most_pages, keep_free)
            lent = copy
        except OSError:
            lent = file
        yield lent
    finally:
        _remove(copy)


def _mend(file: Path, copy: Path, most_pages: int, keep_free: int) -> None:
    _remove(copy)
    parts = [(Path(f"{file}{suffix}"), Path(f"{copy}{suffix}")) for suffix in ("", "-wal")]
    needed = sum(part.stat().st_size for part, _ in parts if part.exists())
    if shutil.disk_usage(file.parent).free < needed + keep_free:
        raise OSError(errno.ENOSPC, f"{file.parent}: no room for a copy")
    for part, its_copy in parts:
        if part.exists():
            shutil.copyfile(part, its_copy)
    with copy.open("r+b") as opened:
        header = opened.read(100)
        opened.seek(0)
        opened.write(MAGIC)
        size = opened.seek(0, os.SEEK_END)
        wanted = max(1, min(sqlite_pages.page_count(header), most_pages)) * sqlite_pages.page_size(header)
        opened.truncate(max(size, wanted))  # a hole in the file: it takes no room


def _remove(copy: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            Path(f"{copy}{suffix}").unlink()


def batches(file: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the table `batch` that can be read, some of them twice; check each."""
    with contextlib.suppress(*DAMAGE), contextlib.closing(sqlite3.connect(file)) as damaged:
        damaged.text_factory = text
        yield from damaged.execute(f"{BATCHES} ORDER BY number")
    # closing has moved the log into the file
    with contextlib.suppress(OSError):
        yield from sqlite_pages.records(file, BATCH_COLUMNS)


def runs(file: Path) -> list[tuple[str, int, bool]]:
    """Return run id, last number and end of each run, oldest first; nothing if not all of them can be read."""
    found: list[tuple[Any, ...]] = []
    with contextlib.suppress(*DAMAGE), contextlib.closing(sqlite3.connect(file)) as damaged:
        damaged.text_factory = text
        found = damaged.execute(f"{RUNS} ORDER BY id").fetchall()
    sound = all(isinstance(run_id, str) and isinstance(last, int) and clean in (0, 1) for run_id, last, clean in found)
    return [(run_id, last, bool(clean)) for run_id, last, clean in found] if sound else []
