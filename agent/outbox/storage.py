"""What is written to the store and when, and how the outbox goes on without it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

from .gaps import Gaps
from .index import Entry, Index
from .store import Contents, NullStore, Previous, Row, Store

log = logging.getLogger(__name__)

# Seconds without an acknowledgement after which the disk is needed.
TARDY = 5.0
# One transaction: so much is stored at once, and what is less waits so many seconds at most.
GROUP_ITEMS, GROUP_BYTES, GROUP_SECONDS = 64, 64 * 1024, 10.0
KEEP_EVERY = 5.0
# Beyond this, what is stored leaves memory.
MEMORY_ITEMS, MEMORY_BYTES = 256, 512 * 1024
RETRY_EVERY = 60.0


class Storage:
    """Writes what the index says to the store, in groups. Only the event loop touches it.

    Attributes:
        durability: "always", "outage" or "memory"; a reload may change it.
        state: "ok", or "degraded" while the store fails and everything goes on in memory.
        previous: the run before this one; None until the store is open.
    """

    def __init__(
        self,
        index: Index,
        gaps: Gaps,
        store: Store | None,
        now: Callable[[], float],
        *,
        run_id: str,
        kernel_boot: str,
        durability: str,
    ) -> None:
        self.index, self.gaps, self.store, self.now = index, gaps, store or NullStore(), now
        self.run_id, self.kernel_boot, self.durability = run_id, kernel_boot, durability
        self.state = "ok"
        self.previous: Previous | None = None
        self._opened = False
        self._committed, self._retry_at = now(), -math.inf
        # A store takes one call at a time.
        self._lock = asyncio.Lock()

    # --- questions

    def safe(self, entry: Entry) -> bool:
        """Return whether the batch may leave: with "always" only once it is stored, unless nothing can be stored."""
        return self.durability != "always" or entry.stored or self.state != "ok"

    def hurries(self) -> bool:
        """Return whether something should be stored now rather than at the next regular time."""
        waiting = len(self.index.unstored)
        if self.durability == "memory" or waiting == 0:
            return False
        return self.durability == "always" or self._tight() or (waiting >= GROUP_ITEMS and self._tardy())

    def may_try(self) -> bool:
        """Return whether the store works, or has been left alone for long enough after an error."""
        return self.state == "ok" or self.now() >= self._retry_at

    def oldest_taken(self) -> float | None:
        """Return when the oldest batch in memory was taken; None without one, or if another kernel boot took it."""
        entry = next(iter(self.index.memory.values()), None)
        return entry.item.taken if entry is not None and entry.item.kernel_boot == self.kernel_boot else None

    def _tight(self) -> bool:
        return len(self.index.memory) > MEMORY_ITEMS or self.index.memory.bytes > MEMORY_BYTES

    def _tardy(self) -> bool:
        oldest = self.oldest_taken()
        late = oldest is not None and self.now() - oldest > TARDY
        return late or self._tight() or self.index.disk.items > 0

    def _must_store(self) -> bool:
        unstored = self.index.unstored
        if self.durability == "always":
            return bool(unstored or self.gaps.unstored)
        if not self._tardy():
            return bool(self.gaps.unstored)
        enough = len(unstored) >= GROUP_ITEMS or unstored.bytes >= GROUP_BYTES
        # A group that is not due now would be late at the next regular time.
        return enough or self.now() - self._committed >= GROUP_SECONDS - KEEP_EVERY

    # --- the store; each of these may raise OSError

    async def open(self) -> Contents:
        """Take over what an earlier run left."""
        contents = await self.store.open(self.run_id)
        self._opened = True
        self.index.load(contents.rows, contents.size, contents.last)
        self.gaps.load(contents.gaps, contents.last)
        self.previous = contents.previous
        return contents

    async def sync(self, *, everything: bool) -> Contents | None:
        """Delete what was acknowledged, store what is due or `everything`; return what a late opening found."""
        async with self._lock:
            contents = None if self._opened else await self.open()
            await self._delete()
            if everything or self._must_store():
                await self._store()
            return contents

    async def scan(self, after: int, limit: int) -> list[Row]:
        """Return up to `limit` rows whose numbers are greater than `after`."""
        async with self._lock:
            return await self.store.scan(after, limit)

    async def delete(self) -> None:
        """Delete the dead rows."""
        async with self._lock:
            await self._delete()

    async def _delete(self) -> None:
        dead, self.index.dead = self.index.dead, []
        try:
            if dead:
                await self.store.delete(dead)
        except OSError:
            self.index.dead += dead
            raise

    async def _store(self) -> None:
        entries = [entry for entry in self.index.unstored.values() if not entry.repeat]
        rows = [Row(entry.number, entry.item) for entry in entries] + self.gaps.to_store()
        if rows:
            await self.store.append(rows)
            self.index.stored(entries)
            self.gaps.unstored.difference_update(row.number for row in rows)
            self._committed = self.now()
        self.index.evict(MEMORY_ITEMS, MEMORY_BYTES)

    async def close(self, last_seq: int) -> None:
        """End the store's run, whose last batch was `last_seq`."""
        await self.store.close(last_seq)

    # --- its state

    def failed(self, error: OSError) -> None:
        """Go on in memory, and try again later."""
        self._retry_at = self.now() + RETRY_EVERY
        if self.state == "ok":
            self.state = "degraded"
            log.warning("outbox goes on in memory", extra={"error": str(error)})

    def works(self) -> None:
        """Note that everything that was due could be done."""
        if self.state != "ok":
            self.state = "ok"
            log.info("outbox is on disk again")
