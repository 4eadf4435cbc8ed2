"""What the broker does not take, and is not a batch: documents, subscriptions, answers, declared gaps.

A refusal comes as a reason code, or the broker ends the session while the packet is under way: MQTT 3.1.1 knows no
other way, and some brokers do it with MQTT 5, too. One lost session proves nothing, so what was under way is sent
alone the next time. After the second refusal it is set aside, and everything else goes on without it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import NamedTuple

from agent.resilience.schedule import Rng, grown

log = logging.getLogger(__name__)

# Seconds until what was refused by a code for the first time is tried again: an access list may just be reloading.
# A broker that is only full or busy is tried again after twice as long each time, so often, before that counts.
SOON, SOON_MOST, BUSY_TIMES = 5.0, 60.0, 5
# Seconds for which something is set aside after the second refusal, and at most after further ones.
ASIDE, ASIDE_MOST = 180.0, 3600.0


# Seconds between two log lines about one topic.
COMPLAIN_AGAIN = 600.0


class Complaints:
    """Says in the log what the broker does not take, and when it does again; of one thing not too often."""

    def __init__(self, now: Callable[[], float], changed: Callable[[], object]) -> None:
        self._now, self._changed = now, changed
        self._said_at: dict[str, float] = {}
        self._open: set[str] = set()

    def refuses(self, what: str, why: str) -> None:
        """Say that the broker refuses something."""
        self._changed()
        if self._now() - self._said_at.get(what, -math.inf) >= COMPLAIN_AGAIN:
            self._said_at[what] = self._now()
            self._open.add(what)
            log.error("broker refuses a message", extra={"what": what, "error": why})

    def takes(self, what: str) -> None:
        """Say that the broker takes it again, if the log says that it does not."""
        self._changed()
        if what in self._open:
            self._open.discard(what)
            log.info("broker takes a message again", extra={"what": what})

    def reset(self) -> None:
        """Say everything again that is still so."""
        self._said_at.clear()
        self._open.clear()
        self._changed()


class Refusal(NamedTuple):
    """One refusal, as `health` tells it; `since` in seconds of the clock."""

    topic: str
    reason: str
    since: float


class _Entry:
    """What was refused under one key; `noted`: nothing waits for it, because of its present form or of what it is."""

    __slots__ = ("busy", "count", "named", "noted", "reason", "since", "until")

    def __init__(self, since: float) -> None:
        self.since, self.reason, self.until = since, "", -math.inf
        self.count = self.busy = 0
        self.named = self.noted = False


class Refusals:
    """What is refused at present, by topic or filter. Lives as long as the publisher, on its event loop."""

    def __init__(self, now: Callable[[], float], rng: Rng, complaints: Complaints) -> None:
        self._now, self._rng, self._complaints = now, rng, complaints
        self._entries: dict[str, _Entry] = {}
        # Each trial of something set aside may cost a session, so they are not made one after the other.
        self._next_trial = -math.inf

    def free_at(self, key: str) -> float:
        """Return the moment from which on it may be sent."""
        if (entry := self._entries.get(key)) is None:
            return -math.inf
        return max(entry.until, self._next_trial) if entry.count > 1 else entry.until

    def suspect(self, key: str) -> bool:
        """Return whether a session ended with it under way, so that it has to be sent alone."""
        return (entry := self._entries.get(key)) is not None and entry.count > 0

    def aside(self, key: str) -> bool:
        """Return whether it is set aside, so that nothing waits for it."""
        return (entry := self._entries.get(key)) is not None and (entry.count > 1 or entry.noted)

    def refused(self, key: str, reason: str, *, busy: bool = False) -> None:
        """Note a refusal by a reason code, or by silence; `busy`: it may have nothing to do with what was sent."""
        entry = self._entries.setdefault(key, _Entry(self._now()))
        entry.busy += busy
        if busy and entry.busy < BUSY_TIMES:
            entry.reason, soon = reason, grown(SOON, 2.0, entry.busy - 1, SOON_MOST / 2)
        else:
            self._refuse(entry, reason)
            soon = SOON
        if entry.count < 2:
            entry.until = self._now() + self._rng.uniform(soon, 2 * soon)
        self._name(key, entry)

    def hung_up(self, key: str, reason: str, *, busy: bool = False) -> None:
        """Note that a session ended with it under way; `busy`: the broker gave its own state as the reason."""
        entry = self._entries.setdefault(key, _Entry(self._now()))
        entry.busy += busy
        if busy and entry.busy < BUSY_TIMES:
            return
        self._refuse(entry, reason)
        if entry.count > 1:
            self._name(key, entry)
        if entry.count > 2:
            self._next_trial = self._now() + ASIDE

    def noted(self, key: str, reason: str) -> None:
        """Note a refusal after which the next one may be sent at once, because it is another."""
        entry = self._entries.setdefault(key, _Entry(self._now()))
        entry.reason, entry.noted = reason, True
        self._name(key, entry)

    def taken(self, key: str) -> None:
        """Note that the broker took it."""
        if (entry := self._entries.pop(key, None)) is not None and entry.named:
            self._complaints.takes(key)

    def reset(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._next_trial = -math.inf
        self._complaints.reset()

    def listed(self) -> tuple[Refusal, ...]:
        """Return everything that was named in the log."""
        return tuple(Refusal(key, one.reason, one.since) for key, one in self._entries.items() if one.named)

    def _refuse(self, entry: _Entry, reason: str) -> None:
        entry.count, entry.reason = entry.count + 1, reason
        if entry.count > 1:
            aside = grown(ASIDE, 2.0, entry.count - 2, ASIDE_MOST)
            entry.until = self._now() + self._rng.uniform(aside, 1.2 * aside)

    def _name(self, key: str, entry: _Entry) -> None:
        if not entry.named:
            entry.named = True
            self._complaints.refuses(key, entry.reason)
