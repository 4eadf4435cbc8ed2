"""Whether the outbox's file holds what it should, and the declaration of what it does not."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from . import sqlite_rows as rows
from .runs import RunRecord, Span, merged, missing
from .store import Gap

T = TypeVar("T")

# The number of latest runs that are remembered although nothing of them waits any more.
KEPT_RUNS = 16
HELD = """
SELECT run_id, min(first), max(last), count(*) FROM (
    SELECT run_id, seq AS first, seq AS last FROM batch UNION ALL SELECT run_id, first, last FROM gap) GROUP BY run_id
"""


# Runs by run id, oldest first, each with its key in the table `run`.
Table = dict[str, tuple[int, RunRecord]]


class Accounts:
    """What the tables say.

    Attributes:
        runs: what the sound rows of the table `run` say, by run id, oldest first.
        counts: rows of each run, batches and gaps.
    """

    def __init__(self) -> None:
        self.runs: dict[str, RunRecord] = {}
        self.counts: Counter[str] = Counter()

    def what_is_missing(self, witnessed: Sequence[RunRecord] | None) -> str | None:
        """Return what is missing from the tables; None if they are whole and not older than the witness."""
        if +self.counts != +Counter({run.run_id: run.rows for run in self.runs.values()}):
            return "it has not as many rows as were written"
        if witnessed:
            newest = witnessed[-1]
            known = self.runs.get(newest.run_id)
            if known is None or (newest.clean and not known.clean):
                return f"it is older than the end of run {newest.run_id}"
        return None


def read(database: sqlite3.Connection) -> Accounts:
    """Read all tables, but not the bodies of batches.

    Raises:
        ValueError: a row is not what was written.
    """
    accounts = Accounts()
    for row in database.execute(f"{rows.RUNS} ORDER BY id"):
        run = _sound(rows.run(row), "run", row)
        accounts.runs[run.run_id] = run
    for row in database.execute(rows.GAPS):
        accounts.counts[_sound(rows.gap(row), "gap", row).record.run_id] += 1
    for row in database.execute(rows.HEADS):
        accounts.counts[_sound(rows.head(row), "batch", row)] += 1
    return accounts


def _sound(found: T | None, table: str, row: tuple[Any, ...]) -> T:
    if found is None:
        raise ValueError(f"row {row[0]} of the table {table} is not what was written")
    return found


def settle(
    database: sqlite3.Connection, accounts: Accounts, witnessed: Sequence[RunRecord]
) -> tuple[list[RunRecord], int]:
    """Declare what is missing; return what is known of the runs, oldest first, and how many batches were declared."""
    spans = _spans(database)
    known = merged(list(accounts.runs.values()), witnessed)
    # A run that only its batches tell of is older than those that something else does.
    named = {run.run_id for run in known}
    known = [RunRecord(run_id) for run_id in spans if run_id not in named] + known
    runs, lost = [], 0
    for run in known:
        found = spans.get(run.run_id, [])
        holes = missing(run, found)
        _declare(database, [Gap(run.run_id, first, last, "corrupt") for first, last in holes])
        lost += sum(last - first + 1 for first, last in holes)
        greatest = max((last for _, last in found), default=0)
        runs.append(run._replace(last=max(run.last, greatest)) if run.last else run)
    return runs, lost


def _declare(database: sqlite3.Connection, gaps: Iterable[Gap]) -> None:
    """Add gaps under numbers that nothing else uses: what comes in the usual way has numbers from 1."""
    (least,) = database.execute("SELECT min(0, coalesce(min(number), 0)) FROM gap").fetchone()
    numbers = itertools.count(least - 1, -1)
    database.executemany(rows.ADD_GAP, [rows.gap_row(number, gap) for number, gap in zip(numbers, gaps, strict=False)])


def write_runs(database: sqlite3.Connection, runs: Sequence[RunRecord]) -> Table:
    """Write the table of runs again, with what the file holds of each; leave out those that are of no more use."""
    held = {run_id: (first, last, count) for run_id, first, last, count in database.execute(HELD)}
    kept = [run for run in runs[:-KEPT_RUNS] if run.run_id in held] + list(runs[-KEPT_RUNS:])
    table = {}
    for key, run in enumerate(kept, 1):
        first, last, count = held.get(run.run_id, (run.last + 1, run.last, 0))
        table[run.run_id] = key, run._replace(first=first, last=max(run.last, last), rows=count)
    database.execute("DELETE FROM run")
    database.executemany(rows.PUT_RUN, [rows.run_row(key, run) for key, run in table.values()])
    return table


def _spans(database: sqlite3.Connection) -> dict[str, list[Span]]:
    """Return, by run, the numbers of its batches and of its gaps."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for run_id, seq in database.execute("SELECT run_id, seq FROM batch ORDER BY number"):
        found = spans[run_id]
        if found and found[-1][1] == seq - 1:
            found[-1] = found[-1][0], seq
        else:
            found.append((seq, seq))
    for run_id, first, last in database.execute("SELECT run_id, first, last FROM gap"):
        spans[run_id].append((first, last))
    return spans
