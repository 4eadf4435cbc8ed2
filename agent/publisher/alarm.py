"""One timer for everything that has to wait: it rings at the earliest of the moments that were asked for."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Wakes a session. All fields belong to the event loop.

    Moments are seconds of the agent's clock, as everywhere outside the loop's own timers.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._wake: Callable[[], object] = lambda: None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, wake: Callable[[], object]) -> None:
        """Call `wake` from now on."""
        self._wake = wake

    def at(self, moment: float) -> None:
        """Ring at this moment, too."""
        if moment == math.inf:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, moment - self._now())
        if self._timer is None or at < self._timer.when():
            self.end()
            self._timer = loop.call_at(at, self._ring)

    def end(self) -> None:
        """Ring no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._wake()
