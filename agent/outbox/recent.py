"""What the broker acknowledged a short while ago, kept in memory in case the broker loses it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .store import Item

MOST_BYTES = 1024 * 1024
MOST_SECONDS = 15 * 60.0


class Recent:
    """The latest acknowledged batches, bounded in bytes and in age."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._items: deque[tuple[float, Item]] = deque()
        self._bytes = 0

    def add(self, item: Item) -> None:
        """Keep an item, and forget what is too old or too much."""
        self._items.append((self._now(), item))
        self._bytes += len(item.body)
        self._trim()

    def between(self, run_id: str, first: int, last: int) -> list[Item]:
        """Return the items of one run with `first` <= seq <= `last`, in order, each once."""
        self._trim()
        found = {item.seq: item for _, item in self._items if item.run_id == run_id and first <= item.seq <= last}
        return [found[seq] for seq in sorted(found)]

    def _trim(self) -> None:
        too_old = self._now() - MOST_SECONDS
        while self._items and (self._bytes > MOST_BYTES or self._items[0][0] < too_old):
            self._bytes -= len(self._items.popleft()[1].body)
