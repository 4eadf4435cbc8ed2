"""What is known of each run of the agent, and which of its batches are missing when damage has been found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Span = tuple[int, int]


class RunRecord(NamedTuple):
    """One run, as far as the disk knows it.

    Attributes:
        first, last: whatever may still wait lies between them; there is nothing if `first` is greater. Numbers below
            `first` have been acknowledged. `last` is also the greatest number that is known; 0 if none is.
        rows: how many rows the file has of it, batches and gaps.
        clean: it ended as it should, with `last` as its last batch.
    """

    run_id: str
    first: int = 1
    last: int = 0
    rows: int = 0
    clean: bool = False

    def stored(self, first: int, last: int) -> RunRecord:
        """Return the run with one more row, of the batches `first` to `last`."""
        lowest = first if self.rows == 0 else min(self.first, first)
        return self._replace(first=lowest, last=max(self.last, last), rows=self.rows + 1)

    def deleted(self) -> RunRecord:
        """Return the run with one row less."""
        rows = self.rows - 1
        return self._replace(first=self.first if rows else self.last + 1, rows=rows)


def merged(known: Sequence[RunRecord], witnessed: Sequence[RunRecord]) -> list[RunRecord]:
    """Return all runs, oldest first, with what either the file or the witness knows.

    Both were right when they were written. Since then batches may have been acknowledged, so the greater `first` holds,
    and others may have been stored, so the greater `last` does.
    """
    here, there = {run.run_id: run for run in known}, {run.run_id: run for run in witnessed}
    # Only the newest of the witness can be newer than the file; others are missing because their rows are damaged.
    newest = [run.run_id for run in witnessed[-1:] if run.run_id not in here]
    older = [run.run_id for run in witnessed[:-1] if run.run_id not in here]
    return [_both(here.get(run_id), there.get(run_id)) for run_id in (*older, *here, *newest)]


def _both(one: RunRecord | None, other: RunRecord | None) -> RunRecord:
    if one is None or other is None:
        found = one or other
        assert found is not None
        return found
    first = max(run.first for run in (one, other))
    return RunRecord(one.run_id, first, max(one.last, other.last), one.rows, one.clean or other.clean)


def missing(run: RunRecord, found: Iterable[Span]) -> list[Span]:
    """Return what is in none of the spans `found`, between `first` and `last` of the run and between these spans.

    Where nothing else is known of a run, its first batch that was found is taken for the first that waited.
    """
    spans = sorted(found)
    if run.last == 0:
        if not spans:
            return []
        run = run._replace(first=spans[0][0])
    last = max(run.last, max((span[1] for span in spans), default=0))
    holes, expected = [], run.first
    for begin, end in [*spans, (last + 1, last + 1)]:
        if begin > expected:
            holes.append((expected, begin - 1))
        expected = max(expected, end + 1)
    return holes
