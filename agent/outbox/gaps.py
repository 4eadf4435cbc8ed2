"""Batches that were given up: merged into ranges, kept until the broker has acknowledged them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .store import Gap, Row


class Gaps:
    """Declared holes, the oldest first. Neighbours of one run and one reason become one range.

    Attributes:
        unstored: numbers of the rows that no store has yet.
    """

    def __init__(self, next_number: Callable[[], int]) -> None:
        self._next_number = next_number
        self._rows: dict[int, Gap] = {}
        self._by_first: dict[tuple[str, str, int], int] = {}
        self._by_last: dict[tuple[str, str, int], int] = {}
        # Handed out: what is under way must not change.
        self._told: Gap | None = None
        self.unstored: set[int] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def load(self, rows: Iterable[Row], last: int) -> None:
        """Take over what a store held; what is here already gets numbers beyond `last`."""
        mine, self._rows = self._rows, {}
        self.unstored = {number + last for number in self.unstored}
        for number, gap in rows:
            if isinstance(gap, Gap):
                self._insert(number, gap)
        for number, gap in mine.items():
            self._insert(number + last, gap)

    def resume(self, rows: Sequence[Row]) -> None:
        """Take over what a store holds that was open before; what it lacks has to be stored again."""
        stored = {row.number for row in rows if isinstance(row.record, Gap)}
        self.load(rows, 0)
        self.unstored = self._rows.keys() - stored

    def declare(self, gap: Gap) -> list[int]:
        """Add a hole; return the numbers of the rows that it swallowed."""
        swallowed = []
        first, last = gap.first, gap.last
        left = self._by_last.get((gap.run_id, gap.reason, first - 1))
        if left is not None and self._rows[left] is not self._told:
            first = self._remove(left).first
            swallowed.append(left)
        right = self._by_first.get((gap.run_id, gap.reason, last + 1))
        if right is not None and self._rows[right] is not self._told:
            last = self._remove(right).last
            swallowed.append(right)
        number = self._next_number()
        self._insert(number, Gap(gap.run_id, first, last, gap.reason))
        self.unstored.add(number)
        return swallowed

    def first(self) -> Gap | None:
        """Hand out the oldest hole; it stays, but no longer grows."""
        self._told = next(iter(self._rows.values()), None)
        return self._told

    def done(self, gap: Gap) -> list[int]:
        """Forget a hole that was acknowledged; return the number of its row, if it is there."""
        number = self._by_first.get((gap.run_id, gap.reason, gap.first))
        if number is None or self._rows[number] != gap:
            return []
        self._remove(number)
        return [number]

    def to_store(self) -> list[Row]:
        """Return the rows that no store has yet."""
        return [Row(number, self._rows[number]) for number in sorted(self.unstored)]

    def _insert(self, number: int, gap: Gap) -> None:
        self._rows[number] = gap
        self._by_first[gap.run_id, gap.reason, gap.first] = number
        self._by_last[gap.run_id, gap.reason, gap.last] = number

    def _remove(self, number: int) -> Gap:
        gap = self._rows.pop(number)
        del self._by_first[gap.run_id, gap.reason, gap.first]
        del self._by_last[gap.run_id, gap.reason, gap.last]
        self.unstored.discard(number)
        return gap
