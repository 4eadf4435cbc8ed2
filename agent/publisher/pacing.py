"""What is learnt about the way to the broker, and outlives a connection: round trip, window, pace."""

from __future__ import annotations

from collections.abc import Callable

from agent.resilience.schedule import Rng

LEAST_DEADLINE, MOST_DEADLINE = 5.0, 20.0  # seconds for an acknowledgement
# A round trip that is longer than the shortest of this connection by this many seconds means that what we send fills a
# queue somewhere on the way. One that is always long is only a broker that takes its time.
QUEUE = 2.0
UNHEARD_FIRST, UNHEARD_MOST = 5.0, 60.0


class Pacing:
    """The pace of one publisher. All fields belong to its event loop.

    Attributes:
        rate: batches of history per second; 0: as fast as it goes.
        round_trip: smoothed seconds between a message and its acknowledgement; None before the first.
        window: messages that may be under way; `most` is its bound.
    """

    def __init__(self, now: Callable[[], float], rng: Rng, rate: float, most: int) -> None:
        self._now, self._rng, self.rate, self.most = now, rng, rate, most
        self.round_trip: float | None = None
        self.window = 1
        self._shortest = float("inf")
        self._least = LEAST_DEADLINE
        self._unheard_until = self._history_at = float("-inf")
        self._unheard_pause = UNHEARD_FIRST

    def adjust(self, rate: float) -> None:
        """Take another rate; what had to wait for the old one need not."""
        self.rate, self._history_at = rate, float("-inf")
        self.heard()

    def begin(self) -> None:
        """Begin a new connection, carefully: its link may be slower than the last one's."""
        self.window, self._shortest = 1, float("inf")

    @property
    def deadline(self) -> float:
        """Seconds that an acknowledgement may take."""
        return min(MOST_DEADLINE, max(self._least, 4.0 * (self.round_trip or 0.0)))

    def acknowledged(self, seconds: float) -> None:
        """Learn from an acknowledgement that took `seconds`."""
        old = self.round_trip
        self.round_trip = seconds if old is None else old + (seconds - old) / 8
        self._shortest = min(self._shortest, seconds)
        if seconds - self._shortest < QUEUE:
            self.window = min(self.most, self.window + 1)
            self._least = LEAST_DEADLINE
        else:
            self.window = max(1, self.window // 2)

    def overdue(self) -> None:
        """Give the next acknowledgement more time after one missed its deadline, or a slow link never succeeds."""
        self._least = min(MOST_DEADLINE, 2.0 * self.deadline)

    def sent_history(self, count: int) -> None:
        """Note that `count` batches of history left, and when the next may."""
        if self.rate > 0:
            interval = count * self._rng.uniform(0.9, 1.1) / self.rate
            self._history_at = max(self._history_at, self._now() - interval) + interval

    def unheard(self) -> None:
        """Let history wait, longer each time, because no client had subscribed and that matters."""
        if self._now() >= self._unheard_until:
            self._unheard_until = self._now() + self._rng.uniform(self._unheard_pause / 2, self._unheard_pause)
            self._unheard_pause = min(UNHEARD_MOST, 2 * self._unheard_pause)

    def heard(self) -> None:
        """End the pause: the broker took a batch, and passed it on."""
        self._unheard_until = float("-inf")
        self._unheard_pause = UNHEARD_FIRST

    def history_due(self) -> float:
        """Return when the next batch of history may leave, in seconds of the clock."""
        return max(self._history_at, self._unheard_until)
