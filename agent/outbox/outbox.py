"""What goes out next, and what comes back: the outbox as the publisher sees it. Runs on the loop and never blocks it.

A batch is *fresh* for three seconds, then it is *history*. Handed out, it is *in flight* until `done`, `back` or
`refuse`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from .index import Entry
from .recent import Recent
from .retention import Keeper
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
        boot: str,
        now: Callable[[], float],
        *,
        machine: str = "",
        store: Store | None = None,
        durability: str = "outage",
        max_size: int = 64_000_000,
        max_age: float = 30 * 86400.0,
        when_full: str = "drop_oldest",
    ) -> None:
        self.boot, self.now, self.machine = boot, now, machine
        self.ready, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self.keeper = Keeper(
            now,
            machine=machine,
            store=store,
            durability="memory" if store is None else durability,
            max_size=max_size,
            max_age=max_age,
            when_full=when_full,
            changed=self._changed,
        )
        self.shelf = self.keeper.shelf
        self.acknowledged = Recent(now)
        self.refused = self.unheard = self._last_seq = 0

    def adjust(self, *, durability: str, max_size: int, max_age: float, when_full: str) -> bool:
        """Take other bounds from now on; tell whether the durability could be had, too: not where there is no store."""
        keeper = self.keeper
        keeper.max_size, keeper.max_age, keeper.when_full = max_size, max_age, when_full
        if durability != "memory" and isinstance(keeper.store, NullStore):
            return False
        keeper.durability = durability
        return True

    # --- in and out

    def put(self, item: Item) -> None:
        """Take a new batch. A full outbox makes room as `when_full` says, and declares what it gave up."""
        if item.boot == self.boot:
            self._last_seq = max(self._last_seq, item.seq)
        if self.keeper.turns_away(item):
            self.keeper.declare(item, "full")
        else:
            self._idle.clear()
            self.shelf.fresh.append(self.shelf.add(item))
            self._age(self.now())
            self.keeper.look()
        self.ready.set()

    def live(self, now: float) -> Item | None:
        """Hand out the next fresh batch that was never handed out; with "always", only once it is stored."""
        self._age(now)
        if self.shelf.fresh and self.keeper.safe(self.shelf.fresh[0]):
            return self.shelf.fly(self.shelf.fresh.popleft())
        return None

    async def history(self, limit: int) -> list[Item]:
        """Hand out up to `limit` batches that are not fresh, oldest first."""
        self._age(self.now())
        return [self.shelf.fly(entry) for entry in await self.keeper.oldest(limit)]

    def done(self, item: Item, *, heard: bool = True) -> None:
        """The broker has it; `heard`: somebody had subscribed."""
        self.unheard += not heard
        if (entry := self.shelf.land(item)) is not None:
            self.shelf.remove(entry)
            self.acknowledged.add(item)
            self._changed()

    def back(self, item: Item) -> None:
        """It was not delivered; it is history now."""
        if (entry := self.shelf.land(item)) is not None:
            self.shelf.wait(entry)
            self.keeper.look()
            self.ready.set()

    def refuse(self, item: Item, reason: str) -> None:
        """It can never be delivered: give it up, and declare it."""
        if (entry := self.shelf.land(item)) is not None:
            self.refused += 1
            self.keeper.give_up(entry, reason)
            self.ready.set()

    def next_gap(self) -> Gap | None:
        """Return the oldest gap that nobody was told yet; it stays until `gap_done`."""
        return self.keeper.gaps.first()

    def gap_done(self, gap: Gap) -> None:
        """The broker has it."""
        self.shelf.dead.extend(self.keeper.gaps.done(gap))

    def recent(self, boot: str, first: int, last: int) -> list[Item]:
        """Return the acknowledged batches `first` to `last` that are still in memory."""
        return self.acknowledged.between(boot, first, last)

    def again(self, items: Iterable[Item]) -> int:
        """Send acknowledged batches once more, as history; return how many."""
        repeats = [self.shelf.add(item, repeat=True) for item in items]
        for entry in repeats:
            self.shelf.wait(entry)
        self._changed()
        self.ready.set()
        return len(repeats)

    # --- what it holds

    @property
    def previous(self) -> Previous | None:
        """The run before this one; None at the first start, and until `open`."""
        return self.keeper.previous

    @property
    def size(self) -> int:
        """Bytes of all bodies that wait."""
        return self.shelf.memory_bytes + self.shelf.disk_bytes

    @property
    def waiting(self) -> int:
        """How many batches are not acknowledged yet."""
        return len(self.shelf)

    @property
    def has_history(self) -> bool:
        """Whether `history` would hand something out."""
        self._age(self.now())
        return self.shelf.disk_items > 0 or self.shelf.oldest() is not None

    def stats(self) -> Stats:
        """Return the figures for `health`."""
        keeper = self.keeper
        return Stats(
            durability=keeper.durability,
            waiting=self.waiting,
            size=self.size,
            oldest=keeper.oldest_taken(),
            dropped=keeper.dropped,
            refused=self.refused,
            unheard=self.unheard,
            storage=keeper.storage,
        )

    async def drained(self) -> None:
        """Wait until nothing waits any more."""
        await self._idle.wait()

    # --- what needs time

    async def open(self) -> None:
        """Take over what an earlier run left. It never raises OSError: then it is an outbox in memory, and says so."""
        await self.keeper.open(self.boot)
        self._changed()
        self.ready.set()

    async def run(self) -> None:
        """Store, delete and drop in the background, until cancelled."""
        await self.keeper.run()

    async def flush(self) -> bool:
        """Store everything that is not acknowledged now; return whether it is safe."""
        self._age(self.now())
        await self.keeper.keep(everything=True)
        return not self.shelf.unstored

    async def close(self) -> None:
        """Store everything, and that this run ended as it should."""
        for entry in list(self.shelf.in_flight.values()):
            self.back(entry.item)
        await self.flush()
        await self.keeper.close(self._last_seq)

    def _age(self, now: float) -> None:
        fresh = self.shelf.fresh
        while fresh and not self._is_fresh(fresh[0], now):
            entry = fresh.popleft()
            if entry.number in self.shelf.memory:
                self.shelf.wait(entry)

    def _is_fresh(self, entry: Entry, now: float) -> bool:
        item = entry.item
        return entry.number in self.shelf.memory and item.machine == self.machine and now - item.taken <= FRESH

    def _changed(self) -> None:
        if len(self.shelf):
            self._idle.clear()
        else:
            self._idle.set()
        self.ready.set()
