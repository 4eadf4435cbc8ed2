"""Proof of arrival where the broker acknowledges nothing (Maximum QoS 0): its answer to a later ping.

A broker reads a connection in order: its PINGRESP to a PINGREQ that was sent after a PUBLISH proves that it has read
the PUBLISH.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator


class Echoes:
    """The messages of one connection that wait for such an answer. At most one ping is under way for them.

    Args:
        ping: sends a PINGREQ behind everything that was sent so far, and returns its number.
    """

    def __init__(self, ping: Callable[[], int]) -> None:
        self._ping, self._number = ping, 0
        self._next: list[asyncio.Future[int]] = []
        self._asked: list[asyncio.Future[int]] = []

    def wait(self, future: asyncio.Future[int]) -> None:
        """Settle `future` with 0 when what has been sent so far has arrived."""
        self._next.append(future)
        self._ask()

    def ponged(self, number: int) -> None:
        """Take the answer to the ping with this number."""
        if self._asked and number >= self._number:
            asked, self._asked = self._asked, []
            for future in asked:
                if not future.done():
                    future.set_result(0)
            self._ask()

    def waiting(self) -> Iterator[asyncio.Future[int]]:
        """Yield the futures that have not been settled."""
        yield from self._asked
        yield from self._next

    def _ask(self) -> None:
        if self._next and not self._asked:
            self._asked, self._next = self._next, []
            self._number = self._ping()
