"""What is written to the store and when, and how the outbox goes on without it."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .entries import Entry
from .gaps import Gaps
from .index import Index
from .store import Contents, NullStore, Previous, Row, Store

T = TypeVar("T")
log = logging.getLogger(__name__)

# Seconds without an acknowledgement after which the disk is needed.
TARDY = 5.0
# One transaction: its size, and the seconds that a smaller one waits at most.
GROUP_ITEMS, GROUP_BYTES, GROUP_SECONDS = 64, 64 * 1024, 10.0
KEEP_EVERY = 5.0
# Beyond this, what is stored leaves memory.
MEMORY_ITEMS, MEMORY_BYTES = 256, 512 * 1024
# A disk that does not answer within this many seconds is left alone, and tried again as often as one that fails.
DEADLINE, DEADLINE_AT_START = 5.0, 2.5
RETRY_EVERY = 5.0
# What is told of the earlier run while the store has not opened yet.
UNKNOWN = Previous(None, None, clean=False)


class Storage:
    """Writes what the index says to the store, in groups. Only the event loop touches it.

    Attributes:
        gaps: what had to be given up.
        durability: "always", "outage" or "memory"; a reload may change it.
        state: "ok", or "degraded" while the store fails and everything goes on in memory.
        previous: the run before this one.
    """

    def __init__(
        self,
        index: Index,
        store: Store | None,
        now: Callable[[], float],
        *,
        run_id: str,
        kernel_boot: str,
        durability: str,
        changed: Callable[[], None],
    ) -> None:
        self.index, self.gaps = index, Gaps(index.next_number)
        self.store, self.now = store or NullStore(), now
        self.run_id, self.kernel_boot, self.durability = run_id, kernel_boot, durability
        self.changed = changed
        self.state = "ok"
        self.previous = None if store is None else UNKNOWN
        # What the store held when this run began is in the index; it is known what the store holds now.
        self._loaded = self._opened = False
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

    def everything_is_safe(self) -> bool:
        """Return whether nothing would be lost now with memory."""
        return not self.gaps.unstored and all(entry.repeat for entry in self.index.unstored.values())

    # --- the store; each of these may raise OSError

    async def open(self) -> int:
        """Take over what an earlier run left; return how many batches were found lost."""
        async with self._lock:
            return await self._open(DEADLINE_AT_START)

    async def sync(self, *, everything: bool) -> int:
        """Delete what was acknowledged, store what is due or `everything`; return what a late opening found lost."""
        async with self._lock:
            lost = 0 if self._opened else await self._open(DEADLINE)
            await self._delete()
            if everything or self._must_store():
                await self._store()
            self.index.evict(MEMORY_ITEMS, MEMORY_BYTES)
            return lost

    async def scan(self, after: int, limit: int) -> list[Row]:
        """Return up to `limit` rows whose numbers are greater than `after`."""
        async with self._lock:
            return await self._ask(self.store.scan(after, limit))

    async def delete(self) -> None:
        """Delete the dead rows."""
        async with self._lock:
            await self._delete()

    async def close(self, last_seq: int) -> None:
        """End the store's run, whose last batch was `last_seq`; it ended well if nothing is lost with it."""
        async with self._lock:
            await self._ask(self.store.close(last_seq if self.everything_is_safe() else None))

    async def _ask(self, answer: Awaitable[T], within: float = DEADLINE) -> T:
        """Return what the store answers in time. After an error it has to be opened before anything else is asked."""
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError:
            self._opened = False
            raise OSError(errno.ETIMEDOUT, f"the disk has not answered for {within:g} s") from None
        except OSError:
            self._opened = False
            raise

    async def _open(self, within: float) -> int:
        contents = await self._ask(self.store.open(self.run_id), within)
        if self._loaded:
            await self._resume(contents)
        else:
            self.index.load(contents.rows, contents.size, contents.last)
            self.gaps.load(contents.gaps, contents.last)
            self.previous, self._loaded = contents.previous, True
            self.changed()
        self._opened = True
        return contents.lost

    async def _resume(self, contents: Contents) -> None:
        """Go on with a store that failed, and of which it is not certain what it still holds."""
        dead = set(self.index.dead)
        self.gaps.resume([row for row in contents.gaps if row.number not in dead])
        self.index.all_unstored()
        await self._delete()
        await self._store()
        contents = await self._ask(self.store.open(self.run_id))
        self.index.recount(contents.rows, contents.size)

    async def _delete(self) -> None:
        dead, self.index.dead = self.index.dead, []
        try:
            if dead:
                await self._ask(self.store.delete(dead))
        except BaseException:
            # Cancelled, too: a row that is deleted twice is no error, one that stays would be sent again.
            self.index.dead += dead
            raise

    async def _store(self) -> None:
        entries = [entry for entry in self.index.unstored.values() if not entry.repeat]
        rows = [Row(entry.number, entry.item) for entry in entries] + self.gaps.to_store()
        if rows:
            await self._ask(self.store.append(rows))
            self.index.stored(entries)
            self.gaps.unstored.difference_update(row.number for row in rows)
            self._committed = self.now()

    # --- its state

    def failed(self, error: OSError) -> None:
        """Go on in memory, and try again later."""
        self._retry_at = self.now() + RETRY_EVERY
        if self.state == "ok":
            self.state = "degraded"
            log.warning("outbox goes on in memory", extra={"error": str(error)})
            self.changed()

    def works(self) -> None:
        """Note that everything that was due could be done."""
        if self.state != "ok":
            self.state = "ok"
            log.info("outbox is on disk again")
            self.changed()
