"""How often a sensor was read, how long that took, and what went wrong: counted since the start."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

# Upper bounds in seconds: a register read takes a millisecond, a CO2 measurement five seconds.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ReadCounters:
    """The counters of one sensor, written in the thread of its bus.

    Attributes:
        attempts: attempts so far, those of retries included.
        errors: failed attempts by the class of their error.
        seconds: what the successful attempts took together.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.errors: Counter[str] = Counter()
        self.seconds = 0.0
        self._took = [0] * (len(BOUNDS) + 1)

    def succeeded(self, seconds: float) -> None:
        """Note that an attempt returned values."""
        self.seconds += seconds
        self._took[bisect_left(BOUNDS, seconds)] += 1

    def failed(self, error: BaseException) -> None:
        """Note that an attempt failed."""
        self.errors[type(error).__name__] += 1

    def durations(self) -> list[tuple[float, int]]:
        """Return for each bound how many successful attempts took at most that long; the last bound is infinite."""
        total, found = 0, []
        for bound, count in zip((*BOUNDS, float("inf")), tuple(self._took), strict=True):
            total += count
            found.append((bound, total))
        return found
