"""When to try the broker again: full jitter, a bound per minute, and suspicion of a twin."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agent.broker import TAKEN_OVER, BrokerError, BrokerTimeout
from agent.resilience.schedule import Rng, grown

FIRST, CAP, CAP_PERMANENT = 1.0, 60.0, 300.0  # seconds
CONNECTS, A_MINUTE = 15, 60.0
# A session shorter than this many seconds is short; more than so many of them in a row are suspicious.
SHORT, SHORT_ONES = 10.0, 5


class Reconnect:
    """The wait before each connect: at most `most` seconds, unless a person seems to be needed or there is a twin.

    All fields belong to the publisher's event loop.

    Attributes:
        duplicate: another client seems to use our client id.
    """

    def __init__(self, now: Callable[[], float], rng: Rng, most: float = CAP) -> None:
        self._now, self._rng, self._cap = now, rng, min(CAP, most)
        self._failures = self._short = 0
        self._connects: deque[float] = deque(maxlen=CONNECTS)
        self._not_before = self._not_even_guarded = 0.0
        self.duplicate = False

    def connecting(self) -> None:
        """Note that a connect begins."""
        self._connects.append(self._now())

    def proved(self) -> None:
        """Note that the broker acknowledged something."""
        self._failures = 0

    def ended(self, error: BrokerError, lasted: float | None) -> None:
        """Note that a connect failed (`lasted` is None), or that a session ended after `lasted` seconds."""
        self._suspect(error, lasted)
        cap = CAP_PERMANENT if error.permanent else self._cap
        delay = self._rng.uniform(0.0, grown(min(FIRST, cap), 2.0, self._failures, cap))
        self._failures += 1
        if self.duplicate:
            # Two clients with one name cannot both be served. Give way, so that the other stays long enough to be seen.
            taken_over = error.code == TAKEN_OVER
            delay = self._rng.uniform(CAP_PERMANENT / 2, CAP_PERMANENT) if taken_over else max(delay, CAP / 2)
        now, least = self._now(), 0.0
        if len(self._connects) == CONNECTS:
            least = min(self._cap, self._connects[0] + A_MINUTE - now)
        self._not_before = now + max(delay, least)
        self._not_even_guarded = self._not_before if error.permanent or self.duplicate else now + least

    def wait(self, *, guarded: bool) -> float:
        """Return how many seconds the next connect has to wait; `guarded`: a breaker makes it wait already."""
        return max(0.0, (self._not_even_guarded if guarded else self._not_before) - self._now())

    def _suspect(self, error: BrokerError, lasted: float | None) -> None:
        if lasted is None:
            return
        taken_over = error.code == TAKEN_OVER
        if lasted >= SHORT and not taken_over:
            self._short, self.duplicate = 0, False
            return
        # A session that ended for a known reason, which is no twin's, says nothing.
        if error.code not in (None, TAKEN_OVER) or isinstance(error, BrokerTimeout):
            return
        self._short += 1
        self.duplicate = self.duplicate or self._short > SHORT_ONES or (taken_over and self._short > 1)
