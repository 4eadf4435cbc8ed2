"""Batches of history that a session has taken from the outbox and not sent yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from agent.outbox import Item, Outbox

# Batches taken from the outbox at once, and the number left at which the next are fetched: a read from the disk takes
# its time, and must not leave the link idle.
IN_HAND, REFILL = 64, 16
# Batches in hand at most, also where the broker refuses many of them one by one.
MOST = 512


class Backlog:
    """The batches in hand, the oldest first.

    All fields belong to the event loop; the task that fetches begins and ends within a session.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._in_hand: dict[tuple[str, int], Item] = {}
        self._fetch: asyncio.Task[list[Item]] | None = None
        self._left_out: frozenset[str] = frozenset()
        self._arrived: Callable[[], object] | None = None

    def __len__(self) -> int:
        return len(self._in_hand)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._in_hand.values())

    @property
    def fetching(self) -> bool:
        """Whether more are on their way into the hand."""
        return self._fetch is not None

    def discard(self, item: Item) -> None:
        """Take a batch out of the hand, if it is there: it is sent now, or given up."""
        self._in_hand.pop((item.run_id, item.seq), None)

    def fetch(self, waiting: int, leave_out: frozenset[str]) -> None:
        """Have more fetched, if few are left that need not wait, and the outbox has any.

        Args:
            waiting: how many in hand have to wait. leave_out: devices' topics whose batches may not be sent now.
        """
        few = len(self._in_hand) - waiting < REFILL and len(self._in_hand) < MOST
        if few and self._fetch is None and (self._outbox.has_history or leave_out != self._left_out):
            self._left_out = leave_out
            fetching = self._outbox.history(IN_HAND, leave_out)
            self._fetch = asyncio.get_running_loop().create_task(fetching, name="history")
            self._fetch.add_done_callback(self._fetched)

    def give_back(self) -> None:
        """Return everything in hand to the outbox, which hands it out in the right order again."""
        in_hand, self._in_hand = self._in_hand, {}
        for item in in_hand.values():
            self._outbox.back(item)

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
                self._in_hand.update(((item.run_id, item.seq), item) for item in task.result())
