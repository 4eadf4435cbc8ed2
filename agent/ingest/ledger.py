"""The ledger: which batches of a run were received, which were declared lost, and which are missing.

Pure values. Adding is a union of intervals, so order, repetition and the worker that adds make no difference.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Interval = tuple[int, int]


class Intervals:
    """A set of whole numbers as intervals (first, last): ascending, without overlaps, never adjacent."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Iterable[Interval] = ()) -> None:
        whole: list[Interval] = []
        for first, last in sorted(parts):
            if first > last:
                raise ValueError(f"the interval {first}..{last} ends before it begins")
            if whole and first <= whole[-1][1] + 1:
                whole[-1] = whole[-1][0], max(whole[-1][1], last)
            else:
                whole.append((first, last))
        self._parts = tuple(whole)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Intervals:
        """Return the set of these numbers."""
        return cls((number, number) for number in numbers)

    def __iter__(self) -> Iterator[Interval]:
        return iter(self._parts)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intervals) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        return f"Intervals({', '.join(f'{first}..{last}' for first, last in self._parts)})"

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._parts, number, key=lambda part: part[0])
        return at > 0 and number <= self._parts[at - 1][1]

    def __or__(self, other: Intervals) -> Intervals:
        return Intervals((*self._parts, *other._parts))

    def __sub__(self, other: Intervals) -> Intervals:
        return Intervals(self._without(other))

    def _without(self, other: Intervals) -> Iterator[Interval]:
        for first, last in self._parts:
            rest = first
            at = bisect_left(other._parts, first, key=lambda part: part[1])
            for start, end in other._parts[at:]:
                if start > last:
                    break
                if start > rest:
                    yield rest, start - 1
                rest = end + 1
            if rest <= last:
                yield rest, last

    @property
    def count(self) -> int:
        """How many numbers there are. Not `len`, which cannot return more than 64 bits hold."""
        return sum(last - first + 1 for first, last in self._parts)

    @property
    def hull(self) -> Interval:
        """The lowest and the highest number.

        Raises:
            IndexError: the set is empty.
        """
        return self._parts[0][0], self._parts[-1][1]


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended, as the next run of the device says.

    Attributes:
        last_seq: its last number; None where nothing can tell how far it came.
        clean: whether it ended with a farewell.
    """

    last_seq: int | None
    clean: bool

    def __or__(self, other: End) -> End:
        """Return what both say together: the farther end, and clean only where neither knows better."""
        numbers = [one.last_seq for one in (self, other) if one.last_seq is not None]
        return End(max(numbers, default=None), self.clean and other.clean)


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of the numbers of one run, which count from 1.

    Attributes:
        received: what has come.
        declared: what the device has given up; some of it may have come after all.
        end: None while no later run has said how this one ended.
    """

    received: Intervals = field(default_factory=Intervals)
    declared: Intervals = field(default_factory=Intervals)
    end: End | None = None

    def __or__(self, other: Account) -> Account:
        end = self.end | other.end if self.end and other.end else self.end or other.end
        return Account(self.received | other.received, self.declared | other.declared, end)

    @property
    def last(self) -> int:
        """The highest number that is known to exist; 0 if there is none."""
        known = [part.hull[1] for part in (self.received, self.declared) if part]
        if self.end is not None and self.end.last_seq is not None:
            known.append(self.end.last_seq)
        return max(known, default=0)

    @property
    def lost(self) -> Intervals:
        """What was declared, and has not come after all."""
        return self.declared - self.received

    @property
    def undeclared(self) -> Intervals:
        """What is missing without a word."""
        return Intervals([(1, self.last)] if self.last else ()) - self.received - self.declared


@dataclass(frozen=True, slots=True)
class Change:
    """What has to change where intervals are stored one by one: these go, those come."""

    gone: tuple[Interval, ...]
    come: tuple[Interval, ...]


def change(stored: Iterable[Interval], new: Intervals) -> Change:
    """Return the change that adds `new`.

    Args:
        stored: at least those intervals that overlap `new` or touch it.
    """
    before = Intervals(stored)
    after = before | new
    old, made = set(before), set(after)
    return Change(tuple(part for part in before if part not in made), tuple(part for part in after if part not in old))
