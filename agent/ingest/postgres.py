"""PostgreSQL, by psycopg 3: each table's rows of a transaction travel as one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg

from agent.clock import rfc3339

from .database import RUNS, DatabaseError, DatabaseRefused, NoTables, RunRow
from .harvest import Harvest
from .storing import Row, store
from .tables import SQL_TYPES, TABLES, TableShape, ddl, names

# Seconds. A server whose machine is gone says nothing: these find out.
OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "limpet ingest",
}
# One number for all workers: one at a time makes the tables.
_MAKING = 0x11_3B_E7
_MISSING = "SELECT 1 FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL"
# Another worker was faster; nothing is wrong.
_IN_TURN = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
TURNS = 5
# Classes of SQLSTATE: data exceptions, broken constraints, limits such as that of an index's row.
_ABOUT_VALUES = ("22", "23", "54")
# The interval that begins at or before the first number, and all that begin later: see sqlite.py.
_NEAR = """SELECT l.device_id, l.boot_id, l.kind, l."from", l."to"
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]) AS n (device, boot, kind, first, after)
    CROSS JOIN LATERAL (
        (SELECT * FROM ledger WHERE device_id = n.device AND boot_id = n.boot AND kind = n.kind AND "from" <= n.first
            ORDER BY "from" DESC LIMIT 1)
        UNION ALL
        (SELECT * FROM ledger WHERE device_id = n.device AND boot_id = n.boot AND kind = n.kind
            AND "from" > n.first AND "from" <= n.after)) AS l"""


class WrongUrl(ValueError):
    """A URL that libpq does not take: trying again does not help."""


class Postgres:
    """A `Database` on a server.

    Args:
        url: as libpq takes it; the password may come from its environment or its file.
        shown: the same without a password, for messages.

    Raises:
        WrongUrl: libpq does not take it.
    """

    def __init__(self, url: str, shown: str) -> None:
        try:
            psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise WrongUrl(f"{shown}: {' '.join(str(error).split())}") from None
        self._url, self._shown = url, shown
        self._connection: psycopg.Connection | None = None

    def open(self) -> None:
        """Connect, and make the tables that are missing."""
        if self._connection is not None:
            return
        connection = self._connected()
        try:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
                # To make what is there already takes rights that a worker may lack.
                if connection.execute(_MISSING, ([table.name for table in TABLES],)).fetchone() is not None:
                    connection.execute(ddl("postgresql"))
        except psycopg.Error as error:
            connection.close()
            raise self._away(error) from error
        self._connection = connection

    def store(self, harvest: Harvest, now: str) -> None:
        """Store all of it, or nothing."""
        self.open()
        connection = self._connection
        assert connection is not None
        for turn in range(TURNS):
            try:
                with connection.transaction():
                    store(_Open(connection), harvest, now)
                return
            except _IN_TURN as error:
                if turn + 1 == TURNS:
                    raise self._away(error) from error
            except (psycopg.Error, UnicodeError) as error:
                if isinstance(error, UnicodeError | psycopg.DataError) or (error.sqlstate or "")[:2] in _ABOUT_VALUES:
                    raise DatabaseRefused(" ".join(str(error).split())) from error
                self.close()
                raise self._away(error) from error

    def runs(self) -> Iterable[RunRow]:
        """Return what is known of all runs."""
        try:
            with self._connected() as connection:
                return [_run_row(row) for row in connection.execute(RUNS)]
        except psycopg.errors.UndefinedTable as error:
            raise NoTables(f"{self._shown} has no tables of ours") from error
        except psycopg.Error as error:
            raise self._away(error) from error

    def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> psycopg.Connection:
        try:
            return psycopg.connect(self._url, autocommit=True, **OPTIONS)  # type: ignore[arg-type]
        except psycopg.Error as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> DatabaseError:
        return DatabaseError(f"{self._shown}: {' '.join(str(error).split()) or type(error).__name__}")


class _Open:
    """A transaction of PostgreSQL's."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, table: TableShape, rows: Sequence[Row], more: str = "DO NOTHING") -> None:
        if not rows:
            return
        columns = names(tuple(column.name for column in table.columns))
        types = SQL_TYPES["postgresql"]
        arrays = ", ".join(f"%s::{types[column.kind]}[]" for column in table.columns)
        conflict = f" ON CONFLICT {more}" if table.key else ""
        statement = f'INSERT INTO "{table.name}" ({columns}) SELECT * FROM unnest({arrays}){conflict}'
        self._connection.execute(statement.encode(), [list(column) for column in zip(*rows, strict=True)])

    def near(self, wanted: Sequence[tuple[str, str, str, int, int]]) -> Iterable[tuple[str, str, str, int, int]]:
        if not wanted:
            return []
        device, boot, kind, first, last = zip(*wanted, strict=True)
        # One more than the highest integer is none.
        after = [min(one, 2**63 - 2) + 1 for one in last]
        values = [list(device), list(boot), list(kind), list(first), after]
        rows: list[Any] = self._connection.execute(_NEAR, values).fetchall()
        return rows

    def each(self, statement: str, rows: Sequence[Row]) -> None:
        if rows:
            with self._connection.cursor() as cursor:
                cursor.executemany(statement.replace("?", "%s").encode(), rows)


def _run_row(row: Sequence[Any]) -> RunRow:
    return RunRow._make(rfc3339(value.timestamp()) if isinstance(value, datetime) else value for value in row)
