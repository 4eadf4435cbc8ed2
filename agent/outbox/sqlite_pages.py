"""The records in an SQLite file, read without SQLite: page by page, however broken the trees above them are.

Source: "Database File Format", https://www.sqlite.org/fileformat2.html. Sections below are those of that page.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PAGE_SIZE_AT, PAGES_AT, FREELIST_AT = 16, 28, 32  # §1.3
USUAL_PAGE = 4096
TABLE_LEAF = 0x0D  # §1.6
LARGEST = 4 * 1024 * 1024  # bytes of a record that is believed
INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type -> bytes; §2.1
BROKEN = (struct.error, IndexError, ValueError)
Reader = Callable[[int], bytes]


def page_size(header: bytes) -> int:
    """Return the bytes of a page; the usual number if the header makes no sense."""
    size = int.from_bytes(header[PAGE_SIZE_AT : PAGE_SIZE_AT + 2], "big")
    return size if size in (512, 1024, 2048, 4096, 8192, 16384, 32768) else USUAL_PAGE


def page_count(header: bytes) -> int:
    """Return how many pages there should be."""
    return int.from_bytes(header[PAGES_AT : PAGES_AT + 4], "big")


def records(file: Path, columns: int, most_pages: int) -> Iterator[tuple[Any, ...]]:
    """Yield each record with `columns` columns that is on a page in use, with its row id in place of the first one.

    What is damaged comes as nonsense or not at all: check it. Pages beyond `most_pages` are not looked at.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb") as opened:
        header = opened.read(100)
        size = page_size(header)

        def read(number: int) -> bytes:
            opened.seek((number - 1) * size)  # ValueError for page 0, which ends a chain
            return opened.read(size).ljust(size, b"\0")

        free = _free(read, header)
        for number in range(2, min(file.stat().st_size // size, most_pages) + 2):
            if number not in free and (page := read(number))[0] == TABLE_LEAF:
                yield from (record for record in _leaf(page, read) if len(record) == columns)


def _free(read: Reader, header: bytes) -> set[int]:
    """Return the pages that are not in use (§1.5): what was deleted still stands there."""
    free: set[int] = set()
    with contextlib.suppress(*BROKEN):
        (trunk,) = struct.unpack_from(">I", header, FREELIST_AT)
        while trunk and trunk not in free:
            page = read(trunk)
            after, leaves = struct.unpack_from(">II", page)
            free.update((trunk, *struct.unpack_from(f">{min(leaves, len(page) // 4 - 2)}I", page, 8)))
            trunk = after
    return free


def _leaf(page: bytes, read: Reader) -> Iterator[tuple[Any, ...]]:
    """Yield the records of a table's leaf page (§1.6)."""
    (cells,) = struct.unpack_from(">H", page, 3)
    for index in range(min(cells, len(page) // 2 - 4)):
        with contextlib.suppress(*BROKEN):
            (at,) = struct.unpack_from(">H", page, 8 + 2 * index)
            length, at = _varint(page, at)
            number, at = _varint(page, at)
            yield (number, *_values(_payload(page, at, length, read))[1:])


def _payload(page: bytes, at: int, length: int, read: Reader) -> bytes:
    """Return a cell's payload, whose end is on overflow pages if it is long (§1.6, §1.7)."""
    if length > LARGEST:
        raise ValueError("no record of ours")
    size, here = len(page), length
    if length > size - 35:
        least = (size - 12) * 32 // 255 - 23
        here = least + (length - least) % (size - 4)
        here = here if here <= size - 35 else least
    payload = page[at : at + here]
    more = page[at + here : at + here + 4]
    while len(payload) < length:
        overflow = read(int.from_bytes(more, "big"))
        payload += overflow[4 : 4 + length - len(payload)]
        more = overflow[:4]
    return payload


def _values(record: bytes) -> list[Any]:
    """Return the columns of a record (§2.1)."""
    at, kinds, values = 0, [], []
    end, at = _varint(record, at)
    while at < end:
        kind, at = _varint(record, at)
        kinds.append(kind)
    for kind in kinds:
        value, at = _value(kind, record, at)
        values.append(value)
    return values


def _value(kind: int, record: bytes, at: int) -> tuple[Any, int]:
    if kind in (0, 8, 9):
        return {0: None, 8: 0, 9: 1}[kind], at
    if kind in INTEGERS:
        end = at + INTEGERS[kind]
        return int.from_bytes(record[at:end], "big", signed=True), end
    if kind == 7:
        return struct.unpack_from(">d", record, at)[0], at + 8
    if kind < 12:
        raise ValueError(f"there is no serial type {kind}")
    end = at + (kind - 12) // 2
    return (record[at:end].decode(errors="replace") if kind % 2 else record[at:end]), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(at, at + 8):
        value = value << 7 | data[index] & 0x7F
        if data[index] < 0x80:
            return value, index + 1
    return value << 8 | data[at + 8], at + 9
