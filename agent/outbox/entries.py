"""Batches in memory, and the sums over them: each sum is kept where its batches come and go."""

from __future__ import annotations

import math
from collections.abc import ValuesView

from .store import Item


class Entry:
    """A batch in memory.

    Attributes:
        number: its row number, which ascends in the order of arrival.
        stored: its row is in the store.
        repeat: it was acknowledged before, so that losing it is no gap.
        waits: it is history and can be handed out.
        put_at: when it came in, in seconds of the clock: how fresh it is.
    """

    __slots__ = ("item", "number", "put_at", "repeat", "stored", "waits")

    def __init__(self, number: int, item: Item, *, stored: bool = False, repeat: bool = False) -> None:
        self.number, self.item, self.stored, self.repeat, self.waits = number, item, stored, repeat, False
        self.put_at = -math.inf


class Entries:
    """Entries by row number, and the sum of their bodies' bytes."""

    def __init__(self) -> None:
        self._by_number: dict[int, Entry] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._by_number)

    def __contains__(self, number: int) -> bool:
        return number in self._by_number

    def values(self) -> ValuesView[Entry]:
        """Return the entries in the order in which they came."""
        return self._by_number.values()

    def get(self, number: int) -> Entry | None:
        """Return the entry of a row number, if it is here."""
        return self._by_number.get(number)

    def add(self, entry: Entry) -> None:
        """Take an entry that is not here yet."""
        self._by_number[entry.number] = entry
        self.bytes += len(entry.item.body)

    def remove(self, entry: Entry) -> bool:
        """Forget an entry; return whether it was here."""
        if self._by_number.pop(entry.number, None) is None:
            return False
        self.bytes -= len(entry.item.body)
        return True

    def renumber(self) -> None:
        """Note that the numbers of all entries have changed."""
        self._by_number = {entry.number: entry for entry in self._by_number.values()}


class Amount:
    """A number of batches and the bytes of their bodies."""

    __slots__ = ("bytes", "items")

    def __init__(self) -> None:
        self.items = self.bytes = 0

    def add(self, item: Item) -> None:
        """Count one more."""
        self.items, self.bytes = self.items + 1, self.bytes + len(item.body)

    def remove(self, item: Item) -> None:
        """Count one less."""
        self.items, self.bytes = self.items - 1, self.bytes - len(item.body)

    def clear(self) -> None:
        """Count nothing."""
        self.items = self.bytes = 0
