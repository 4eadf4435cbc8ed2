"""Between a source, which has a thread of its own, and the worker: deliveries that wait."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from agent.broker.threads import background

from .harvest import Delivery

# Messages that may be here without being acknowledged.
WINDOW = 1000


class Source(Protocol):
    """Where messages come from."""

    def start(self) -> None:
        """Connect, now and whenever the connection is lost."""

    def take(self, most: int, timeout: float) -> list[Delivery]:
        """Return what waits, at most `most`; wait up to `timeout` seconds for the first one."""

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the other side that these are safe here; it sends what is not acknowledged again."""

    def stop(self, seconds: float) -> None:
        """Say good-bye; wait for that no longer than `seconds`."""

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function after a number of seconds, in another thread."""


class DeliveryQueue:
    """Deliveries in the order in which they came. `put` and `forget` are called by the source, `take` by the worker.

    Args:
        largest: bytes that `take` returns at most, if that is more than one delivery.
    """

    def __init__(self, largest: int = 8_000_000) -> None:
        self._largest = largest
        self._waiting: deque[Delivery] = deque()
        self._change = threading.Condition()
        self._size = 0

    @property
    def full(self) -> bool:
        """Whether so much waits, by number or by bytes, that no more should be fetched."""
        return len(self._waiting) >= WINDOW or self._size >= 4 * self._largest

    def put(self, delivery: Delivery) -> None:
        """Add a delivery."""
        with self._change:
            self._waiting.append(delivery)
            self._size += len(delivery.payload)
            self._change.notify()

    def take(self, most: int, timeout: float) -> list[Delivery]:
        """Return what waits, at most `most`; wait up to `timeout` seconds for the first one."""
        with self._change:
            if not self._waiting:
                self._change.wait(timeout)
            taken: list[Delivery] = []
            size = 0
            while self._waiting and len(taken) < most:
                size += len(self._waiting[0].payload)
                if taken and size > self._largest:
                    break
                taken.append(self._waiting.popleft())
                self._size -= len(taken[-1].payload)
            return taken

    def forget(self) -> None:
        """Drop what waits: it will be sent again."""
        with self._change:
            self._waiting.clear()
            self._size = 0

    def __len__(self) -> int:
        return len(self._waiting)


class BackgroundSource:
    """What sources share: an event loop in a thread of its own, and the queue that it fills."""

    def __init__(self) -> None:
        self._queue = DeliveryQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Connect, now and whenever the connection is lost."""
        background(self._run, "ingest")

    def take(self, most: int, timeout: float) -> list[Delivery]:
        """Return what waits."""
        return self._queue.take(most, timeout)

    def stop(self, seconds: float) -> None:
        """Send what is still to be sent, and disconnect; wait for that no longer than `seconds`."""
        task = self._task
        if task is not None and self._do(task.cancel):
            self._ended.wait(seconds)

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function in the source's thread after a number of seconds, if it still runs then."""
        if self._loop is not None:
            self._do(self._loop.call_later, seconds, function)

    def _do(self, function: Callable[..., object], *args: object) -> bool:
        """Call a function in the source's thread; return whether that is there."""
        if self._loop is None:
            return False
        # RuntimeError: the loop has ended.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)
            return True
        return False

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await self._stay()
        finally:
            self._ended.set()

    async def _stay(self) -> None:
        """Keep a connection."""
        raise NotImplementedError
