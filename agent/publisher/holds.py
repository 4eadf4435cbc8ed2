"""Batches, and topics of batches, that the broker refuses at present. Nothing is given up here.

Only two things can be wrong: this batch, or everything on its topic. One refusal does not tell, so another batch is
tried at once. If the broker takes it, the first one waits by itself and the others pass. If not, the topic waits,
longer each time, and each new trial begins with the oldest: when the broker has recovered, the order is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from agent.outbox import Item
from agent.resilience.schedule import Rng, grown

from .refusals import Complaints, Refusal

# Seconds that a topic waits: after a refusal by a code, and after a second session that ended with a batch under way.
BY_CODE, BY_CODE_MOST = 1.0, 60.0
BY_HANGING_UP, BY_HANGING_UP_MOST = 5.0, 300.0
# Sessions that end with a batch under way before another batch is tried.
ANOTHER_AFTER = 3
# Seconds that a single batch waits.
ITEM, ITEM_MOST = 2.0, 300.0
# Batches of which it is remembered that they wait by themselves.
MOST_ITEMS = 512

Key = tuple[str, int]


def key_of(item: Item) -> Key:
    """Return what names a batch."""
    return item.run_id, item.seq


class _Topic:
    """A topic on which the broker refused a batch.

    Attributes:
        refused: the batches that were refused since the broker took one, and how often.
        others_turn: the oldest was tried, and it is the turn of another.
    """

    __slots__ = ("hang_ups", "others_turn", "reason", "refused", "rounds", "since", "until")

    def __init__(self, since: float, reason: str) -> None:
        self.since, self.reason, self.until = since, reason, -math.inf
        self.refused: dict[Key, int] = {}
        self.rounds = self.hang_ups = 0
        self.others_turn = False


class Holds:
    """What of the batches waits, and until when. Lives as long as the publisher, on its event loop."""

    def __init__(self, now: Callable[[], float], rng: Rng, complaints: Complaints) -> None:
        self._now, self._rng, self._complaints = now, rng, complaints
        self._topics: dict[str, _Topic] = {}
        # How often it was refused while others passed, and until when it waits.
        self._items: dict[Key, tuple[int, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._topics or self._items)

    def free_at(self, topic: str) -> float:
        """Return the moment from which on a batch may be sent on this topic."""
        return -math.inf if (one := self._topics.get(topic)) is None else one.until

    def doubtful(self, topic: str) -> bool:
        """Return whether the broker refused the last one: then only one may be under way on this topic."""
        return topic in self._topics

    def suspect(self, topic: str) -> bool:
        """Return whether a session ended with a batch under way on it: then the next one has to be sent alone."""
        return (one := self._topics.get(topic)) is not None and one.hang_ups > 0

    def item_free_at(self, item: Item) -> float:
        """Return the moment from which on this batch may be sent."""
        return self._items[key_of(item)][1] if key_of(item) in self._items else -math.inf

    def deferred(self, item: Item) -> bool:
        """Return whether this batch was refused, by whatever means, while others passed."""
        return key_of(item) in self._items

    def held(self) -> list[str]:
        """Return the topics on which no batch may be sent now."""
        now = self._now()
        return [topic for topic, one in self._topics.items() if one.until > now]

    def choose(self, topic: str, items: Sequence[Item]) -> Item | None:
        """Return the one of these, the oldest first, that is to be tried on a doubtful topic."""
        one = self._topics.get(topic)
        if one is None or not one.others_turn:
            return next(iter(items), None)
        return min(items, key=lambda item: one.refused.get(key_of(item), 0), default=None)

    def refused(self, topic: str, items: Iterable[Item], reason: str) -> None:
        """Note that the broker refused these by a code that says nothing about them alone."""
        one = self._refuse(topic, items, reason)
        # Several that were under way together are one trial.
        if one.until > self._now():
            return
        if one.others_turn:
            self._pause(topic, one, BY_CODE, BY_CODE_MOST)
        one.others_turn = not one.others_turn

    def hung_up(self, topic: str, items: Sequence[Item], reason: str, *, alone: bool) -> None:
        """Note that a session ended with these under way; `alone`: and with nothing else."""
        one = self._refuse(topic, items if alone else (), reason)
        one.hang_ups += 1
        if alone and one.hang_ups > 1:
            self._pause(topic, one, BY_HANGING_UP, BY_HANGING_UP_MOST)
        # Links are cut as well, and the order is worth keeping: three in a row are no chance.
        one.others_turn = one.hang_ups >= ANOTHER_AFTER

    def taken(self, topic: str, items: Sequence[Item]) -> None:
        """Note that the broker took these: whatever it refused on this topic before waits by itself, or no more."""
        for item in items if self._items else ():
            self._items.pop(key_of(item), None)
        if (one := self._topics.pop(topic, None)) is not None:
            if one.rounds:
                self._complaints.takes(topic)
            # If one of the refused ones passes now, the topic was refused, and is no more.
            recovered = not one.others_turn or any(key_of(item) in one.refused for item in items)
            for key in () if recovered else one.refused:
                self._defer(key)
            # A broker that takes batches again on one topic may take them on the others, too.
            for other in self._topics.values():
                if not other.hang_ups:
                    other.until = min(other.until, self._now())

    def defer(self, item: Item) -> None:
        """Let a batch wait by itself, longer each time, while others pass."""
        self._defer(key_of(item))

    def reset(self) -> None:
        """Forget everything."""
        self._topics.clear()
        self._items.clear()

    def listed(self) -> tuple[Refusal, ...]:
        """Return the topics that the broker refuses."""
        return tuple(Refusal(topic, one.reason, one.since) for topic, one in self._topics.items() if one.rounds > 0)

    def _refuse(self, topic: str, items: Iterable[Item], reason: str) -> _Topic:
        one = self._topics.setdefault(topic, _Topic(self._now(), reason))
        one.reason = reason
        for item in items:
            one.refused[key_of(item)] = one.refused.get(key_of(item), 0) + 1
        return one

    def _pause(self, topic: str, one: _Topic, first: float, most: float) -> None:
        pause = grown(first, 2.0, one.rounds, most)
        one.until = self._now() + self._rng.uniform(pause / 2, pause)
        one.rounds += 1
        if one.rounds == 1:
            self._complaints.refuses(topic, one.reason)

    def _defer(self, key: Key) -> None:
        count = self._items.pop(key, (0, 0.0))[0] + 1
        pause = grown(ITEM, 2.0, count - 1, ITEM_MOST)
        self._items[key] = count, self._now() + self._rng.uniform(pause / 2, pause)
        while len(self._items) > MOST_ITEMS:
            del self._items[next(iter(self._items))]
