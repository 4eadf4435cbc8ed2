"""The tables of the outbox's file, whether a row of them is still what was written, and whose fault an error is."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from typing import Any

from .store import Gap, Item

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY, boot TEXT NOT NULL, seq INTEGER NOT NULL, taken REAL NOT NULL,
    machine TEXT NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gap (
    number INTEGER PRIMARY KEY, boot TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE, last_seq INTEGER NOT NULL, clean INTEGER NOT NULL);
"""
BATCHES = "SELECT number, boot, seq, taken, machine, crc, body FROM batch"
BATCH_COLUMNS = 7
GAPS = "SELECT number, boot, first, last, reason FROM gap"
RUNS = "SELECT boot, last_seq, clean FROM run"
DAMAGE = (sqlite3.Error, UnicodeError)  # the module decodes SQLite's messages, which may quote damaged text
DISK = ("FULL", "IOERR", "READONLY", "CANTOPEN", "PERM", "BUSY", "LOCKED", "NOMEM")


def crc(number: int, item: Item) -> int:
    """Return the check of a batch under its row's number."""
    head = f"{number} {item.boot} {item.seq} {item.taken!r} {item.machine} ".encode()
    return zlib.crc32(item.body, zlib.crc32(head))


def checked(row: tuple[Any, ...]) -> Item | Gap:
    """Return the batch of a row, or the gap that it is when its CRC does not fit."""
    number, boot, seq, taken, machine, check, body = row
    with contextlib.suppress(TypeError, ValueError):
        item = Item(str(boot), int(seq), float(taken), str(machine), bytes(body))
        if crc(number, item) == check:
            return item
    seq = seq if isinstance(seq, int) else 0
    return Gap(str(boot), seq, seq, "corrupt")


def text(content: bytes) -> str:
    """Return a column's text, also where a bit has flipped; the CRC tells."""
    return content.decode(errors="replace")


def is_the_disks(error: BaseException) -> bool:
    """Tell whether the disk (full, failing, not writable, in use) is at fault, and not what is in the file."""
    name: str = getattr(error, "sqlite_errorname", "")
    return name.startswith(tuple(f"SQLITE_{one}" for one in DISK))
