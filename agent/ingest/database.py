"""The port to a database, and how it fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple, Protocol

from .harvest import Harvest
from .ledger import Account, End, Intervals
from .storing import RECEIVED, Run


class DatabaseError(OSError):
    """The database cannot be used now; trying again can help."""


class DatabaseRefused(ValueError):
    """The database does not take a value: trying again does not help, leaving it out does."""


class NoTables(DatabaseError):
    """Nothing was ever stored in this database."""


class RunRow(NamedTuple):
    """A run, and one of its intervals; without any, `kind` is None. Times are RFC 3339."""

    device_id: str
    boot_id: str
    simulated: bool
    first_live: str | None
    last_live: str | None
    last_heard: str | None
    last_seq: int | None
    clean: bool | None
    twice: int
    kind: str | None
    first: int | None
    last: int | None


class Database(Protocol):
    """A database."""

    def open(self) -> None:
        """Connect, and make the tables that are missing. Does nothing where that is done.

        Raises:
            DatabaseError: it cannot be used now.
        """

    def store(self, harvest: Harvest, now: str) -> None:
        """Store all of it, or nothing, in one transaction.

        Raises:
            DatabaseError: it cannot be used now.
            DatabaseRefused: it does not take a value.
        """

    def runs(self) -> Iterable[RunRow]:
        """Return what is known of all runs, ordered by device and run.

        Raises:
            NoTables: nothing was ever stored.
            DatabaseError: it cannot be used now.
        """

    def close(self) -> None:
        """Disconnect."""


# Of both databases: the newest run of a device comes last.
RUNS = """SELECT r.device_id, r.boot_id, r.simulated, r.first_live, r.last_live, r.last_heard, r.last_seq, r.clean,
    r.twice, l.kind, l."from", l."to" FROM run r LEFT JOIN ledger l ON l.device_id = r.device_id
    AND l.boot_id = r.boot_id ORDER BY r.device_id, coalesce(r.first_live, r.last_heard), r.boot_id"""


def accounts(rows: Iterable[RunRow]) -> Iterator[tuple[Run, RunRow, Account]]:
    """Yield each run with the first of its rows and its account."""
    for run, group in groupby(rows, key=lambda row: (row.device_id, row.boot_id)):
        mine = list(group)
        one = mine[0]
        parts = [(row.kind, (row.first, row.last)) for row in mine if row.first is not None and row.last is not None]
        end = None if one.clean is None else End(one.last_seq, bool(one.clean))
        received = Intervals(part for kind, part in parts if kind == RECEIVED)
        declared = Intervals(part for kind, part in parts if kind != RECEIVED)
        yield run, one, Account(received, declared, end)
