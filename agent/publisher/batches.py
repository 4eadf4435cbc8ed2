"""The next batch: live, or of history; by itself, or many in a block."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.broker import Facts
from agent.messages.blocks import CONTENT_TYPE, block
from agent.messages.topics import Topics
from agent.outbox import Item, Outbox
from agent.outbox.outbox import FRESH

from .alarm import Alarm
from .backlog import Backlog
from .bodies import Bodies, Wall
from .holds import Holds
from .in_flight import InFlight, MustBeAlone
from .outgoing import Outgoing, Purpose
from .pacing import Pacing
from .reason_codes import ReasonCodes

# Batches in a block, and the bytes of its JSON: a block that is lost has to be sent again.
BLOCK_ITEMS, BLOCK_BYTES = 64, 256 * 1024
# Seconds after one that the broker did not take until blocks may grow again.
GROWS_AFTER = 180.0
# Seconds that a live batch may wait for its turn; then it is history.
LIVE_WAITS = 1.0
# Seconds that everything else waits for the first batches of a session to come from the disk.
FETCH = 0.5
BACKFILL = "backfill"


class Batches:
    """Makes the messages that carry batches.

    Lives as long as the publisher; all fields belong to its event loop. `begin` and `end` enclose one session.

    Attributes:
        in_blocks: history travels in blocks.
        block_most: batches that may be in the next block.
    """

    def __init__(
        self,
        outbox: Outbox,
        topics: Topics,
        clock: Wall,
        pacing: Pacing,
        holds: Holds,
        codes: ReasonCodes,
        alarm: Alarm,
    ) -> None:
        self._outbox, self._topics, self._now, self._pacing = outbox, topics, clock.now, pacing
        self._holds, self._codes, self._alarm = holds, codes, alarm
        self._bodies, self._backlog = Bodies(clock), Backlog(outbox)
        self.in_blocks, self.block_most = False, BLOCK_ITEMS
        self._grows_at = float("-inf")
        self._facts = Facts()
        self._in_flight: InFlight
        self._begun = 0.0
        # A live batch that has to wait until nothing else is under way, and since when it waits.
        self._held_back: tuple[Item, float] | None = None

    @property
    def waiting(self) -> bool:
        """Whether any batch waits for its acknowledgement."""
        return self._outbox.waiting > 0

    @property
    def any_left(self) -> bool:
        """Whether any batch waits that is not under way, though it may have to wait longer."""
        return self._outbox.any_left or len(self._backlog) > 0 or self._held_back is not None

    def coming(self) -> bool:
        """Return whether the first batches of a session are still being fetched, and are worth waiting for."""
        waits_until = self._begun + FETCH
        if self._backlog.fetching and self._now() < waits_until:
            self._alarm.at(waits_until)
            return True
        return False

    def begin(self, facts: Facts, in_flight: InFlight, wake: Callable[[], object]) -> None:
        """Begin a session; `wake` is called when more may leave."""
        self._facts, self._in_flight = facts, in_flight
        self._backlog.begin(wake)
        self._begun = self._now()
        # By the time that the present has been acknowledged, they are in hand.
        self._fetch()

    async def end(self) -> None:
        """Give everything back that was taken and not sent."""
        self._give_held_back()
        await self._backlog.end()

    def settled(self, message: Outgoing, *, again: bool) -> None:
        """Note that a message of batches was settled; `again`: its batches have to be sent once more."""
        if again:
            # Those in hand come after them.
            self._backlog.give_back()
            self.shrink(message)
        elif len(message.batches) == self.block_most and self._now() >= self._grows_at:
            self.block_most = min(BLOCK_ITEMS, 2 * self.block_most)

    def shrink(self, message: Outgoing) -> None:
        """Make smaller blocks for a while if this message is one; the broker did not take it."""
        if len(message.batches) > 1:
            self.block_most = min(self.block_most, max(1, len(message.batches) // 2))
            self._grows_at = self._now() + GROWS_AFTER

    # --- live

    def live(self) -> Outgoing | None:
        """Return the next batch that goes out as it happens."""
        topic = self._topics.batch
        if self._waits(topic):
            self._give_held_back()
            # What is fresh becomes history meanwhile, and may leave as such.
            if self.waiting:
                self._alarm.at(self._now() + FRESH)
            return None
        while (item := self._next_live()) is not None:
            if self._holds.suspect(topic) and len(self._in_flight):
                raise MustBeAlone
            self._held_back = None
            if (made := self._message(topic, [item], self._bodies.live)) is not None:
                return made
        return None

    def _next_live(self) -> Item | None:
        now = self._now()
        if self._held_back is not None and now - self._held_back[1] > LIVE_WAITS:
            self._give_held_back()
        if self._held_back is None and (item := self._outbox.live(now)) is not None:
            self._held_back = item, now
        return None if self._held_back is None else self._held_back[0]

    def _give_held_back(self) -> None:
        if self._held_back is not None:
            self._outbox.back(self._held_back[0])
            self._held_back = None

    # --- history

    def historical(self) -> Outgoing | None:
        """Return the next batch, or block of batches, of history."""
        self._fetch()
        while len(self._backlog):
            if (due := self._pacing.history_due()) > self._now():
                self._alarm.at(due)
                return None
            topic, items = self._pick()
            if not items:
                return None
            if self._holds.suspect(topic) and len(self._in_flight):
                raise MustBeAlone
            made = self._block(topic, items) if self.in_blocks else self._message(topic, items, self._bodies.history)
            if made is not None:
                self._pacing.sent_history(len(made.batches))
                return made
        return None

    def _fetch(self) -> None:
        if not self._holds:
            self._backlog.fetch(0, frozenset())
            return
        held = self._holds.held()
        for topic in held:
            self._alarm.at(self._holds.free_at(topic))
        own = self._topics.backfill in held
        # Before MQTT 5 all history goes below our own topic.
        if own and self._facts.version != "5":
            return
        leave_out = {topic.removesuffix(f"/{BACKFILL}") for topic in held} | ({""} if own else set())
        now = self._now()
        waiting = sum(self._holds.item_free_at(item) > now for item in self._backlog)
        self._backlog.fetch(waiting, frozenset(leave_out))

    def _pick(self) -> tuple[str, list[Item]]:
        """Return what is to be sent next, and on which topic: one batch, or as many as a block may hold."""
        most = self.block_most if self.in_blocks else 1
        if not self._holds:
            first = next(iter(self._backlog))
            topic = self._backfill(first)
            picked: list[Item] = []
            for item in self._backlog:
                if len(picked) == most or self._backfill(item) != topic:
                    break
                picked.append(item)
            return topic, picked
        for topic, items in self._free().items():
            if not self._holds.doubtful(topic):
                return topic, items[:most]
            if (chosen := self._holds.choose(topic, items)) is not None:
                return topic, [chosen]
        return "", []

    def _free(self) -> dict[str, list[Item]]:
        """Return what is in hand and need not wait, by topic."""
        free: dict[str, list[Item]] = {}
        now = self._now()
        for item in self._backlog:
            topic = self._backfill(item)
            if (until := self._holds.item_free_at(item)) > now:
                self._alarm.at(until)
            elif topic in free or not self._waits(topic):
                free.setdefault(topic, []).append(item)
        return free

    def _waits(self, topic: str) -> bool:
        """Return whether no batch may be sent on a topic now."""
        if not self._holds.doubtful(topic):
            return False
        if (until := self._holds.free_at(topic)) > self._now():
            self._alarm.at(until)
            return True
        return self._in_flight.carries(topic)

    def _backfill(self, item: Item) -> str:
        """Return the topic for a batch of history: below that of the device that made it.

        A broker that speaks MQTT 3.1.1 refuses silently, and what an earlier device left would be lost there.
        """
        if item.topic in ("", self._topics.device) or self._facts.version != "5":
            return self._topics.backfill
        return f"{item.topic}/{BACKFILL}"

    # --- messages

    def _message(self, topic: str, items: Sequence[Item], make: Callable[[Item], bytes | None]) -> Outgoing | None:
        """Return the message for a single batch; None if it had to be given up."""
        (item,) = items
        self._backlog.discard(item)
        if (body := make(item)) is None:
            self._outbox.refuse(item, "corrupt")
            return None
        return self._sized(self._outgoing(topic, body, items))

    def _block(self, topic: str, items: Sequence[Item]) -> Outgoing | None:
        """Return a block that the broker takes, of as many of these as fit; None if the first had to be given up."""
        picked: list[Item] = []
        bodies: list[bytes] = []
        for item in items:
            if bodies and sum(map(len, bodies)) + len(item.body) > BLOCK_BYTES:
                break
            if (body := self._bodies.history(item)) is None:
                self._backlog.discard(item)
                self._outbox.refuse(item, "corrupt")
            else:
                picked.append(item)
                bodies.append(body)
        while len(picked) > 1:
            made = self._outgoing(topic, block(bodies), picked, CONTENT_TYPE)
            if self._fits(made):
                break
            half = len(picked) // 2
            picked, bodies = picked[:half], bodies[:half]
        if not picked:
            return None
        for item in picked:
            self._backlog.discard(item)
        if len(picked) == 1:
            # Whatever the broker has against blocks, it is not about this batch.
            return self._sized(self._outgoing(topic, bodies[0], picked))
        return self._outgoing(topic, block(bodies), picked, CONTENT_TYPE)

    def _outgoing(self, topic: str, body: bytes, items: Sequence[Item], content_type: str | None = None) -> Outgoing:
        made = Outgoing(Purpose.BATCH, topic, body, topic, tuple(items), content_type=content_type)
        alone, deferred = self._holds.suspect(topic), len(items) == 1 and self._holds.deferred(items[0])
        return made._replace(alone=alone, deferred=deferred) if alone or deferred else made

    def _sized(self, made: Outgoing) -> Outgoing | None:
        if self._fits(made):
            return made
        self._codes.too_large(made)
        return None

    def _fits(self, made: Outgoing) -> bool:
        most = self._facts.maximum_packet_size
        return most is None or made.size(self._facts.version) <= most
