"""When to try the broker again: full jitter, a bound per minute, and suspicion of a twin."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from agent.broker import TAKEN_OVER, BrokerError, BrokerTimeout
from agent.resilience.schedule import Rng, grown

FIRST, CAP, CAP_PERMANENT = 1.0, 60.0, 300.0  # seconds
# Seconds, at random, after a session that was open.
AGAIN = 0.5, 2.0
CONNECTS, A_MINUTE = 15, 60.0
# DISCONNECT codes that concern the client, whatever it had sent: banned, bad authentication, another server, moved.
ABOUT_US = {0x8A, 0x8C, 0x9C, 0x9D}
# A session that ended within this many seconds, idle and without a reason, is short: two clients with one client id end
# each other's sessions as fast as they reconnect. So does a link that is cut all the time, so that several in
# a row are only a reason to look for a twin.
SHORT, SHORT_ONES = 10.0, 5


class Reconnect:
    """The wait before each connect: at most `most` seconds, unless a person seems to be needed or there is a twin.

    All fields belong to the publisher's event loop.

    Attributes:
        duplicate: another client seems to use our client id.
    """

    def __init__(self, now: Callable[[], float], rng: Rng, most: float = CAP) -> None:
        self._now, self._rng, self._cap = now, rng, min(CAP, most)
        self._failures = self._short = self._taken_over = 0
        self._connects: deque[float] = deque(maxlen=CONNECTS)
        self._not_before = self._not_even_guarded = 0.0
        self.duplicate = False

    @property
    def suspicious(self) -> bool:
        """Whether the sessions end as they do with a twin."""
        return self._short > SHORT_ONES

    def twin_found(self) -> None:
        """Note that something else on the broker proves a twin."""
        self.duplicate = True

    def connecting(self) -> None:
        """Note that a connect begins."""
        self._connects.append(self._now())

    def proved(self) -> None:
        """Note that the broker acknowledged something."""
        self._failures = 0

    def ended(self, error: BrokerError, lasted: float | None, *, idle: bool = False, soon: bool = False) -> None:
        """Note that a connect failed (`lasted` is None), or that a session ended after `lasted` seconds.

        Args:
            idle: the session had worked, and nothing was under way. soon: the next connect will be another one.
        """
        self._suspect(error, lasted, idle)
        permanent = error.permanent and not soon and (lasted is None or error.code in ABOUT_US)
        delay = self._delay(lasted, soon, CAP_PERMANENT if permanent else self._cap)
        self._failures += 1
        if self.duplicate:
            # Two clients with one name cannot both be served. Give way, so that the other stays long enough to be seen.
            taken_over = error.code == TAKEN_OVER
            delay = self._rng.uniform(CAP_PERMANENT / 2, CAP_PERMANENT) if taken_over else max(delay, CAP / 2)
        now, least = self._now(), 0.0
        if len(self._connects) == CONNECTS:
            least = min(self._cap, self._connects[0] + A_MINUTE - now)
        self._not_before = now + max(delay, least)
        self._not_even_guarded = self._not_before if permanent or self.duplicate else now + least

    def wait(self, *, guarded: bool) -> float:
        """Return how many seconds the next connect has to wait; `guarded`: a breaker makes it wait already."""
        return max(0.0, (self._not_even_guarded if guarded else self._not_before) - self._now())

    def _delay(self, lasted: float | None, soon: bool, cap: float) -> float:
        grows = grown(min(FIRST, cap), 2.0, self._failures, cap)
        if soon or (lasted is not None and self._failures == 0):
            return min(cap, self._rng.uniform(*AGAIN))
        return self._rng.uniform(0.0, grows)

    def _suspect(self, error: BrokerError, lasted: float | None, idle: bool) -> None:
        """Blame a twin only for what nothing else does."""
        if error.code == TAKEN_OVER and lasted is not None:
            self._taken_over += 1
            self.duplicate = self.duplicate or self._taken_over > 1
        elif lasted is None:
            # The broker is away: no twin ends sessions then.
            self._short = 0
        elif lasted >= SHORT:
            self._short = self._taken_over = 0
            self.duplicate = False
        elif idle and error.code is None and not isinstance(error, BrokerTimeout):
            self._short += 1
