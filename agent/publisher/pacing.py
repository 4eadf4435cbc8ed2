"""What is learnt about the way to the broker, and outlives a connection: round trip, window, pace, holds."""

from __future__ import annotations

from collections.abc import Callable

from agent.resilience.schedule import Rng

LEAST_DEADLINE, MOST_DEADLINE = 5.0, 20.0  # seconds for an acknowledgement
QUEUE = 2.0  # a round trip longer than this many seconds means that we fill somebody's queue
HOLD_FIRST, HOLD_MOST = 1.0, 60.0
UNHEARD_FIRST, UNHEARD_MOST = 5.0, 60.0


class Traffic:
    """The pace of one publisher.

    Attributes:
        rate: batches of history per second; 0: as fast as it goes.
        round_trip: smoothed seconds between a message and its acknowledgement; None before the first.
        window: messages that may be under way; `most` is its bound.
    """

    def __init__(self, now: Callable[[], float], rng: Rng, rate: float, most: int) -> None:
        self._now, self._rng, self.rate, self.most = now, rng, rate, most
        self.round_trip: float | None = None
        self.window = 1
        self._least = LEAST_DEADLINE
        self.held_until = self.unheard_until = self.history_at = float("-inf")
        self._hold, self._unheard = HOLD_FIRST, UNHEARD_FIRST

    def adjust(self, rate: float) -> None:
        """Take another rate; what had to wait for the old one need not."""
        self.rate, self.history_at = rate, float("-inf")
        self.somebody_heard()

    def begin(self) -> None:
        """A new connection: begin carefully."""
        self.window = 1

    @property
    def deadline(self) -> float:
        """Seconds that an acknowledgement may take."""
        return min(MOST_DEADLINE, max(self._least, 4.0 * (self.round_trip or 0.0)))

    def acknowledged(self, seconds: float) -> None:
        """Learn from an acknowledgement that took so long."""
        old = self.round_trip
        self.round_trip = seconds if old is None else old + (seconds - old) / 8
        if seconds < QUEUE:
            self.window = min(self.most, self.window + 1)
            self._least = LEAST_DEADLINE
        else:
            self.window = max(1, self.window // 2)

    def overdue(self) -> None:
        """An acknowledgement missed its deadline: give the next one more time, or a slow link never succeeds."""
        self._least = min(MOST_DEADLINE, 2.0 * self.deadline)

    def sent_history(self) -> None:
        """One batch of history left; note when the next may."""
        if self.rate > 0:
            interval = self._rng.uniform(0.9, 1.1) / self.rate
            self.history_at = max(self.history_at, self._now() - interval) + interval

    def hold(self) -> None:
        """The broker wants us to pause: longer each time."""
        if self._now() >= self.held_until:
            self.held_until = self._now() + self._rng.uniform(self._hold / 2, self._hold)
            self._hold = min(HOLD_MOST, 2 * self._hold)

    def nobody_heard(self) -> None:
        """Nobody had subscribed, and that matters: history waits, longer each time."""
        if self._now() >= self.unheard_until:
            self.unheard_until = self._now() + self._rng.uniform(self._unheard / 2, self._unheard)
            self._unheard = min(UNHEARD_MOST, 2 * self._unheard)

    def somebody_heard(self) -> None:
        """The broker took a batch, and passed it on."""
        self.unheard_until = float("-inf")
        self._unheard, self._hold = UNHEARD_FIRST, HOLD_FIRST

    def history_due(self) -> float:
        """Return when the next batch of history may leave, in seconds of the clock."""
        return max(self.history_at, self.unheard_until, self.held_until)
