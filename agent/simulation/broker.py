"""A broker in virtual time, and links to it: faults are attributes that a test sets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.broker import BrokerError, BrokerLost, BrokerTimeout, Facts, Handler, Message, Will


@dataclass
class Publication:
    """What the broker received. `at` is virtual time."""

    at: float
    topic: str
    payload: bytes
    retain: bool

    @property
    def name(self) -> str:
        """The last level of the topic."""
        return self.topic.rsplit("/", 1)[-1]

    @property
    def document(self) -> Any:
        return json.loads(self.payload)


class SimBroker:
    """Acknowledges everything after `latency` seconds, unless it is told otherwise.

    Attributes:
        refuses: raised at each connect. hangs: no CONNACK is sent. silent: no PUBACK any more.
        code: reason code for a topic. forgets: numbers of publications (from 1) whose PUBACK is lost.
        subscribes: reason code for a subscription; None: no answer.
        accepts: what is raised to a link with this will; None: nothing.
        bytes_per_second: of the uplink; None: fast.
    """

    def __init__(self) -> None:
        self.facts, self.latency = Facts(), 0.01
        self.refuses: BrokerError | None = None
        self.hangs = self.silent = False
        self.code: Callable[[str, bytes], int] = lambda _topic, _payload: 0
        self.subscribes: Callable[[str], int | None] = lambda _topic_filter: 1
        self.accepts: Callable[[Will | None], BrokerError | None] = lambda _will: None
        self.forgets: set[int] = set()
        self.bytes_per_second: float | None = None
        self.received: list[Publication] = []
        self.connects: list[float] = []
        self.sessions: list[SimLink] = []
        self.retained: dict[str, bytes] = {}
        self.most_in_flight = 0
        self.farewells = 0
        self._line_free_at = 0.0

    def link(self, will: Will | None = None) -> SimLink:
        return SimLink(self, will)

    @property
    def session(self) -> SimLink | None:
        """The link that is open now."""
        return self.sessions[-1] if self.sessions and self.sessions[-1].open else None

    def cut(self, reason: BrokerError | None = None) -> None:
        """End the session, if there is one; what is under way is lost."""
        if self.session is not None:
            self.session.end(reason or BrokerLost("connection lost"))

    def send(self, topic: str, payload: bytes) -> None:
        """Publish to the subscribers of exactly this topic."""
        assert self.session is not None
        for topic_filter, handler in self.session.subscriptions.items():
            if topic_filter == topic:
                handler(Message(topic, payload))

    def transit(self, size: int) -> float:
        """Return the seconds that a packet needs to get here, behind those before it."""
        now = asyncio.get_running_loop().time()
        if self.bytes_per_second is None:
            return self.latency
        self._line_free_at = max(now, self._line_free_at) + size / self.bytes_per_second
        return self._line_free_at - now + self.latency

    def batches(self, *names: str) -> list[tuple[str, int]]:
        """Return (name of the topic, seq) of all batches received."""
        names = names or ("batch", "backfill")
        return [(one.name, one.document["seq"]) for one in self.received if one.name in names]

    def seqs(self, *names: str) -> list[int]:
        return [seq for _, seq in self.batches(*names)]


class SimLink:
    """A `Link` to a `SimBroker`."""

    def __init__(self, broker: SimBroker, will: Will | None = None) -> None:
        self.broker, self.will, self.open = broker, will, False
        self.loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[BrokerError] = self.loop.create_future()
        self.facts = broker.facts
        self.flights: dict[int, asyncio.Future[int]] = {}
        self.subscriptions: dict[str, Handler] = {}
        self.echoes: set[asyncio.Future[int]] = set()
        self._arrives = self._answers = 0.0

    async def connect(self) -> Facts:
        broker = self.broker
        broker.connects.append(self.loop.time())
        await asyncio.sleep(broker.latency)
        if broker.hangs:
            await asyncio.sleep(5.0)
            raise BrokerTimeout("no CONNACK")
        if (refusal := broker.refuses or broker.accepts(self.will)) is not None:
            raise refusal
        broker.cut()
        self.open = True
        broker.sessions.append(self)
        return broker.facts

    def obey(self, facts: Facts) -> None:
        self.facts = facts

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        content_type: str | None = None,  # noqa: ARG002
        correlation: bytes | None = None,  # noqa: ARG002
    ) -> asyncio.Future[int]:
        future: asyncio.Future[int] = self.loop.create_future()
        if not self.open:
            future.set_exception(BrokerLost("not connected"))
            return future
        number = len(self.flights) + 1
        self.flights[number] = future
        under_way = sum(not one.done() for one in self.flights.values())
        self.broker.most_in_flight = max(self.broker.most_in_flight, under_way)
        self._arrives = self._in_order(self._arrives, self.broker.transit(len(payload)))
        self.loop.call_at(self._arrives, self._arrive, future, topic, payload, retain)
        return future

    def _in_order(self, last: float, delay: float) -> float:
        """Return the moment of an arrival: nothing on one connection overtakes anything."""
        return max(last + 1e-9, self.loop.time() + delay)

    def _arrive(self, future: asyncio.Future[int], topic: str, payload: bytes, retain: bool) -> None:
        broker = self.broker
        if not self.open or broker.silent:
            return
        code = broker.code(topic, payload)
        if code < 0x80:
            broker.received.append(Publication(self.loop.time(), topic, payload, retain))
            if retain and broker.facts.retain_available:
                broker.retained[topic] = payload
        if len(broker.received) not in broker.forgets:
            self._answers = self._in_order(self._answers, broker.latency)
            self.loop.call_at(self._answers, self._acknowledge, future, code)

    def _acknowledge(self, future: asyncio.Future[int], code: int) -> None:
        if self.open and not future.done():
            future.set_result(code)

    def subscribe(self, topic_filter: str, handler: Handler, *, retained: bool = False) -> asyncio.Future[int]:
        future: asyncio.Future[int] = self.loop.create_future()
        if not self.open:
            future.set_exception(BrokerLost("not connected"))
            future.exception()
            return future
        self.flights[len(self.flights) + 1] = future
        self._arrives = self._in_order(self._arrives, self.broker.transit(len(topic_filter)))
        self.loop.call_at(self._arrives, self._subscribed, future, topic_filter, handler, retained)
        return future

    def _subscribed(self, future: asyncio.Future[int], topic_filter: str, handler: Handler, retained: bool) -> None:
        if not self.open or self.broker.silent:
            return
        if (code := self.broker.subscribes(topic_filter)) is None:
            return
        if code < 0x80:
            self.subscriptions[topic_filter] = handler
            if retained and topic_filter in self.broker.retained:
                payload = self.broker.retained[topic_filter]
                self.loop.call_soon(handler, Message(topic_filter, payload, retained=True))
        self._answers = self._in_order(self._answers, self.broker.latency)
        self.loop.call_at(self._answers, self._acknowledge, future, code)

    def echo(self) -> asyncio.Future[int]:
        """Return a future that is done as soon as the broker has read everything that was sent so far."""
        future: asyncio.Future[int] = self.loop.create_future()
        self.echoes.add(future)
        future.add_done_callback(self.echoes.discard)
        self._arrives = self._in_order(self._arrives, self.broker.transit(2))
        self.loop.call_at(self._arrives, self._echo, future)
        return future

    def _echo(self, future: asyncio.Future[int]) -> None:
        if self.open and not self.broker.silent:
            self.loop.call_at(self._in_order(self._answers, self.broker.latency), self._acknowledge, future, 0)

    async def close(self) -> None:
        self.broker.farewells += self.open
        self.abort()

    def abort(self) -> None:
        self.end(BrokerLost("closed by us"))

    def end(self, reason: BrokerError) -> None:
        if self.open or not self.lost.done():
            self.open = False
            if not self.lost.done():
                self.lost.set_result(reason)
            for future in self.flights.values():
                if not future.done():
                    future.set_exception(reason)
