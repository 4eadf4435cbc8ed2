"""What an outbox holds, and the port of the store that keeps it over a power cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Item(NamedTuple):
    """One encoded batch.

    Attributes:
        run_id: the run of the agent that made it. seq: its number in that run, from 1.
        taken: the moment that its timestamp tells, in seconds of `Clock.now()`.
        kernel_boot: the boot of the machine that `taken` belongs to; "" if unknown.
        topic: the topic of the device that made it, such as "limpet/greenhouse-1"; "" if unknown.
    """

    run_id: str
    seq: int
    taken: float
    kernel_boot: str
    body: bytes
    topic: str = ""


class Gap(NamedTuple):
    """Batches `first` to `last` of a run that were given up.

    Attributes:
        reason: "full", "too_old", "refused", "too_large" or "corrupt".
    """

    run_id: str
    first: int
    last: int
    reason: str


class Previous(NamedTuple):
    """The run before this one.

    Attributes:
        run_id: None if it is not known any more which one it was.
        last_seq: its last known batch; there may be later ones unless it ended cleanly. None: not even that.
        clean: it ended as it should.
    """

    run_id: str | None
    last_seq: int | None
    clean: bool


class Row(NamedTuple):
    """One record of a store; `number` ascends in the order of arrival and names it."""

    number: int
    record: Item | Gap


class Contents(NamedTuple):
    """What a store held when it was opened.

    Attributes:
        rows, size: number of items and the bytes of their bodies; gaps are not counted.
        last: the greatest row number ever used; 0 for a new store.
        gaps: all rows that are gaps.
        lost: batches in them that a damage found at this opening has cost.
    """

    rows: int = 0
    size: int = 0
    last: int = 0
    gaps: tuple[Row, ...] = ()
    previous: Previous | None = None
    lost: int = 0


class Store(Protocol):
    """Where rows survive a power cut. One caller, one call at a time.

    Every call may raise OSError; after that, `open` tells what there is.
    """

    async def open(self, run_id: str) -> Contents:
        """Begin the run `run_id`, whatever state the file is in; where it has begun, return what there is now."""

    async def append(self, rows: Sequence[Row]) -> None:
        """Keep all rows, or none; when this returns, they survive a power cut. A known row is replaced."""

    async def delete(self, numbers: Sequence[int]) -> None:
        """Forget these rows; unknown ones are no error."""

    async def scan(self, after: int, limit: int) -> list[Row]:
        """Return up to `limit` batches with a number greater than `after`, in ascending order; no declared gaps.

        A damaged one comes as the Gap (reason "corrupt") that it is now, or not at all if nothing of it can be read.
        """

    async def close(self, last_seq: int | None) -> None:
        """End the run: cleanly, with `last_seq` as its last batch, or without a claim where something is lost."""


class NullStore:
    """Keeps nothing."""

    async def open(self, run_id: str) -> Contents:
        """Return that there is nothing."""
        return Contents()

    async def append(self, rows: Sequence[Row]) -> None:
        """Keep nothing."""

    async def delete(self, numbers: Sequence[int]) -> None:
        """Forget nothing."""

    async def scan(self, after: int, limit: int) -> list[Row]:
        """Return nothing."""
        return []

    async def close(self, last_seq: int | None) -> None:
        """Do nothing."""


class Stats(NamedTuple):
    """What the outbox tells about itself.

    Attributes:
        durability: "always", "outage" or "memory".
        waiting: batches not acknowledged yet; size: their bytes.
        oldest: when the oldest of them was taken, as far as it is in memory; in seconds of the clock.
        dropped, refused, unheard: batches so far that were given up by the bounds or found damaged, that were set
            aside, and that the broker took although there was no subscriber.
        storage: "ok", or "degraded" while the store fails.
    """

    durability: str
    waiting: int
    size: int
    oldest: float | None
    dropped: int
    refused: int
    unheard: int
    storage: str
