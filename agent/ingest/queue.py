"""Between a source, which has a thread of its own, and the worker: deliveries that wait, a bounded number of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from .harvest import Delivery


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


class DeliveryQueue:
    """Deliveries in the order in which they came. `put` and `forget` are called by the source, `take` by the worker.

    Args:
        most: deliveries that may wait. The source's window keeps within it; what no window bounds (QoS 0) is dropped.
        largest: bytes that `take` returns at most, if that is more than one delivery.

    Attributes:
        dropped: how many found no room.
    """

    def __init__(self, most: int, largest: int = 8_000_000) -> None:
        self._most, self._largest = most, largest
        self._waiting: deque[Delivery] = deque()
        self._change = threading.Condition()
        self.dropped = 0

    def put(self, delivery: Delivery) -> bool:
        """Add a delivery; return whether there was room."""
        with self._change:
            if len(self._waiting) >= self._most:
                self.dropped += 1
                return False
            self._waiting.append(delivery)
            self._change.notify()
            return True

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
            return taken

    def forget(self) -> None:
        """Drop what waits: it will be sent again."""
        with self._change:
            self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting)
