"""Where each waiting batch is: fresh, history or in flight; in memory, in the store, or in both. No decisions."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence

from .entries import Amount, Entries, Entry
from .store import Gap, Item, Row


class Index:
    """All batches that are not acknowledged. Only the event loop touches it.

    A batch is in `memory`, only in the store (counted in `disk`), or in both. Each sum is kept where its batches come
    and go: `memory` and `unstored` count their own bytes, and `disk` changes in the five methods that move a batch from
    or to the store.

    Attributes:
        memory: what is in memory. unstored: the part of it that is not in the store.
        disk: what is only in the store.
        fresh: what has not been handed out and may still be called live, oldest first.
        in_flight: what has been handed out, by run and number.
        cursor: rows that are only in the store have numbers beyond it, but for those that were passed over.
        passed_over: what is only in the store, below the cursor, because its topic is not wanted now.
        dead: numbers of rows that the store may forget.
    """

    def __init__(self) -> None:
        self.memory, self.unstored, self.disk = Entries(), Entries(), Amount()
        self.fresh: deque[Entry] = deque()
        self.in_flight: dict[tuple[str, int], Entry] = {}
        self.cursor = 0
        self.passed_over = Amount()
        self.dead: list[int] = []
        # Numbers of history in memory. What left in the meantime is dropped when it comes to the top.
        self._heap: list[int] = []
        # The same for topics that are not wanted now, and the greatest row number that was passed over for them.
        self._unwanted: frozenset[str] = frozenset()
        self._unwanted_heap: list[int] = []
        self._passed = 0
        self._number = 0

    def __len__(self) -> int:
        return len(self.memory) + self.disk.items

    @property
    def bytes(self) -> int:
        """Bytes of all bodies."""
        return self.memory.bytes + self.disk.bytes

    def next_number(self) -> int:
        """Return a new row number."""
        self._number += 1
        return self._number

    def load(self, items: int, size: int, last: int) -> None:
        """Take over a store with `items` batches of `size` bytes, whose greatest row number is `last`.

        They came before anything that is here already, which therefore gets numbers beyond `last`.
        """
        for entry in self.memory.values():
            entry.number += last
        self.memory.renumber()
        self.unstored.renumber()
        self._heap = [number + last for number in self._heap]
        self._unwanted_heap = [number + last for number in self._unwanted_heap]
        self._number += last
        # What died before this was never stored, and its old numbers now name rows of an earlier run.
        self.dead.clear()
        self.disk.items, self.disk.bytes = items, size

    # --- batches in memory

    def add(self, item: Item, *, repeat: bool = False) -> Entry:
        """Take a new batch into memory."""
        entry = Entry(self.next_number(), item, repeat=repeat)
        self.memory.add(entry)
        self.unstored.add(entry)
        return entry

    def remove(self, entry: Entry) -> None:
        """Forget a batch that is in memory, wherever else it is."""
        if not self.memory.remove(entry):
            return
        entry.waits = False
        self.in_flight.pop((entry.item.run_id, entry.item.seq), None)
        # If it is being written at this moment, `stored` will find it gone.
        if entry.stored:
            self.dead.append(entry.number)
        else:
            self.unstored.remove(entry)

    def wait(self, entry: Entry) -> None:
        """Make a batch history."""
        entry.waits = True
        heapq.heappush(self._unwanted_heap if entry.item.topic in self._unwanted else self._heap, entry.number)

    def leave_out(self, topics: frozenset[str]) -> None:
        """Hand out no history of these topics until the next call; with other topics than before, look at all again."""
        if topics == self._unwanted:
            return
        waiting = self.history()
        self._unwanted, self._heap, self._unwanted_heap = topics, [], []
        for entry in waiting:
            self.wait(entry)
        self.cursor = self._passed = 0
        self.passed_over.clear()

    def fly(self, entry: Entry) -> Item:
        """Hand a batch out."""
        entry.waits = False
        self.in_flight[entry.item.run_id, entry.item.seq] = entry
        return entry.item

    def land(self, item: Item) -> Entry | None:
        """Return the batch that was handed out as `item`; None if it is gone in the meantime."""
        return self.in_flight.pop((item.run_id, item.seq), None)

    def oldest(self) -> Entry | None:
        """Return the oldest history in memory that may be handed out."""
        return self._top(self._heap)

    def oldest_of_all(self) -> Entry | None:
        """Return the oldest history in memory."""
        found = [entry for heap in (self._heap, self._unwanted_heap) if (entry := self._top(heap)) is not None]
        return min(found, key=lambda entry: entry.number, default=None)

    def _top(self, heap: list[int]) -> Entry | None:
        while heap:
            entry = self.memory.get(heap[0])
            if entry is not None and entry.waits:
                return entry
            heapq.heappop(heap)
        return None

    @property
    def more_on_disk(self) -> bool:
        """Whether there may be history that only the store has and that may be handed out."""
        return self.disk.items > self.passed_over.items

    def oldest_is_in_memory(self) -> bool:
        """Return whether the oldest history that may be handed out can be taken without the store."""
        entry = self.oldest()
        return entry is not None and (not self.more_on_disk or entry.number <= self.cursor)

    def take(self, limit: int, *, leap: bool = False) -> list[Entry]:
        """Take up to `limit` of the oldest history in memory; with `leap` also what comes after rows in the store."""
        taken: list[Entry] = []
        while len(taken) < limit and (leap or self.oldest_is_in_memory()) and (entry := self.oldest()) is not None:
            entry.waits = False
            taken.append(entry)
        return taken

    def history(self) -> list[Entry]:
        """Return all history in memory, oldest first."""
        numbers = sorted({*self._heap, *self._unwanted_heap})
        return [entry for number in numbers if (entry := self.memory.get(number)) and entry.waits]

    # --- batches in the store

    def adopt(self, rows: Sequence[Row], limit: int) -> Iterator[Entry | Gap]:
        """Take rows read beyond `cursor`: yield each as an entry that is in memory now, or as the gap that it became.

        Fewer than `limit` rows are all there are.
        """
        dead = set(self.dead)
        for number, record in rows:
            self.cursor = max(self.cursor, number)
            if (entry := self.memory.get(number)) is not None:
                # A row beyond the cursor is in memory, too, when memory never had to give it up.
                if entry.waits and entry.item.topic not in self._unwanted:
                    yield entry
            elif number in dead:
                continue
            elif isinstance(record, Gap):
                self.forget(number, record)
                yield record
            elif record.topic in self._unwanted:
                self._pass_over(number, record)
            else:
                yield self._from_disk(number, record)
        if len(rows) < limit:
            self.disk.items, self.disk.bytes = self.passed_over.items, self.passed_over.bytes

    def _from_disk(self, number: int, item: Item) -> Entry:
        entry = Entry(number, item, stored=True)
        self.memory.add(entry)
        self.disk.remove(item)
        return entry

    def _pass_over(self, number: int, item: Item) -> None:
        # An eviction moves the cursor back, so that a row may be met again.
        if number > self._passed:
            self._passed = number
            self.passed_over.add(item)

    def forget(self, number: int, record: Item | Gap) -> bool:
        """Give up a row that is only in the store; return whether it was. The size of a damaged one is not known."""
        if number in self.memory or number in self.dead:
            return False
        if isinstance(record, Gap):
            self.disk.items -= 1
        else:
            self.disk.remove(record)
            if record.topic in self._unwanted and number <= self._passed:
                self.passed_over.remove(record)
        self.dead.append(number)
        return True

    def stored(self, entries: Sequence[Entry]) -> None:
        """Note that the store has these now."""
        for entry in entries:
            entry.stored = True
            self.unstored.remove(entry)
            # It was acknowledged while it was being written.
            if entry.number not in self.memory:
                self.dead.append(entry.number)

    def all_unstored(self) -> None:
        """Note that it is not known any more which batches in memory the store has, too."""
        for entry in self.memory.values():
            if entry.stored:
                entry.stored = False
                self.unstored.add(entry)

    def recount(self, items: int, size: int) -> None:
        """Take over what the store holds now: `items` batches of `size` bytes, those in memory among them."""
        stored = [entry for entry in self.memory.values() if entry.stored]
        self.disk.items = max(0, items - len(stored))
        self.disk.bytes = max(0, size - sum(len(entry.item.body) for entry in stored))
        self.cursor = self._passed = 0
        self.passed_over.clear()

    def evict(self, items: int, size: int) -> None:
        """Leave the oldest history to the store alone, until memory holds at most `items` and `size` bytes."""
        # What is in flight may come back, and must then be older than everything beyond the cursor.
        flying = min((entry.number for entry in self.in_flight.values()), default=self._number + 1)
        while len(self.memory) > items or self.memory.bytes > size:
            entry = self.oldest_of_all()
            if entry is None or not entry.stored or entry.number > flying:
                return
            self.memory.remove(entry)
            self.disk.add(entry.item)
            if entry.item.topic in self._unwanted and entry.number <= self._passed:
                self.passed_over.add(entry.item)
            else:
                self.cursor = min(self.cursor, entry.number - 1)
