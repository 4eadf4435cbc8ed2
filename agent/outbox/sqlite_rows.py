"""The tables of the outbox's file, and whether a row of them is still what was written."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path
from typing import Any

from .runs import RunRecord
from .store import Gap, Item, Row

VERSION = 2
# There is no index: the tables are read in the order of their keys, and SQLite's quick check does not compare an index
# with its table.
TABLES = (
    "CREATE TABLE batch (number INTEGER PRIMARY KEY, run_id TEXT NOT NULL, seq INTEGER NOT NULL, taken REAL NOT NULL, "
    "kernel_boot TEXT NOT NULL, topic TEXT NOT NULL, head INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE gap (number INTEGER PRIMARY KEY, run_id TEXT NOT NULL, first INTEGER NOT NULL, "
    "last INTEGER NOT NULL, reason TEXT NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE run (id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, "
    "rows INTEGER NOT NULL, clean INTEGER NOT NULL, crc INTEGER NOT NULL)",
)
HEADS = "SELECT number, run_id, seq, taken, kernel_boot, topic, head FROM batch"
BATCHES = "SELECT number, run_id, seq, taken, kernel_boot, topic, head, crc, body FROM batch"
GAPS = "SELECT number, run_id, first, last, reason, crc FROM gap"
RUNS = "SELECT id, run_id, first, last, rows, clean, crc FROM run"
BATCH_COLUMNS, GAP_COLUMNS, RUN_COLUMNS = 9, 6, 7
ADD_BATCH = "INSERT OR IGNORE INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
ADD_GAP = "INSERT OR IGNORE INTO gap VALUES (?, ?, ?, ?, ?, ?)"
PUT_RUN = "INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?)"


# Seconds for another program's lock: nothing else may wait for it.
LOCK_TIMEOUT = 1.0
# A length that a damage has made must not be believed.
LARGEST_VALUE = 64 * 1024 * 1024
# What SQLite raises over a damaged file, and what nonsense in its rows leads to: messages may quote damaged text.
DAMAGE = (sqlite3.Error, UnicodeError, TypeError, ValueError, OverflowError)


def connect(file: Path) -> sqlite3.Connection:
    """Return a connection whose values cannot be absurdly long, and whose text may be damaged: the checks tell."""
    database = sqlite3.connect(file, timeout=LOCK_TIMEOUT, check_same_thread=False)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
    database.text_factory = text
    return database


def _check(*values: object) -> int:
    return zlib.crc32(" ".join(map(repr, values)).encode())


def batch_row(number: int, item: Item) -> tuple[Any, ...]:
    """Return the columns of a batch. `head` checks all but the body, `crc` the body, too."""
    columns = number, item.run_id, item.seq, float(item.taken), item.kernel_boot, item.topic
    check = _check(*columns)
    return *columns, check, zlib.crc32(item.body, check), item.body


def gap_row(number: int, gap: Gap) -> tuple[Any, ...]:
    """Return the columns of a gap."""
    columns = number, gap.run_id, gap.first, gap.last, gap.reason
    return *columns, _check(*columns)


def run_row(number: int, run: RunRecord) -> tuple[Any, ...]:
    """Return the columns of a run."""
    columns = number, run.run_id, run.first, run.last, run.rows, int(run.clean)
    return *columns, _check(*columns)


def restored(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the columns of a batch read from a page as SQLite returns them: it writes a whole REAL as an integer."""
    return (*row[:3], float(row[3]), *row[4:]) if isinstance(row[3], int) else row


def head(row: tuple[Any, ...]) -> str | None:
    """Return the run of a batch, None if anything of it but the body is damaged; `row` may end before the body."""
    return str(row[1]) if _check(*row[:6]) == row[6] else None


def batch(row: tuple[Any, ...]) -> Item | Gap | None:
    """Return the batch of a row; the gap that it is if its body is damaged; None if nothing of it can be believed."""
    if head(row) is None:
        return None
    _, run_id, seq, taken, kernel_boot, topic, check, crc, body = row
    if isinstance(body, bytes) and zlib.crc32(body, check) == crc:
        return Item(run_id, seq, taken, kernel_boot, body, topic)
    return Gap(run_id, seq, seq, "corrupt")


def gap(row: tuple[Any, ...]) -> Row | None:
    """Return the gap of a row, None if it is damaged."""
    return Row(row[0], Gap(*row[1:5])) if _check(*row[:5]) == row[5] else None


def run(row: tuple[Any, ...]) -> RunRecord | None:
    """Return the run of a row, None if it is damaged."""
    _, run_id, first, last, count, clean, check = row
    return RunRecord(run_id, first, last, count, bool(clean)) if _check(*row[:6]) == check else None


def text(content: bytes) -> str:
    """Return a column's text, also where a bit has flipped; the check tells."""
    return content.decode(errors="replace")
