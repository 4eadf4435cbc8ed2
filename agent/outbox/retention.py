"""What is stored when, and what is given up: the outbox's durability and its bounds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable

from .gaps import Gaps
from .index import Entry, Index
from .store import Gap, Item, NullStore, Previous, Row, Store

log = logging.getLogger(__name__)

KEEP_EVERY = 5.0
TARDY = 5.0  # seconds without an acknowledgement, after which the disk is needed
GROUP_ITEMS, GROUP_BYTES, GROUP_SECONDS = 64, 64 * 1024, 10.0  # of one transaction
MEMORY_ITEMS, MEMORY_BYTES = 256, 512 * 1024  # beyond this, what is stored leaves memory
DEGRADED_BYTES = 8 * 1024 * 1024  # memory's bound while the store fails
STORE_RETRY = 60.0
EXPIRE_EVERY = 60.0
DROP_ITEMS = 64  # at once, from the store


class Retention:
    """Guards an index: stores it in groups, bounds it in bytes and age, declares each loss.

    Attributes:
        storage: "ok", or "degraded" while the store fails; then everything goes on in memory.
        dropped: batches given up because of the bounds, or found damaged in the store.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        kernel_boot: str,
        store: Store | None,
        durability: str,
        max_size: int,
        max_age: float,
        when_full: str,
        changed: Callable[[], None],
    ) -> None:
        self.now, self.kernel_boot, self.store = now, kernel_boot, store or NullStore()
        self.durability, self.max_size, self.max_age, self.when_full = durability, max_size, max_age, when_full
        self.changed = changed
        self.index = Index()
        self.gaps = Gaps(self.index.next_number)
        self.previous: Previous | None = None
        self.storage, self.dropped = "ok", 0
        self._began, self._committed, self._retry_at = now(), now(), -math.inf
        self._run_id, self._opened, self._met_damage, self._expire_at = "", False, False, -math.inf
        self._lock, self._urgent = asyncio.Lock(), asyncio.Event()

    # --- at once

    def safe(self, entry: Entry) -> bool:
        """Tell whether the batch may leave: with "always" not before it is stored, unless nothing can be stored."""
        return self.durability != "always" or entry.stored or self.storage != "ok"

    def turns_away(self, item: Item) -> bool:
        """Tell whether there is no room for a new batch."""
        return self.when_full == "drop_newest" and self._over(len(item.body))

    def look(self) -> None:
        """See after something came in whether there is something to do."""
        index = self.index
        if index.disk_items == 0 or self.storage != "ok":
            self._bound_memory()
        elif self._over():
            self._urgent.set()
        if self._hurries():
            self._urgent.set()

    def _hurries(self) -> bool:
        if self.durability == "memory":
            return False
        waiting = len(self.index.unstored)
        return waiting > 0 and (
            self.durability == "always" or self._tight() or (waiting >= GROUP_ITEMS and self._tardy())
        )

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
        self.index.dead.extend(self.gaps.declare(gap))

    def oldest_taken(self) -> float | None:
        """Return when the oldest batch in memory was taken; None without one, or for another boot of the machine."""
        entry = next(iter(self.index.memory.values()), None)
        return entry.item.taken if entry is not None and entry.item.kernel_boot == self.kernel_boot else None

    # --- in the background

    async def open(self, run_id: str) -> None:
        """Take over what the store holds; if it cannot be opened now, as soon as it can."""
        self._run_id = run_id
        try:
            await self._open()
        except OSError as error:
            self._failed(error)

    async def _open(self) -> None:
        contents = await self.store.open(self._run_id)
        self._opened = True
        self.index.load(contents.rows, contents.size, contents.last)
        self.gaps.load(contents.gaps, contents.last)
        self.previous = contents.previous
        self.dropped += contents.lost

    async def close(self, last_seq: int) -> None:
        """End the store's run."""
        try:
            await self.store.close(last_seq)
        except OSError as error:
            self._failed(error)

    async def run(self) -> None:
        """Keep, every few seconds and when it is urgent."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KEEP_EVERY):
                    await self._urgent.wait()
            self._urgent.clear()
            await self.keep()

    async def keep(self, *, everything: bool = False) -> None:
        """Store what has to be stored, delete what was acknowledged, drop what is too old or too much."""
        self._expire_memory()
        if self.durability == "memory":
            self.index.dead.clear()
            self.gaps.unstored.clear()
            return
        if self.storage != "ok" and self.now() < self._retry_at and not everything:
            return
        try:
            async with self._lock:
                if not self._opened:
                    await self._open()
                await self._delete()
                if everything or self._must_store():
                    await self._store()
            await self._bound_disk()
            await self._expire_disk()
        except OSError as error:
            self._failed(error)
        else:
            self._recovered()
        self.changed()

    async def oldest(self, limit: int) -> list[Entry]:
        """Return up to `limit` entries of history, oldest first, that are in memory now; take them, or `wait` them."""
        taken = self.index.take(limit)
        if taken or self.index.disk_items == 0:
            return taken
        try:
            async with self._lock:
                rows = await self.store.scan(self.index.cursor, limit)
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

    # --- the store

    def _tight(self) -> bool:
        return len(self.index.memory) > MEMORY_ITEMS or self.index.memory_bytes > MEMORY_BYTES

    def _tardy(self) -> bool:
        oldest = self.oldest_taken()
        late = oldest is not None and self.now() - oldest > TARDY
        return late or self._tight() or self.index.disk_items > 0

    def _must_store(self) -> bool:
        index = self.index
        if self.durability == "always":
            return bool(index.unstored or self.gaps.unstored)
        if not self._tardy():
            return bool(self.gaps.unstored)
        enough = len(index.unstored) >= GROUP_ITEMS or index.unstored_bytes >= GROUP_BYTES
        return enough or self.now() - self._committed >= GROUP_SECONDS - KEEP_EVERY

    async def _store(self) -> None:
        entries = [entry for entry in self.index.unstored.values() if not entry.repeat]
        rows = [Row(entry.number, entry.item) for entry in entries] + self.gaps.to_store()
        if rows:
            await self.store.append(rows)
            self.index.stored(entries)
            self.gaps.unstored.difference_update(row.number for row in rows)
            self._committed = self.now()
        self.index.evict(MEMORY_ITEMS, MEMORY_BYTES)

    async def _delete(self) -> None:
        dead, self.index.dead = self.index.dead, []
        try:
            if dead:
                await self.store.delete(dead)
        except OSError:
            self.index.dead += dead
            raise

    def _failed(self, error: OSError) -> None:
        self._retry_at = self.now() + STORE_RETRY
        if self.storage == "ok":
            self.storage = "degraded"
            log.warning("outbox goes on in memory", extra={"error": str(error)})
        self._bound_memory()

    def _recovered(self) -> None:
        if self.storage != "ok":
            self.storage = "ok"
            log.info("outbox is on disk again")

    # --- the bounds

    def _over(self, more: int = 0) -> bool:
        index = self.index
        if self.storage != "ok":
            return index.memory_bytes + more > min(DEGRADED_BYTES, self.max_size)
        return index.memory_bytes + index.disk_bytes + more > self.max_size

    def _bound_memory(self) -> None:
        while self._over():
            if self.when_full == "thin" and self._thin(self.index.history()):
                continue
            fresh = self.index.fresh
            if (entry := self.index.oldest() or (fresh.popleft() if len(fresh) > 1 else None)) is None:
                return
            self.give_up(entry, "full")

    def _thin(self, history: list[Entry]) -> int:
        for entry in (victims := history[: len(history) // 2][1::2]):
            self.give_up(entry, "full")
        return len(victims)

    async def _bound_disk(self) -> None:
        if self._over() and self.index.disk_items and self.when_full == "thin":
            await self._thin_disk()
        while self._over() and self.index.disk_items:
            for entry in await self.oldest(DROP_ITEMS):
                self.give_up(entry, "full")
            async with self._lock:
                await self._delete()

    async def _thin_disk(self) -> None:
        after, left, odd = self.index.cursor, self.index.disk_items // 2, False
        while left > 0:
            async with self._lock:
                rows = await self.store.scan(after, DROP_ITEMS)
                for number, record in rows[:left]:
                    after, odd = number, not odd
                    if odd and isinstance(record, Item) and self.index.forget(number, record):
                        self.declare(record, "full")
                await self._delete()
            left = left - len(rows) if len(rows) == DROP_ITEMS else 0

    def _too_old(self, item: Item) -> bool:
        since = item.taken if item.kernel_boot == self.kernel_boot else self._began
        return self.now() - since > self.max_age

    def _expire_memory(self) -> None:
        while self.index.oldest_is_in_memory() and (entry := self.index.oldest()) and self._too_old(entry.item):
            self.give_up(entry, "too_old")

    async def _expire_disk(self) -> None:
        if self.now() < self._expire_at:
            return
        self._expire_at = self.now() + EXPIRE_EVERY
        while self.index.disk_items:
            async with self._lock:  # only a look: what is taken and put back would lose its turn
                rows = await self.store.scan(self.index.cursor, 1)
            if not rows or (isinstance(rows[0].record, Item) and not self._too_old(rows[0].record)):
                return
            for entry in await self.oldest(1):
                self.give_up(entry, "too_old") if self._too_old(entry.item) else self.index.wait(entry)
