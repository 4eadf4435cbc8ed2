"""What waits in the outbox's file, read from outside: beside a running agent, and without touching anything."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .sqlite_rows import BATCHES, batch, text
from .store import Item

OLDEST_FIRST = f"{BATCHES} ORDER BY number"


@dataclass(frozen=True, slots=True)
class Summary:
    """What is stored.

    Attributes:
        number: batches. bytes: of their bodies.
        oldest: the stamp of the first one; None if there is none, or if it is damaged.
    """

    number: int
    bytes: int
    oldest: str | None


class OutboxReader:
    """A view of `file` that cannot change it. Use it as a context manager.

    Raises:
        OSError: there is no such file, it cannot be read, or it is no outbox.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        # A fifo would block its opener.
        if file.exists() and not file.is_file():
            raise OSError(f"{file} is no file")
        # Says better than SQLite what is wrong.
        with file.open("rb"):
            pass
        with self._named():
            uri = f"file:{quote(str(file.absolute()))}?mode=ro"
            self._database = sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None)
            self._database.text_factory = text

    def __enter__(self) -> OutboxReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def summary(self) -> Summary:
        """Return how much waits."""
        with self._named():
            number, size = self._database.execute(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM batch"
            ).fetchone()
            first = self._database.execute(f"{OLDEST_FIRST} LIMIT 1").fetchone()
        return Summary(number, size, _stamp(first[8]) if first else None)

    def batches(self) -> Iterator[bytes | None]:
        """Yield the batches as they would be sent, oldest first; None for one that is damaged."""
        with self._named():
            for row in self._database.execute(OLDEST_FIRST):
                record = batch(row)
                yield record.body if isinstance(record, Item) else None

    def topics(self) -> list[str]:
        """Return below which topics the stored batches belong: one for each device that made some."""
        with self._named():
            rows = self._database.execute("SELECT DISTINCT topic FROM batch ORDER BY topic").fetchall()
        return [str(topic) for (topic,) in rows]

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OSError(f"{self.file}: {error}") from error


def _stamp(body: bytes) -> str | None:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(body)["timestamp"])
    return None
