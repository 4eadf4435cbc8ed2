"""The next packet that carries no batch: documents, subscriptions, answers, declared gaps."""

from __future__ import annotations

from collections import deque

from agent.broker import Facts, Handler
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Outbox

from .alarm import Alarm
from .bodies import Wall
from .in_flight import InFlight, MustBeAlone
from .outgoing import Outgoing, Purpose
from .refusals import Refusals
from .retained import Retained

ANSWERS = 16
# The key of all answers to topics that a stranger chose: what is remembered of them must not grow.
ELSEWHERE = "response topics that requests name"


class Others:
    """Makes the packets that carry no batch.

    Lives as long as the publisher; all fields belong to its event loop. `begin` starts a session.

    Attributes:
        retained: the documents.
        farewell: the last message of a connection that we end.
        info_taken: the broker has had an `info` of this run.
    """

    def __init__(self, outbox: Outbox, topics: Topics, clock: Wall, refusals: Refusals, alarm: Alarm) -> None:
        self._outbox, self._topics, self._clock, self._refusals, self._alarm = outbox, topics, clock, refusals, alarm
        self.retained = Retained((topics.state, topics.status, topics.info, topics.health))
        self.retained.put(topics.status, b"online")
        self.farewell = Outgoing(Purpose.DOCUMENT, topics.status, b"offline", topics.status)
        self._answers: deque[tuple[str, bytes, bytes | None]] = deque(maxlen=ANSWERS)
        self._handlers: dict[str, tuple[Handler, bool]] = {}
        self._subscribed: set[str] = set()
        # A subscriber must never take an old value for the present: `online` waits until `state` was acknowledged.
        self._state_taken = self._present_told = False
        self._gap_under_way = False
        self.info_taken = False
        self._facts = Facts()
        self._in_flight: InFlight

    def begin(self, facts: Facts, in_flight: InFlight) -> None:
        """Begin a session. An answer does not outlive the connection on which it was asked for."""
        self._facts, self._in_flight = facts, in_flight
        self._answers.clear()
        self._subscribed.clear()
        self.retained.begin()
        self._state_taken = self._present_told = False
        self._gap_under_way = False

    def answer(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        """Send this once, in this session."""
        self._answers.append((topic, payload, correlation))

    def subscribe(self, topic_filter: str, handler: Handler, *, retained: bool) -> None:
        """Subscribe, in this session and in each later one."""
        self._handlers[topic_filter] = handler, retained
        self._subscribed.discard(topic_filter)

    def unsubscribe(self, topic_filter: str) -> None:
        """Do not subscribe in later sessions."""
        self._handlers.pop(topic_filter, None)

    @property
    def any_left(self) -> bool:
        """Whether anything waits that is not under way, though it may have to wait longer."""
        return (
            not self._present_told
            or self.retained.any_due
            or bool(self._answers)
            or not self._handlers.keys() <= self._subscribed
            or self._outbox.next_gap() is not None
        )

    def leading(self) -> Outgoing | None:
        """Return what comes before everything else in a session: the present, and then that we are online.

        None while the present is under way or has to wait, so that batches need not.
        """
        if self._present_told:
            return None
        state = self._topics.state
        if not (self._state_taken or self._refusals.aside(state) or state not in self.retained):
            return self._document(state)
        self._present_told = True
        return self._document(self._topics.status)

    def next(self) -> Outgoing | None:
        """Return the next one."""
        return self._answer() or self._subscription() or self._document() or self._gap()

    def settled(self, packet: Outgoing, *, again: bool) -> None:
        """Note that a packet was acknowledged; `again`: the broker refused it, and it is tried once more, later."""
        if packet.purpose is Purpose.DOCUMENT:
            self.retained.settled(packet.topic, again=again)
            self._state_taken |= packet.topic == self._topics.state and not again
            self.info_taken |= packet.topic == self._topics.info and not again
        elif packet.purpose is Purpose.GAP:
            self._gap_under_way = False
        elif packet.purpose is Purpose.SUBSCRIPTION and again:
            self._subscribed.discard(packet.topic)

    def _answer(self) -> Outgoing | None:
        while self._answers:
            topic, payload, correlation = self._answers[0]
            key = topic if topic.startswith(self._topics.of("response/")) else ELSEWHERE
            # It is worth one attempt, and no waiting.
            free = self._may(key)
            self._answers.popleft()
            answer = self._made(Purpose.ANSWER, topic, payload, key, correlation)
            if free and self._fits(answer):
                return answer
        return None

    def _subscription(self) -> Outgoing | None:
        for topic_filter, (handler, retained) in self._handlers.items():
            if topic_filter not in self._subscribed and self._may(topic_filter):
                self._subscribed.add(topic_filter)
                return Outgoing(
                    Purpose.SUBSCRIPTION,
                    topic_filter,
                    key=topic_filter,
                    handler=handler,
                    retained=retained,
                    alone=self._refusals.suspect(topic_filter),
                )
        return None

    def _document(self, topic: str | None = None) -> Outgoing | None:
        """Return the next document that is due, or the one of a topic if it is."""
        while (due := self.retained.next(self._document_may, topic)) is not None:
            document = self._made(Purpose.DOCUMENT, *due, due[0])
            if self._fits(document):
                return document
            self.retained.settled(document.topic)
        return None

    def _gap(self) -> Outgoing | None:
        if self._gap_under_way or (gap := self._outbox.next_gap()) is None or not self._may(self._topics.gap):
            return None
        stamp = self._clock.stamp(self._clock.now())
        body = payloads.gap(gap.run_id, gap.first, gap.last, gap.reason, stamp)
        topic = self._topics.gap
        alone = self._refusals.suspect(topic)
        declaration = Outgoing(Purpose.GAP, topic, body, topic, gap=gap, alone=alone)
        if not self._fits(declaration):
            return None
        self._gap_under_way = True
        return declaration

    def _made(
        self, purpose: Purpose, topic: str, payload: bytes, key: str, correlation: bytes | None = None
    ) -> Outgoing:
        return Outgoing(purpose, topic, payload, key, correlation=correlation, alone=self._refusals.suspect(key))

    def _document_may(self, topic: str) -> bool:
        if topic == self._topics.status and not self._present_told:
            return False
        return self._may(topic)

    def _may(self, key: str) -> bool:
        """Return whether it may be sent now.

        Raises:
            MustBeAlone: as soon as nothing else is under way.
        """
        if (until := self._refusals.free_at(key)) > self._clock.now():
            self._alarm.at(until)
            return False
        if self._refusals.suspect(key) and len(self._in_flight):
            raise MustBeAlone
        return True

    def _fits(self, packet: Outgoing) -> bool:
        most = self._facts.maximum_packet_size
        if most is None or packet.size(self._facts.version) <= most:
            return True
        self._refusals.noted(packet.key, f"larger than the broker's {most} bytes")
        return False
