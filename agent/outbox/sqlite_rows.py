"""The tables of the outbox's file, whether a row of them is still what was written, and whose fault an error is."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from typing import Any

from .store import Gap, Item

VERSION = 2
SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY, run_id TEXT NOT NULL, seq INTEGER NOT NULL, taken REAL NOT NULL,
    kernel_boot TEXT NOT NULL, topic TEXT NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gap (
    number INTEGER PRIMARY KEY, run_id TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, last_seq INTEGER NOT NULL, clean INTEGER NOT NULL);
"""
BATCHES = "SELECT number, run_id, seq, taken, kernel_boot, topic, crc, body FROM batch"
BATCH_COLUMNS = 8
GAPS = "SELECT number, run_id, first, last, reason FROM gap"
RUNS = "SELECT run_id, last_seq, clean FROM run"
DAMAGE = (sqlite3.Error, UnicodeError)  # the module decodes SQLite's messages, which may quote damaged text
DISK = ("FULL", "IOERR", "READONLY", "CANTOPEN", "PERM", "BUSY", "LOCKED", "NOMEM")


def crc(number: int, item: Item) -> int:
    """Return the check of a batch under its row's number."""
    head = f"{number} {item.run_id} {item.seq} {item.taken!r} {item.kernel_boot} {item.topic} ".encode()
    return zlib.crc32(item.body, zlib.crc32(head))


def checked(row: tuple[Any, ...]) -> Item | Gap:
    """Return the batch of a row, or the gap that it is when its CRC does not fit."""
    number, run_id, seq, taken, kernel_boot, topic, check, body = row
    with contextlib.suppress(TypeError, ValueError):
        item = Item(str(run_id), int(seq), float(taken), str(kernel_boot), bytes(body), str(topic))
        if crc(number, item) == check:
            return item
    seq = seq if isinstance(seq, int) else 0
    return Gap(str(run_id), seq, seq, "corrupt")


def text(content: bytes) -> str:
    """Return a column's text, also where a bit has flipped; the CRC tells."""
    return content.decode(errors="replace")


def is_the_disks(error: BaseException) -> bool:
    """Tell whether the disk (full, failing, not writable, in use) is at fault, and not what is in the file."""
    name: str = getattr(error, "sqlite_errorname", "")
    return name.startswith(tuple(f"SQLITE_{one}" for one in DISK))
