"""What leaves next: after connecting the documents, then live before history, and history at its pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from agent.broker import Facts
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Outbox

from .bodies import Bodies, Wall
from .history import History
from .outgoing import Outgoing
from .pacing import Pacing
from .reason_codes import ReasonCodes
from .retained import Retained

# Batches of history that may pass between two live ones when both wait: a backlog shrinks even when every slot of a
# narrow window could be taken by something live.
HISTORY_BETWEEN_LIVE = 3
ANSWERS = 16


class SendQueue:
    """Chooses the next message.

    Lives as long as the publisher; all fields belong to its event loop. `begin` and `end` enclose one session, whose
    task and callbacks call everything else.

    Attributes:
        retained: the documents.
        answers: messages that are worth one attempt, as topic and payload.
        farewell: the last message of a connection that we end.
        history: the batches of history in hand.
        gap_under_way: a declared gap waits for its acknowledgement; the next one follows it.
    """

    def __init__(self, outbox: Outbox, topics: Topics, clock: Wall, pacing: Pacing, codes: ReasonCodes) -> None:
        self._outbox, self._topics, self._clock, self._pacing, self._codes = outbox, topics, clock, pacing, codes
        self._bodies = Bodies(clock)
        self.retained = Retained((topics.state, topics.status, topics.info, topics.health))
        self.retained.put(topics.status, b"online")
        self.farewell = Outgoing(topics.status, b"offline", topics.status, retain=True)
        self.answers: deque[tuple[str, bytes]] = deque(maxlen=ANSWERS)
        self.history = History(outbox)
        self._facts = Facts()
        self._wake: Callable[[], object] = outbox.ready.set
        self._timer: asyncio.TimerHandle | None = None
        self.gap_under_way = self._introduced = False
        self._history_owed = 0

    def begin(self, facts: Facts, wake: Callable[[], object]) -> None:
        """Begin a session; `wake` is called whenever something may leave that had to wait before."""
        self._facts, self._wake = facts, wake
        self.history.begin(wake)
        self.retained.begin()
        self.gap_under_way = self._introduced = False
        self._history_owed = 0

    async def end(self) -> None:
        """End the session: give everything back that was taken and not sent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self.history.end()

    @property
    def waiting(self) -> bool:
        """Whether any batch waits for its acknowledgement."""
        return self._outbox.waiting > 0

    def next(self, *, last_slot: bool) -> Outgoing | None:
        """Return the next message; None while nothing may leave. `last_slot`: only one more may be under way."""
        if not self._introduced:
            if (document := self._document()) is not None:
                return document
            self._introduced = True
        if self._clock.now() < self._pacing.held_until:
            self._wake_at(self._pacing.held_until)
            return None
        if self._history_owed and (batch := self._historical(last_slot)) is not None:
            self._history_owed -= 1
            return batch
        if (batch := self.live()) is not None:
            self._history_owed = HISTORY_BETWEEN_LIVE
            return batch
        self._history_owed = 0
        return self._answer() or self._document() or self._gap() or self._historical(last_slot)

    def live(self) -> Outgoing | None:
        """Return the next batch that goes out as it happens."""
        while (item := self._outbox.live(self._clock.now())) is not None:
            body = self._bodies.live(item)
            if body is None:
                self._outbox.refuse(item, "corrupt")
            elif (batch := self._sized(Outgoing(self._topics.batch, body, item))) is not None:
                return batch
        return None

    def _historical(self, last_slot: bool) -> Outgoing | None:
        # The last free place of the window is kept for what happens now.
        if last_slot:
            return None
        self.history.fetch()
        while self.history:
            due = self._pacing.history_due()
            if self._clock.now() < due:
                self._wake_at(due)
                return None
            item = self.history.take()
            self._pacing.sent_history()
            body = self._bodies.history(item)
            if body is None:
                self._outbox.refuse(item, "corrupt")
            elif (batch := self._sized(Outgoing(self._topics.backfill, body, item))) is not None:
                return batch
        return None

    def _sized(self, batch: Outgoing) -> Outgoing | None:
        if batch.fits(self._facts):
            return batch
        self._codes.too_large(batch)
        return None

    def _document(self) -> Outgoing | None:
        while (due := self.retained.next()) is not None:
            topic, payload = due
            document = Outgoing(topic, payload, topic, retain=True)
            if self._fits(document):
                return document
            self.retained.settled(topic)
        return None

    def _answer(self) -> Outgoing | None:
        while self.answers:
            topic, payload = self.answers.popleft()
            answer = Outgoing(topic, payload, topic)
            if self._fits(answer):
                return answer
        return None

    def _gap(self) -> Outgoing | None:
        while not self.gap_under_way and (gap := self._outbox.next_gap()) is not None:
            stamp = self._clock.stamp(self._clock.now())
            body = payloads.gap(gap.run_id, gap.first, gap.last, gap.reason, stamp)
            declaration = Outgoing(self._topics.gap, body, gap)
            if self._fits(declaration):
                self.gap_under_way = True
                return declaration
            self._outbox.gap_done(gap)
        return None

    def _fits(self, message: Outgoing) -> bool:
        """Return whether the broker takes it; say once if not."""
        if message.fits(self._facts):
            return True
        limit = f"larger than the broker's {self._facts.maximum_packet_size} bytes"
        self._codes.complain(message.topic, limit, once=True)
        return False

    def _wake_at(self, moment: float) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, moment - self._clock.now())
        if self._timer is None or at < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(at, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._wake()
