"""A retry budget: a limit for the retries of all callers together."""

import time
from threading import Lock

from .schedule import Clock, check_number


class RetryBudget:
    """A shared bucket of tokens. A retry takes one; a first attempt takes none.

    In any T seconds at most `capacity + refill_per_second * T` tokens are given out. Without a `clock`, the budget uses
    the clock of the retry that takes a token.
    """

    __slots__ = ("_clock", "_lock", "_seen", "_tokens", "capacity", "refill_per_second")

    def __init__(self, capacity: float = 10, refill_per_second: float = 0.5, clock: Clock | None = None) -> None:
        check_number("capacity", capacity, 0.0)
        check_number("refill_per_second", refill_per_second, 0.0)
        self.capacity = capacity
        self.refill_per_second = refill_per_second
        self._clock = clock
        self._lock = Lock()
        self._tokens = float(capacity)
        self._seen: float | None = None

    def take(self, now: float | None = None) -> bool:
        """Take one token; return False at once if there is none. `now` is ignored if the budget has a clock."""
        if self._clock is not None or now is None:
            now = (self._clock or time.monotonic)()
        with self._lock:
            seen = now if self._seen is None else self._seen
            self._seen = max(seen, now)
            self._tokens = min(self.capacity, self._tokens + (self._seen - seen) * self.refill_per_second)
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
