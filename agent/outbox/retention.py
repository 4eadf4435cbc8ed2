"""What is given up: the outbox's bounds in bytes and age, each loss declared."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
from collections.abc import Callable
from typing import NamedTuple

from .entries import Entry
from .index import Index
from .storage import KEEP_EVERY, Storage
from .store import Gap, Item, Row

log = logging.getLogger(__name__)

# Memory's bound while the store fails.
DEGRADED_BYTES = 8 * 1024 * 1024
EXPIRE_EVERY = 60.0
# The number of batches that are dropped from the store at once.
DROP_ITEMS = 64


class Bounds(NamedTuple):
    """What an outbox may hold.

    Attributes:
        max_size: bytes of bodies.
        max_age: seconds; a batch that was taken before the last kernel boot ages from the start of this run.
        when_full: "drop_oldest", "drop_newest" or "thin", which keeps every second batch of the older half.
    """

    max_size: int = 64_000_000
    max_age: float = 30 * 86400.0
    when_full: str = "drop_oldest"


USUAL = Bounds()


class Retention:
    """Keeps the index within its bounds. Only the event loop touches it.

    Attributes:
        bounds: a reload may change them.
        dropped: batches that were given up because of the bounds, or were found damaged in the store.
    """

    def __init__(self, index: Index, storage: Storage, bounds: Bounds, *, changed: Callable[[], None]) -> None:
        self.index, self.gaps, self.storage, self.bounds, self.changed = index, storage.gaps, storage, bounds, changed
        self.dropped = 0
        self._began = storage.now()
        self._expire_at = -math.inf
        self._met_damage = False
        self._urgent = asyncio.Event()

    # --- at once

    def turns_away(self, item: Item) -> bool:
        """Return whether there is no room for a new batch."""
        return self.bounds.when_full == "drop_newest" and self._over(len(item.body))

    def look(self) -> None:
        """See after a batch came in whether there is something to do."""
        if self.index.disk.items == 0 or self.storage.state != "ok":
            self._bound_memory()
        elif self._over():
            self._urgent.set()
        if self.storage.hurries():
            self._urgent.set()

    def give_up(self, entry: Entry, reason: str) -> None:
        """Forget a batch, and declare it unless it was delivered before."""
        self.index.remove(entry)
        if not entry.repeat:
            self.declare(entry.item, reason)
        self.changed()

    def declare(self, item: Item, reason: str) -> None:
        """Declare a batch as given up."""
        self.dropped += reason in ("full", "too_old")
        self._declare(Gap(item.run_id, item.seq, item.seq, reason))

    def _damaged(self, gap: Gap) -> None:
        if not self._met_damage:
            log.warning("stored batch was damaged", extra={"run_id": gap.run_id, "seq": gap.first})
        self._met_damage = True
        self.dropped += 1
        self._declare(gap)

    def _declare(self, gap: Gap) -> None:
        # A gap that swallowed its neighbours replaces their rows in the store.
        self.index.dead.extend(self.gaps.declare(gap))

    # --- in the background

    async def open(self) -> None:
        """Take over what the store holds; if it cannot be opened now, `keep` tries again."""
        try:
            self.dropped += await self.storage.open()
        except OSError as error:
            self._failed(error)

    async def close(self, last_seq: int) -> None:
        """End the store's run."""
        try:
            await self.storage.close(last_seq)
        except OSError as error:
            self._failed(error)

    async def run(self) -> None:
        """Keep, every few seconds and when it is urgent, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEEP_EVERY):
                    await self._urgent.wait()
            self._urgent.clear()
            await self.keep()

    async def keep(self, *, everything: bool = False) -> None:
        """Store what has to be stored, delete what was acknowledged, drop what is too old or too much."""
        self._expire_memory()
        if self.storage.durability == "memory":
            self.index.dead.clear()
            self.gaps.unstored.clear()
            return
        if not everything and not self.storage.may_try():
            return
        try:
            self.dropped += await self.storage.sync(everything=everything)
            await self._bound_disk()
            await self._expire_disk()
        except OSError as error:
            self._failed(error)
        else:
            self.storage.works()
        self.changed()

    async def oldest(self, limit: int) -> list[Entry]:
        """Take up to `limit` entries of history, oldest first; they are in memory now. `Index.wait` puts one back."""
        # While the store fails, out of order is better than not at all.
        taken = self.index.take(limit, leap=self.storage.state != "ok")
        while not taken and self.more_on_disk():
            try:
                rows = await self.storage.scan(self.index.cursor, limit)
            except OSError as error:
                self._failed(error)
                return self.index.take(limit, leap=True)
            for found in self.index.adopt(rows, limit):
                if isinstance(found, Gap):
                    self._damaged(found)
                else:
                    found.waits = False
                    taken.append(found)
        return taken

    def more_on_disk(self) -> bool:
        """Return whether the store may have history that `oldest` would hand out."""
        return self.index.more_on_disk and self.storage.state == "ok"

    def _failed(self, error: OSError) -> None:
        self.storage.failed(error)
        self._bound_memory()

    # --- the bounds

    def _over(self, more: int = 0) -> bool:
        if self.storage.state != "ok":
            return self.index.memory.bytes + more > min(DEGRADED_BYTES, self.bounds.max_size)
        return self.index.bytes + more > self.bounds.max_size

    def _bound_memory(self) -> None:
        while self._over():
            if self.bounds.when_full == "thin" and self._thin(self.index.history()):
                continue
            fresh = self.index.fresh
            # The newest batch stays, however large it is; what is in flight is not touched.
            if (entry := self.index.oldest_of_all() or (fresh.popleft() if len(fresh) > 1 else None)) is None:
                return
            self.give_up(entry, "full")

    def _thin(self, history: list[Entry]) -> int:
        for entry in (victims := history[: len(history) // 2][1::2]):
            self.give_up(entry, "full")
        return len(victims)

    async def _bound_disk(self) -> None:
        if self._over() and self.index.disk.items and self.bounds.when_full == "thin":
            await self._thin_disk()
        after: int | None = 0
        while after is not None and self.index.disk.items and self._over():
            after = await self._drop_stored(after, "full", lambda _: True)

    async def _thin_disk(self) -> None:
        after, left, odd = self.index.cursor, self.index.disk.items // 2, False
        while left > 0:
            rows = await self.storage.scan(after, DROP_ITEMS)
            for number, record in rows[:left]:
                after, odd = number, not odd
                if odd and isinstance(record, Item) and self.index.forget(number, record):
                    self.declare(record, "full")
            await self.storage.delete()
            left = left - len(rows) if len(rows) == DROP_ITEMS else 0

    def _too_old(self, item: Item) -> bool:
        since = item.taken if item.kernel_boot == self.storage.kernel_boot else self._began
        return self.storage.now() - since > self.bounds.max_age

    def _expire_memory(self) -> None:
        while self.index.oldest_is_in_memory() and (entry := self.index.oldest()) and self._too_old(entry.item):
            self.give_up(entry, "too_old")

    async def _expire_disk(self) -> None:
        if self.storage.now() < self._expire_at:
            return
        self._expire_at = self.storage.now() + EXPIRE_EVERY
        after: int | None = 0
        while after is not None and self.index.disk.items:
            after = await self._drop_stored(after, "too_old", self._too_old)

    async def _drop_stored(self, after: int, reason: str, wanted: Callable[[Item], bool]) -> int | None:
        """Give up the next few stored batches, up to the first that is not `wanted`; return where more may follow."""
        rows = await self.storage.scan(after, DROP_ITEMS)
        for number, record in (given_up := list(itertools.takewhile(lambda row: _is_wanted(row, wanted), rows))):
            if (entry := self.index.memory.get(number)) is not None:
                # What is in flight stays until the broker has answered.
                if entry.waits:
                    self.give_up(entry, reason)
            elif self.index.forget(number, record):
                self._damaged(record) if isinstance(record, Gap) else self.declare(record, reason)
        await self.storage.delete()
        return rows[-1].number if len(given_up) == DROP_ITEMS else None


def _is_wanted(row: Row, wanted: Callable[[Item], bool]) -> bool:
    return isinstance(row.record, Gap) or wanted(row.record)
