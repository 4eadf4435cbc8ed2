"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Mapping
from typing import Any

DEADLINE = 5.0  # real seconds that a socket or a thread may keep an otherwise idle loop waiting


class VirtualClock:
    """Seconds since the test began. Call it for the time, `advance` it by hand where no loop runs."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now += seconds


class VirtualSelector(selectors.BaseSelector):
    """Where a loop would wait for its next timer, moves the clock there.

    Nothing scheduled is a deadlock and raises at once, unless something outside the loop may still wake it: a socket
    that the test registered (the loop's own wake-up pipe is none) or another thread. These are waited for in real time.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.real = selectors.DefaultSelector()
        # Threads that earlier tests left behind cannot wake this loop, and may end while it runs.
        self.strangers = frozenset(threading.enumerate())
        self._number, self._threads = threading.active_count(), False

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self.real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self.real.get_map()

    def close(self) -> None:
        self.real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        outsiders = self._outsiders()
        if timeout is None:
            ready = self.real.select(DEADLINE if outsiders else 0)
            if not ready:
                raise RuntimeError("deadlock: every task waits, nothing is scheduled, and nothing outside can help")
            return ready
        # An outsider gets a moment of real time, so that no timeout overtakes an answer that is under way.
        ready = self.real.select(min(timeout, 0.001)) if outsiders else []
        if not ready:
            self.clock.advance(timeout)
        return ready

    def _outsiders(self) -> bool:
        """Return whether a socket or another thread may wake the loop; threads are counted first, which is cheap."""
        if (number := threading.active_count()) != self._number:
            self._number, self._threads = number, not self.strangers.issuperset(threading.enumerate())
        return self._threads or len(self.real.get_map()) > 1


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that lives by a virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(VirtualSelector(clock))
        self.clock = clock

    def time(self) -> float:
        return self.clock.now


class VirtualRunner(asyncio.Runner):  # type: ignore[misc]
    """An `asyncio.Runner` in virtual time; `clock` is its time, callable, and good as a `clock` parameter."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        super().__init__(loop_factory=lambda: VirtualLoop(self.clock))
