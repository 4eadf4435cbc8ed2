"""What goes out next, and what comes back: the outbox as the publisher sees it.

A batch is *fresh* for three seconds, then it is *history*. Handed out, it is *in flight* until `done`, `back` or
`refuse` is called for it. Everything here runs on the event loop and never blocks it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from .entries import Entry
from .index import Index
from .recent import Recent
from .retention import Bounds, Retention
from .storage import Storage
from .store import Gap, Item, NullStore, Previous, Stats, Store

# Seconds; what the topic `batch` promises.
FRESH = 3.0


class Outbox:
    """Bounded, ordered, durable as configured. `Index`, `Storage` and `Retention` do the work.

    Args:
        run_id: the present run of the agent.
        now: the clock that `Item.taken` is measured on.
        store: where batches survive a power cut; None keeps them in memory only.
        durability: "always": stored before it is handed out. "outage": stored once the broker does not acknowledge.
            "memory": never stored, which is what it is without a store.
        max_size, max_age, when_full: see `Bounds`.
        storage_changed: called on the loop at once when `stats().storage` changes, and when a store that opens late
            tells of the previous run.

    Attributes:
        ready: set whenever there may be something new to send; the reader clears it.
        refused, unheard: batches that the broker refused for good, and that it took without a subscriber.
        delivered: called with each batch that the broker has acknowledged.
    """

    def __init__(
        self,
        run_id: str,
        now: Callable[[], float],
        *,
        kernel_boot: str = "",
        store: Store | None = None,
        durability: str = "outage",
        max_size: int = Bounds.max_size,
        max_age: float = Bounds.max_age,
        when_full: str = Bounds.when_full,
        storage_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.run_id, self.now, self.kernel_boot = run_id, now, kernel_boot
        self.ready, self._idle = asyncio.Event(), asyncio.Event()
        self.delivered: Callable[[Item], object] = lambda _item: None
        self._idle.set()
        self.index = Index()
        durability = "memory" if store is None else durability
        self.storage = Storage(
            self.index,
            store,
            now,
            run_id=run_id,
            kernel_boot=kernel_boot,
            durability=durability,
            changed=storage_changed,
        )
        bounds = Bounds(max_size, max_age, when_full)
        self.retention = Retention(self.index, self.storage, bounds, changed=self._changed)
        self.acknowledged = Recent(now)
        self.refused = self.unheard = self._last_seq = 0

    def adjust(self, *, durability: str, max_size: int, max_age: float, when_full: str) -> bool:
        """Take other bounds from now on; return whether the durability could be had, which needs a store."""
        self.retention.bounds = Bounds(max_size, max_age, when_full)
        if durability != "memory" and isinstance(self.storage.store, NullStore):
            return False
        self.storage.durability = durability
        return True

    # --- in and out

    def put(self, item: Item) -> None:
        """Take a new batch. A full outbox makes room as `when_full` says, and declares what it gave up."""
        if item.run_id == self.run_id:
            self._last_seq = max(self._last_seq, item.seq)
        if self.retention.turns_away(item):
            self.retention.declare(item, "full")
        else:
            self._idle.clear()
            now = self.now()
            entry = self.index.add(item)
            entry.put_at = now
            self.index.fresh.append(entry)
            self._age(now)
            self.retention.look()
        self.ready.set()

    def live(self, now: float) -> Item | None:
        """Hand out the next fresh batch that was never handed out; with "always", only once it is stored."""
        self._age(now)
        fresh = self.index.fresh
        if fresh and self.storage.safe(fresh[0]):
            return self.index.fly(fresh.popleft())
        return None

    async def history(self, limit: int, leave_out: frozenset[str] = frozenset()) -> list[Item]:
        """Hand out up to `limit` batches that are not fresh, oldest first, none of the topics in `leave_out`.

        These stay, and do not count as history until the next call asks for them.
        """
        self.index.leave_out(leave_out)
        self._age(self.now())
        return [self.index.fly(entry) for entry in await self.retention.oldest(limit)]

    def done(self, item: Item, *, heard: bool = True) -> None:
        """Take note that the broker has it; `heard`: there was a subscriber."""
        self.unheard += not heard
        if (entry := self.index.land(item)) is not None:
            self.index.remove(entry)
            self.acknowledged.add(item)
            self.delivered(item)
            self._changed()

    def back(self, item: Item) -> None:
        """Take back what was not delivered; it is history now."""
        if (entry := self.index.land(item)) is not None:
            self.index.wait(entry)
            self.retention.look()
            self.ready.set()

    def refuse(self, item: Item, reason: str) -> None:
        """Give up and declare what can never be delivered."""
        if (entry := self.index.land(item)) is not None:
            self.refused += 1
            self.retention.give_up(entry, reason)
            self.ready.set()

    def next_gap(self) -> Gap | None:
        """Return the oldest gap that the broker has not taken yet; it stays until `gap_done`."""
        return self.retention.gaps.first()

    def gap_done(self, gap: Gap) -> None:
        """Take note that the broker has it."""
        self.index.dead.extend(self.retention.gaps.done(gap))

    def recent(self, run_id: str, first: int, last: int) -> list[Item]:
        """Return the acknowledged batches `first` to `last` that are still in memory."""
        return self.acknowledged.between(run_id, first, last)

    def again(self, items: Iterable[Item]) -> int:
        """Send acknowledged batches once more, as history; return how many."""
        repeats = [self.index.add(item, repeat=True) for item in items]
        for entry in repeats:
            self.index.wait(entry)
        self._changed()
        return len(repeats)

    # --- what it holds

    @property
    def previous(self) -> Previous | None:
        """The run before this one; None at the first start and without a store.

        Before a store has been opened, a run of which nothing is known.
        """
        return self.storage.previous

    @property
    def given_up(self) -> int:
        """How many batches of this run will never be delivered."""
        return self.retention.dropped + self.refused

    @property
    def size(self) -> int:
        """Bytes of all bodies that wait."""
        return self.index.bytes

    @property
    def waiting(self) -> int:
        """How many batches are not acknowledged yet."""
        return len(self.index)

    @property
    def has_history(self) -> bool:
        """Whether `history` would hand something out."""
        self._age(self.now())
        return self.retention.more_on_disk() or self.index.oldest() is not None

    def stats(self) -> Stats:
        """Return the figures for `health`."""
        return Stats(
            durability=self.storage.durability,
            waiting=self.waiting,
            size=self.size,
            oldest=self.storage.oldest_taken(),
            dropped=self.retention.dropped,
            refused=self.refused,
            unheard=self.unheard,
            storage=self.storage.state,
        )

    async def drained(self) -> None:
        """Wait until nothing waits any more."""
        await self._idle.wait()

    # --- what needs time

    async def open(self) -> None:
        """Take over what an earlier run left. It never raises OSError: then it is an outbox in memory, and says so."""
        await self.retention.open()
        self._changed()

    async def run(self) -> None:
        """Store, delete and drop in the background, until cancelled."""
        await self.retention.run()

    async def flush(self) -> bool:
        """Store everything that is not acknowledged now; return whether it is safe."""
        self._age(self.now())
        await self.retention.keep(everything=True)
        return self.storage.everything_is_safe()

    async def close(self) -> None:
        """Store everything, and that this run ended as it should."""
        for entry in list(self.index.in_flight.values()):
            self.back(entry.item)
        await self.flush()
        await self.retention.close(self._last_seq)

    def _age(self, now: float) -> None:
        """Make history of what is fresh no more."""
        fresh = self.index.fresh
        while fresh and not self._is_fresh(fresh[0], now):
            entry = fresh.popleft()
            if entry.number in self.index.memory:
                self.index.wait(entry)

    def _is_fresh(self, entry: Entry, now: float) -> bool:
        # The clock starts again with the kernel, so that moments of another boot cannot be compared.
        here = entry.number in self.index.memory and entry.item.kernel_boot == self.kernel_boot
        return here and now - entry.put_at <= FRESH

    def _changed(self) -> None:
        if len(self.index):
            self._idle.clear()
        else:
            self._idle.set()
        self.ready.set()
