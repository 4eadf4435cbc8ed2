"""When to try the broker again: full jitter, a bound per minute, and suspicion of a twin."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agent.broker import TAKEN_OVER, BrokerError
from agent.resilience.schedule import Rng, grown

FIRST, CAP, CAP_PERMANENT = 1.0, 60.0, 300.0  # seconds
CONNECTS, A_MINUTE = 15, 60.0
SHORT, SHORT_ONES = 10.0, 5  # sessions shorter than this many seconds, one after the other


class Patience:
    """Seconds to wait before each connect.

    Attributes:
        duplicate: somebody else seems to use our client id.
    """

    def __init__(self, now: Callable[[], float], rng: Rng) -> None:
        self._now, self._rng = now, rng
        self._failures, self._short, self._cap = 0, 0, CAP
        self._connects: deque[float] = deque(maxlen=CONNECTS)
        self._not_before = 0.0
        self.duplicate = False

    def connecting(self) -> None:
        """A connect begins."""
        self._connects.append(self._now())

    def proved(self) -> None:
        """The broker acknowledged something."""
        self._failures, self._cap = 0, CAP

    def ended(self, error: BrokerError, lasted: float | None) -> None:
        """A connect failed (`lasted` is None), or a session ended after so many seconds."""
        self._suspect(error, lasted)
        cap = CAP_PERMANENT if error.permanent else CAP
        delay = self._rng.uniform(0.0, grown(FIRST, 2.0, self._failures, cap))
        self._failures += 1
        if self.duplicate:
            # Who has the same name cannot both be served: give way, so that the other may last long enough to be seen.
            delay = (
                self._rng.uniform(CAP_PERMANENT / 2, CAP_PERMANENT) if error.code == TAKEN_OVER else max(delay, CAP / 2)
            )
        self._not_before = self._now() + delay

    def wait(self) -> float:
        """Return how many seconds the next connect has to wait."""
        wait = self._not_before - self._now()
        if len(self._connects) == CONNECTS:
            wait = max(wait, self._connects[0] + A_MINUTE - self._now())
        return max(0.0, wait)

    def _suspect(self, error: BrokerError, lasted: float | None) -> None:
        if lasted is None:
            return
        taken_over = error.code == TAKEN_OVER
        if lasted >= SHORT and not taken_over:
            self._short, self.duplicate = 0, False
            return
        self._short += 1
        self.duplicate = self.duplicate or self._short > SHORT_ONES or (taken_over and self._short > 1)
