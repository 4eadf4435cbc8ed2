"""Edges of a line that is on or off: debounced, counted and reported, up to a maximum per second.

A bounce shorter than the quiet time is ignored, but the level at which the line settles is always reported: the line is
read again after the quiet time, and after a burst of edges that exceeds the maximum.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from ..bus.clock import later, now
from ..errors import PermanentError, TransientError

Told = Callable[[int, float], None]
Later = Callable[[float, Callable[[], None]], object]


class Edges:
    """The debounced value and the count of one line's edges.

    Attributes:
        value: 0 or 1, debounced; None before the first look.
        count: how often the line became 1.
        suppressed: changes that were not reported because there were too many.
        tell: called with (value, seconds on the monotonic clock), if not None.
        failure: what `tell` raised. It is kept, because the backend's thread serves all pins and must not end.
    """

    def __init__(self, look: Callable[[], int], *, quiet: float, most: float) -> None:
        self.look, self.quiet = look, quiet
        self.clock: Callable[[], float] = now
        self.later: Later = later
        self.tell: Told | None = None
        self.value: int | None = None
        self.count = self.suppressed = 0
        self.failure: Exception | None = None
        self._told: int | None = None
        self._quiet_until = float("-inf")
        self._times: deque[float] = deque(maxlen=max(1, int(most)))
        # Whether a second look is scheduled.
        self._due = False
        self._lock = threading.RLock()

    def edge(self, value: int) -> None:
        """Take an edge to `value`, now."""
        with self._lock:
            now = self.clock()
            if value == self.value:
                return
            if now < self._quiet_until:
                self._look_again(self._quiet_until - now)
            else:
                self._change(value, now)

    def settle(self) -> None:
        """Read the line, and report its level if it has changed."""
        with self._lock:
            value, now = self.look(), self.clock()
            if self.value is None:
                self.value = self._told = value
            elif value != self.value and now < self._quiet_until:
                self._look_again(self._quiet_until - now)
            elif value != self.value:
                self._change(value, now)
            elif value != self._told:
                self._pass_on(now, changed=False)

    def forget(self) -> None:
        """Stop reporting; the count goes on."""
        with self._lock:
            self.tell, self._told = None, self.value

    def _change(self, value: int, now: float) -> None:
        self.value, self._quiet_until = value, now + self.quiet
        self.count += value
        self._pass_on(now, changed=True)

    def _pass_on(self, now: float, *, changed: bool) -> None:
        if self.tell is None:
            self._told = self.value
            return
        if len(self._times) == self._times.maxlen and now - self._times[0] < 1.0:
            self.suppressed += changed
            self._look_again(self._times[0] + 1.0 - now)
            return
        if self.value is None or self.value == self._told:
            return
        self._times.append(now)
        self._told = self.value
        try:
            self.tell(self.value, now)
        except Exception as error:  # noqa: BLE001
            self.failure = error

    def _look_again(self, seconds: float) -> None:
        if not self._due:
            self._due = True
            self.later(seconds, self._second_look)

    def _second_look(self) -> None:
        with self._lock:
            self._due = False
            try:
                self.settle()
            except (TransientError, PermanentError):
                # The next reading meets the same error and opens the line again.
                return
