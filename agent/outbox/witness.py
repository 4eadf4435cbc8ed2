"""A few lines beside the database that tell, when it is lost, which runs there were and what of them waited.

Written when a run begins, when the last batch of an earlier one has left, and when it ends; see decision 0010.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

from .files import MODE, remove, sync_folder
from .runs import RunRecord

# Beside the database and named after it, as SQLite does it, so that who moves one moves all.
SUFFIXES = ("-witness", "-witness2")
TITLE = "limpet outbox witness 1"
# No file of ours is larger; whatever is in its place must not be read into memory.
LARGEST = 1024 * 1024


class Witness:
    """Two copies of one text beside a database, each with a check of its own and a serial number."""

    def __init__(self, database: Path) -> None:
        self._copies = [Path(f"{database}{suffix}") for suffix in SUFFIXES]
        self._serial = 0

    def read(self) -> list[RunRecord] | None:
        """Return the runs of the newest sound copy, oldest first; None if there is none."""
        sound = [found for copy in self._copies if (found := _parsed(_content(copy))) is not None]
        if not sound:
            return None
        self._serial, runs = max(sound, key=lambda found: found[0])
        return runs

    def exists(self) -> bool:
        """Return whether there is any copy, sound or not."""
        return any(os.path.lexists(copy) for copy in self._copies)

    def write(self, runs: Sequence[RunRecord]) -> None:
        """Replace both copies, one after the other. The last run is the present one; of others, what waits counts.

        Raises:
            OSError: the disk refuses.
        """
        self._serial += 1
        told = [run for run in runs[:-1] if run.rows] + list(runs[-1:])
        lines = [f"{TITLE} {self._serial}", *(f"{r.run_id} {r.first} {r.last} {r.rows} {r.clean:d}" for r in told)]
        body = "\n".join(lines).encode() + b"\n"
        content = body + b"%08x\n" % zlib.crc32(body)
        for copy in self._copies:
            _replace(copy, content)
        sync_folder(self._copies[0].parent)


def _replace(file: Path, content: bytes) -> None:
    new = file.with_name(f"{file.name}.new")
    for in_the_way in (new, file):
        if in_the_way == new or not in_the_way.is_file():
            remove(in_the_way)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "wb") as opened:
        os.fchmod(descriptor, MODE)
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)
    new.replace(file)


def _content(file: Path) -> bytes:
    with contextlib.suppress(OSError):
        # A fifo in its place would block a reader that opens it.
        if file.is_file() and file.stat().st_size <= LARGEST:
            return file.read_bytes()
    return b""


def _parsed(content: bytes) -> tuple[int, list[RunRecord]] | None:
    body, check = content[:-9], content[-9:]
    if check != b"%08x\n" % zlib.crc32(body):
        return None
    with contextlib.suppress(ValueError):
        title, *lines = body.decode().splitlines()
        name, serial = title.rsplit(" ", 1)
        if name == TITLE:
            return int(serial), [_run(*line.split(" ")) for line in lines]
    return None


def _run(run_id: str, first: str, last: str, rows: str, clean: str) -> RunRecord:
    return RunRecord(run_id, int(first), int(last), int(rows), clean == "1")
