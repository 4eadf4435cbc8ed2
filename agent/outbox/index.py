"""Where each waiting batch is: fresh, history or in flight; in memory, in the store, or in both. Sums, no decisions.

Row numbers ascend in the order of arrival. Rows that are only in the store have numbers beyond `cursor`.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence

from .store import Gap, Item, Row


class Entry:
    """A batch in memory.

    Attributes:
        stored: its row is in the store. repeat: it was acknowledged before, so that losing it is no gap.
        waits: it is history, ready to be handed out.
    """

    __slots__ = ("item", "number", "repeat", "stored", "waits")

    def __init__(self, number: int, item: Item, *, stored: bool = False, repeat: bool = False) -> None:
        self.number, self.item, self.stored, self.repeat, self.waits = number, item, stored, repeat, False


class Index:
    """All batches that are not acknowledged.

    Attributes:
        memory_bytes, disk_bytes: of the bodies in memory, and of those that are only in the store.
        dead: numbers of rows that the store may forget.
    """

    def __init__(self) -> None:
        self.memory: dict[int, Entry] = {}
        self.fresh: deque[Entry] = deque()
        self.in_flight: dict[tuple[str, int], Entry] = {}
        self.unstored: dict[int, Entry] = {}
        self.memory_bytes = self.unstored_bytes = self.disk_bytes = self.disk_items = 0
        self.cursor = 0
        self.dead: list[int] = []
        self._heap: list[int] = []  # numbers of history in memory; some are stale
        self._number = 0

    def __len__(self) -> int:
        return len(self.memory) + self.disk_items

    def next_number(self) -> int:
        """Return a new row number."""
        self._number += 1
        return self._number

    def load(self, items: int, size: int, last: int) -> None:
        """Take over what is in the store: all of it came before anything new, so that what is here goes behind it."""
        for entry in self.memory.values():
            entry.number += last
        self.memory = {entry.number: entry for entry in self.memory.values()}
        self.unstored = {entry.number: entry for entry in self.unstored.values()}
        self._heap = [number + last for number in self._heap]
        self._number += last
        self.disk_items, self.disk_bytes = items, size

    def add(self, item: Item, *, repeat: bool = False) -> Entry:
        """Take a new batch into memory."""
        entry = Entry(self.next_number(), item, repeat=repeat)
        self.memory[entry.number] = self.unstored[entry.number] = entry
        self.memory_bytes += len(item.body)
        self.unstored_bytes += len(item.body)
        return entry

    def remove(self, entry: Entry) -> None:
        """Forget a batch that is in memory, wherever else it is."""
        if self.memory.pop(entry.number, None) is None:
            return
        entry.waits = False
        self.memory_bytes -= len(entry.item.body)
        self.in_flight.pop((entry.item.run_id, entry.item.seq), None)
        if entry.stored:
            self.dead.append(entry.number)
        elif self.unstored.pop(entry.number, None) is not None:
            self.unstored_bytes -= len(entry.item.body)

    def wait(self, entry: Entry) -> None:
        """Make it history."""
        entry.waits = True
        heapq.heappush(self._heap, entry.number)

    def fly(self, entry: Entry) -> Item:
        """Hand it out."""
        entry.waits = False
        self.in_flight[entry.item.run_id, entry.item.seq] = entry
        return entry.item

    def land(self, item: Item) -> Entry | None:
        """Return what was handed out as `item`, which is in flight no more; None if it is gone meanwhile."""
        return self.in_flight.pop((item.run_id, item.seq), None)

    def oldest(self) -> Entry | None:
        """Return the oldest history in memory."""
        while self._heap:
            entry = self.memory.get(self._heap[0])
            if entry is not None and entry.waits:
                return entry
            heapq.heappop(self._heap)
        return None

    def oldest_is_in_memory(self) -> bool:
        """Tell whether the oldest history of all can be taken without the store."""
        entry = self.oldest()
        return entry is not None and (self.disk_items == 0 or entry.number <= self.cursor)

    def take(self, limit: int, *, leap: bool = False) -> list[Entry]:
        """Take up to `limit` of the oldest history in memory; with `leap` also what comes after rows in the store."""
        taken: list[Entry] = []
        while len(taken) < limit and (leap or self.oldest_is_in_memory()) and (entry := self.oldest()) is not None:
            entry.waits = False
            taken.append(entry)
        return taken

    def history(self) -> list[Entry]:
        """Return all history in memory, oldest first."""
        return [entry for number in sorted(set(self._heap)) if (entry := self.memory.get(number)) and entry.waits]

    def adopt(self, rows: Sequence[Row], limit: int) -> Iterator[Entry | Gap]:
        """Take rows read beyond `cursor`: yield each as an entry that is in memory now, or as the gap that it became.

        Fewer than `limit` rows are all there are.
        """
        dead = set(self.dead)
        for number, record in rows:
            self.cursor = max(self.cursor, number)
            entry = self.memory.get(number)
            if isinstance(record, Gap):
                self.disk_items -= 1
                self.dead.append(number)
                yield record
            elif entry is not None:
                if entry.waits:
                    yield entry
            elif number not in dead:
                yield self._from_disk(number, record)
        if len(rows) < limit:
            self.disk_items = self.disk_bytes = 0

    def _from_disk(self, number: int, item: Item) -> Entry:
        entry = self.memory[number] = Entry(number, item, stored=True)
        self.memory_bytes += len(item.body)
        self.disk_items -= 1
        self.disk_bytes -= len(item.body)
        return entry

    def forget(self, number: int, item: Item) -> bool:
        """Give up a row that is only in the store; return whether it was."""
        if number in self.memory or number in self.dead:
            return False
        self.disk_items -= 1
        self.disk_bytes -= len(item.body)
        self.dead.append(number)
        return True

    def stored(self, entries: Sequence[Entry]) -> None:
        """Note that the store has these now."""
        for entry in entries:
            entry.stored = True
            if self.unstored.pop(entry.number, None) is not None:
                self.unstored_bytes -= len(entry.item.body)
            if entry.number not in self.memory:  # acknowledged while it was being written
                self.dead.append(entry.number)

    def evict(self, items: int, size: int) -> None:
        """Leave the oldest history to the store alone, until memory holds at most `items` and `size` bytes."""
        flying = min((entry.number for entry in self.in_flight.values()), default=self._number + 1)
        while len(self.memory) > items or self.memory_bytes > size:
            entry = self.oldest()
            if entry is None or not entry.stored or entry.number > flying:
                return
            del self.memory[entry.number]
            self.memory_bytes -= len(entry.item.body)
            self.disk_items += 1
            self.disk_bytes += len(entry.item.body)
            self.cursor = min(self.cursor, entry.number - 1)
