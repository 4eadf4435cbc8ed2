"""What one transaction does: rows, and the ledger that says which of them are new."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.messages.fields import text
from agent.messages.reception import BatchReceived, InfoReceived

from .harvest import Harvest
from .ledger import End, Interval, Intervals, change
from .tables import BATCH, FAULT, GAP, LEDGER, READING, REJECTED, RUN, TableShape

# Rows of `rejected`; older ones go.
MOST_REJECTED = 10_000
Run = tuple[str, str]
Row = Sequence[Any]
RECEIVED, DECLARED = "received", "declared"


class Transaction(Protocol):
    """One open transaction of a database."""

    def add(self, table: TableShape, rows: Sequence[Row], more: str = "DO NOTHING") -> None:
        """Insert rows, in their order. `more`: what follows ON CONFLICT, in a table that has a key."""

    def near(self, wanted: Sequence[tuple[str, str, str, int, int]]) -> Iterable[tuple[str, str, str, int, int]]:
        """Return the stored intervals of each (device, run, kind) that overlap or touch its (first, last).

        One that touches several may be there several times.
        """

    def each(self, statement: str, rows: Sequence[Row]) -> None:
        """Execute a statement, with ? for its values, for each of the rows."""


# A run's row is locked by this until the end of the transaction: workers that add to one run do so in turn.
_RUN_KNOWN = """(device_id, boot_id) DO UPDATE SET
    simulated = "run".simulated OR excluded.simulated,
    first_live = coalesce("run".first_live, excluded.first_live),
    last_live = coalesce(excluded.last_live, "run".last_live),
    last_heard = coalesce(excluded.last_heard, "run".last_heard),
    last_seq = CASE WHEN "run".last_seq IS NULL OR excluded.last_seq > "run".last_seq
        THEN excluded.last_seq ELSE "run".last_seq END,
    clean = CASE WHEN "run".clean IS NULL THEN excluded.clean WHEN excluded.clean IS NULL THEN "run".clean
        ELSE "run".clean AND excluded.clean END"""
_EXTENDED = '(device_id, boot_id, kind, "from") DO UPDATE SET "to" = excluded."to"'
_FORGOTTEN = 'DELETE FROM ledger WHERE device_id = ? AND boot_id = ? AND kind = ? AND "from" = ?'
_TWICE = "UPDATE run SET twice = twice + ? WHERE device_id = ? AND boot_id = ?"
_BOUND = """DELETE FROM rejected WHERE digest IN
    (SELECT digest FROM rejected ORDER BY timestamp DESC, digest LIMIT 1000000 OFFSET ?)"""


@dataclass(slots=True)
class _Touched:
    """What a harvest says of one run."""

    batches: list[BatchReceived] = field(default_factory=list)
    gaps: list[Interval] = field(default_factory=list)
    heard: bool = False
    simulated: bool = False
    end: End | None = None

    @property
    def live(self) -> bool:
        return any(not one.fields["historical"] for one in self.batches)


def store(transaction: Transaction, harvest: Harvest, now: str) -> None:
    """Put a harvest into the database. The same harvest again adds nothing but to `twice`.

    Args:
        now: when it was received.
    """
    # In one order everywhere, so that two workers never wait for each other.
    runs = sorted(_by_run(harvest).items())
    transaction.add(RUN, [_run_row(run, touched, now) for run, touched in runs], _RUN_KNOWN)
    fresh, again = _enter(transaction, runs)
    transaction.each(_TWICE, [(count, *run) for run, count in again.items() if count])
    _add_batches(transaction, fresh)
    transaction.add(
        GAP, [(one.device_id, one.boot_id, one.first, one.last, one.reason, one.timestamp) for one in harvest.gaps]
    )
    if harvest.rejected:
        rows = [(text(one.reason), text(one.topic), one.shown, now, one.digest) for one in harvest.rejected]
        transaction.add(REJECTED, rows)
        transaction.each(_BOUND, [(MOST_REJECTED,)])


def _by_run(harvest: Harvest) -> dict[Run, _Touched]:
    runs: defaultdict[Run, _Touched] = defaultdict(_Touched)
    for one in harvest.batches:
        touched = runs[one.device_id, one.boot_id]
        touched.batches.append(one)
        touched.simulated |= bool(one.fields["simulated"])
        touched.heard = True
    for gap in harvest.gaps:
        touched = runs[gap.device_id, gap.boot_id]
        touched.gaps.append((gap.first, gap.last))
        touched.heard = True
    for info, retained in harvest.infos:
        _note(runs, info, retained)
    return runs


def _note(runs: defaultdict[Run, _Touched], info: InfoReceived, retained: bool) -> None:
    touched = runs[info.device_id, info.boot_id]
    touched.heard |= not retained
    touched.simulated |= info.simulated
    if info.previous is not None:
        before = runs[info.device_id, info.previous]
        end = End(info.last_seq, info.clean)
        before.end = before.end | end if before.end else end
        before.simulated |= info.simulated


def _run_row(run: Run, touched: _Touched, now: str) -> Row:
    live, end = now if touched.live else None, touched.end
    heard = now if touched.heard else None
    return (
        *run,
        touched.simulated,
        live,
        live,
        heard,
        None if end is None else end.last_seq,
        None if end is None else end.clean,
        0,
    )


def _enter(
    transaction: Transaction, runs: Sequence[tuple[Run, _Touched]]
) -> tuple[list[BatchReceived], dict[Run, int]]:
    """Add to the ledger; return the batches that are new, and how many of each run are not."""
    new: dict[tuple[str, str, str], Intervals] = {}
    for run, touched in runs:
        if touched.batches:
            new[*run, RECEIVED] = Intervals.of(one.seq for one in touched.batches)
        if touched.gaps:
            new[*run, DECLARED] = Intervals(touched.gaps)
    stored: defaultdict[tuple[str, str, str], list[Interval]] = defaultdict(list)
    for device, boot, kind, first, last in transaction.near(
        [(*key, *part) for key, parts in new.items() for part in parts]
    ):
        stored[device, boot, kind].append((first, last))
    gone, come = [], []
    for key, parts in new.items():
        changed = change(stored[key], parts)
        begins = {first for first, _ in changed.come}
        gone += [(*key, first) for first, _ in changed.gone if first not in begins]
        come += [(*key, first, last) for first, last in changed.come]
    transaction.each(_FORGOTTEN, gone)
    transaction.add(LEDGER, come, _EXTENDED)
    return _fresh(runs, stored)


def _fresh(
    runs: Sequence[tuple[Run, _Touched]], stored: dict[tuple[str, str, str], list[Interval]]
) -> tuple[list[BatchReceived], dict[Run, int]]:
    fresh: list[BatchReceived] = []
    again: dict[Run, int] = {}
    for run, touched in runs:
        known = Intervals(stored.get((*run, RECEIVED), ()))
        new = {one.seq: one for one in reversed(touched.batches) if one.seq not in known}
        fresh += new.values()
        again[run] = len(touched.batches) - len(new)
    return fresh, again


def _add_batches(transaction: Transaction, batches: Sequence[BatchReceived]) -> None:
    rows, readings, faults = [], [], []
    for one in batches:
        key, fields = (one.device_id, one.boot_id, one.seq), one.fields
        unchanged = fields["unchanged"]
        rows.append(
            (
                *key,
                fields["timestamp"],
                fields["clock"],
                fields["trigger"],
                fields["interval"],
                fields["degraded"],
                None if unchanged is None else json.dumps(unchanged, ensure_ascii=False),
                bool(fields["simulated"]),
            )
        )
        for reading in one.readings:
            timed = {**reading, "timestamp": reading["timestamp"] or fields["timestamp"]}
            readings.append((*key, *(timed[column] for column in _READING)))
        faults += [(*key, *(fault[column] for column in _FAULT)) for fault in one.faults]
    transaction.add(BATCH, rows)
    transaction.add(READING, readings)
    transaction.add(FAULT, faults)


_READING = tuple(column.name for column in READING.columns[3:])
_FAULT = tuple(column.name for column in FAULT.columns[3:])
