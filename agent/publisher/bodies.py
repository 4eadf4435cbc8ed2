"""The body of a batch as it leaves: history is marked, and a time that was not known is put right."""

from __future__ import annotations

from typing import Protocol

from agent.messages import payloads
from agent.outbox import Item

UNSYNCED = b'"clock":"unsynced"'


class Wall(Protocol):
    """The part of the agent's clock that the publisher needs; see `agent.clock.Clock`."""

    kernel_boot: str

    def now(self) -> float: ...
    def synced(self) -> bool: ...
    def stamp(self, taken: float) -> str: ...


class Bodies:
    """Makes the bodies of batches. Holds no state of its own.

    Each method returns None for a body that is no batch, which only damage on the disk can cause.
    """

    def __init__(self, clock: Wall) -> None:
        self._clock = clock

    def live(self, item: Item) -> bytes | None:
        """Return the body for the topic `batch`."""
        stamp = self._known_by_now(item)
        if stamp is None:
            return item.body
        try:
            return payloads.corrected(item.body, stamp)
        except (ValueError, KeyError, TypeError):
            return None

    def history(self, item: Item) -> bytes | None:
        """Return the body for the topic `backfill`."""
        try:
            return payloads.historical(item.body, self._known_by_now(item))
        except (ValueError, KeyError, TypeError):
            return None

    def _known_by_now(self, item: Item) -> str | None:
        """Return the true time of a batch that was taken before the clock was synchronised; None if nothing changes."""
        clock = self._clock
        # `taken` counts since the kernel's boot: that of another boot says nothing about the time of day.
        if UNSYNCED in item.body and item.kernel_boot == clock.kernel_boot != "" and clock.synced():
            return clock.stamp(item.taken)
        return None
