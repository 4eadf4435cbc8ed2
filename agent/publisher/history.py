"""Batches of history that a session has taken from the outbox and not sent yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from agent.outbox import Item, Outbox

# Batches taken from the outbox at once, and the number left at which the next are fetched: a read from the disk takes
# its time, and must not leave the link idle.
IN_HAND, REFILL = 64, 16


class History:
    """The batches in hand, the oldest first.

    All fields belong to the event loop; the task that fetches begins and ends within a session.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._in_hand: deque[Item] = deque()
        self._fetch: asyncio.Task[list[Item]] | None = None
        self._arrived: Callable[[], object] | None = None

    def __bool__(self) -> bool:
        return bool(self._in_hand)

    def take(self) -> Item:
        """Take the oldest."""
        return self._in_hand.popleft()

    def fetch(self) -> None:
        """Have more fetched, if few are left and the outbox has any."""
        if len(self._in_hand) < REFILL and self._fetch is None and self._outbox.has_history:
            self._fetch = asyncio.get_running_loop().create_task(self._outbox.history(IN_HAND), name="history")
            self._fetch.add_done_callback(self._fetched)

    def give_back(self) -> None:
        """Return everything in hand to the outbox, which hands it out in the right order again."""
        while self._in_hand:
            self._outbox.back(self._in_hand.popleft())

    def begin(self, arrived: Callable[[], object]) -> None:
        """Begin a session; `arrived` is called when a fetch has brought more."""
        self._arrived = arrived

    async def end(self) -> None:
        """Fetch no more, and give everything back."""
        self._arrived = None
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait([self._fetch])
            self._take_over(self._fetch)
        self.give_back()

    def _fetched(self, task: asyncio.Task[list[Item]]) -> None:
        if self._arrived is not None:
            self._take_over(task)
            self._arrived()

    def _take_over(self, task: asyncio.Task[list[Item]]) -> None:
        if self._fetch is task:
            self._fetch = None
            if not task.cancelled():
                self._in_hand.extend(task.result())
