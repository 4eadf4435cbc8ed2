"""What goes out next, and what comes back: the outbox as the publisher sees it. Runs on the loop and never blocks it.

A batch is *fresh* for three seconds, then it is *history*. Handed out, it is *in flight* until `done`, `back` or
`refuse`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from .index import Entry
from .recent import Recent
from .retention import Retention
from .store import Gap, Item, NullStore, Previous, Stats, Store

FRESH = 3.0  # seconds; the public promise of the topic `batch`


class Outbox:
    """Bounded, ordered, durable as configured.

    Attributes:
        ready: set whenever there may be something new to send; the reader clears it.
        max_size: bytes of bodies. max_age: seconds; a batch of another boot of the machine ages from this start on.
        when_full: "drop_oldest", "drop_newest" or "thin": keep every second of the older half.
        durability: "always": stored before it is handed out. "outage": stored once the broker does not acknowledge.
            "memory": never stored, and what it is without a store.
    """

    def __init__(
        self,
        run_id: str,
        now: Callable[[], float],
        *,
        kernel_boot: str = "",
        store: Store | None = None,
        durability: str = "outage",
        max_size: int = 64_000_000,
        max_age: float = 30 * 86400.0,
        when_full: str = "drop_oldest",
    ) -> None:
        self.run_id, self.now, self.kernel_boot = run_id, now, kernel_boot
        self.ready, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self.retention = Retention(
            now,
            kernel_boot=kernel_boot,
            store=store,
            durability="memory" if store is None else durability,
            max_size=max_size,
            max_age=max_age,
            when_full=when_full,
            changed=self._changed,
        )
        self.index = self.retention.index
        self.acknowledged = Recent(now)
        self.refused = self.unheard = self._last_seq = 0

    def adjust(self, *, durability: str, max_size: int, max_age: float, when_full: str) -> bool:
        """Take other bounds from now on; tell whether the durability could be had, too: not where there is no store."""
        retention = self.retention
        retention.max_size, retention.max_age, retention.when_full = max_size, max_age, when_full
        if durability != "memory" and isinstance(retention.store, NullStore):
            return False
        retention.durability = durability
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
            self.index.fresh.append(self.index.add(item))
            self._age(self.now())
            self.retention.look()
        self.ready.set()

    def live(self, now: float) -> Item | None:
        """Hand out the next fresh batch that was never handed out; with "always", only once it is stored."""
        self._age(now)
        if self.index.fresh and self.retention.safe(self.index.fresh[0]):
            return self.index.fly(self.index.fresh.popleft())
        return None

    async def history(self, limit: int) -> list[Item]:
        """Hand out up to `limit` batches that are not fresh, oldest first."""
        self._age(self.now())
        return [self.index.fly(entry) for entry in await self.retention.oldest(limit)]

    def done(self, item: Item, *, heard: bool = True) -> None:
        """The broker has it; `heard`: somebody had subscribed."""
        self.unheard += not heard
        if (entry := self.index.land(item)) is not None:
            self.index.remove(entry)
            self.acknowledged.add(item)
            self._changed()

    def back(self, item: Item) -> None:
        """It was not delivered; it is history now."""
        if (entry := self.index.land(item)) is not None:
            self.index.wait(entry)
            self.retention.look()
            self.ready.set()

    def refuse(self, item: Item, reason: str) -> None:
        """It can never be delivered: give it up, and declare it."""
        if (entry := self.index.land(item)) is not None:
            self.refused += 1
            self.retention.give_up(entry, reason)
            self.ready.set()

    def next_gap(self) -> Gap | None:
        """Return the oldest gap that nobody was told yet; it stays until `gap_done`."""
        return self.retention.gaps.first()

    def gap_done(self, gap: Gap) -> None:
        """The broker has it."""
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
        self.ready.set()
        return len(repeats)

    # --- what it holds

    @property
    def previous(self) -> Previous | None:
        """The run before this one; None at the first start, and until `open`."""
        return self.retention.previous

    @property
    def size(self) -> int:
        """Bytes of all bodies that wait."""
        return self.index.memory_bytes + self.index.disk_bytes

    @property
    def waiting(self) -> int:
        """How many batches are not acknowledged yet."""
        return len(self.index)

    @property
    def has_history(self) -> bool:
        """Whether `history` would hand something out."""
        self._age(self.now())
        return self.index.disk_items > 0 or self.index.oldest() is not None

    def stats(self) -> Stats:
        """Return the figures for `health`."""
        retention = self.retention
        return Stats(
            durability=retention.durability,
            waiting=self.waiting,
            size=self.size,
            oldest=retention.oldest_taken(),
            dropped=retention.dropped,
            refused=self.refused,
            unheard=self.unheard,
            storage=retention.storage,
        )

    async def drained(self) -> None:
        """Wait until nothing waits any more."""
        await self._idle.wait()

    # --- what needs time

    async def open(self) -> None:
        """Take over what an earlier run left. It never raises OSError: then it is an outbox in memory, and says so."""
        await self.retention.open(self.run_id)
        self._changed()
        self.ready.set()

    async def run(self) -> None:
        """Store, delete and drop in the background, until cancelled."""
        await self.retention.run()

    async def flush(self) -> bool:
        """Store everything that is not acknowledged now; return whether it is safe."""
        self._age(self.now())
        await self.retention.keep(everything=True)
        return not self.index.unstored

    async def close(self) -> None:
        """Store everything, and that this run ended as it should."""
        for entry in list(self.index.in_flight.values()):
            self.back(entry.item)
        await self.flush()
        await self.retention.close(self._last_seq)

    def _age(self, now: float) -> None:
        fresh = self.index.fresh
        while fresh and not self._is_fresh(fresh[0], now):
            entry = fresh.popleft()
            if entry.number in self.index.memory:
                self.index.wait(entry)

    def _is_fresh(self, entry: Entry, now: float) -> bool:
        item = entry.item
        return entry.number in self.index.memory and item.kernel_boot == self.kernel_boot and now - item.taken <= FRESH

    def _changed(self) -> None:
        if len(self.index):
            self._idle.clear()
        else:
            self._idle.set()
        self.ready.set()
