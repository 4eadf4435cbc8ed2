"""The simulated broker, with a subscriber who looks at everything that is sent and everything that arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from agent.broker import BrokerError, Will

from .broker import Publication, SimBroker, SimLink


class Dice:
    """Numbers of publications whose acknowledgement is lost: a share of all; in place of a set of numbers."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.share, self.lost = rng, 0.0, 0

    def __contains__(self, number: int) -> bool:
        lost = self.share > 0 and self.rng.random() < self.share
        self.lost += lost
        return lost


class Mailbox(list[Publication]):
    """What arrived; each is shown to the subscriber, and kept unless the mailbox is lean."""

    def __init__(self, heard: Callable[[Publication], object]) -> None:
        super().__init__()
        self.heard, self.lean = heard, False

    def append(self, one: Publication) -> None:
        if not self.lean:
            super().append(one)
        self.heard(one)


class Broker(SimBroker):
    """A `SimBroker` for long games.

    Attributes:
        sent: called with topic and payload of whatever an agent sends, before anything can go wrong.
        dice: whose acknowledgements are lost. cut_after: publications until the connection breaks; 0: never.
        agents: number of the agent that runs. connects_of: moments at which each connected.
        changed: called with whether a connection came about, or was lost or refused.
        refusals: connects that met `refuses`; hung: that met `hangs`; unheard: publications that met `silent`.
    """

    def __init__(self, rng: Random, sent: Callable[[str, bytes], object], heard: Callable[[Publication], object]):
        super().__init__()
        self.sent, self.dice = sent, Dice(rng)
        self.forgets = self.dice  # type: ignore[assignment]
        self.received: Mailbox = Mailbox(heard)
        self.changed: Callable[[bool], object] = lambda _up: None
        self.cut_after = self.refusals = self.hung = self.unheard = self.breaks = 0
        self.agents = 0
        self.connects_of: dict[int, list[float]] = {}

    def link(self, will: Will | None = None) -> Line:
        return Line(self, will)

    def heal(self) -> None:
        """Be well again."""
        self.refuses, self.hangs, self.silent = None, False, False
        self.latency, self.bytes_per_second = 0.01, None
        self.code = lambda _topic, _payload: 0
        self.dice.share, self.cut_after = 0.0, 0


class Line(SimLink):
    """A connection to a `Broker`."""

    broker: Broker

    async def connect(self) -> Any:
        self.broker.refusals += self.broker.refuses is not None
        self.broker.hung += self.broker.hangs
        self.broker.connects_of.setdefault(self.broker.agents, []).append(self.loop.time())
        try:
            facts = await super().connect()
        except BaseException:
            self.broker.changed(False)
            raise
        self.broker.changed(True)
        return facts

    def publish(self, topic: str, payload: bytes, **properties: Any) -> asyncio.Future[int]:
        broker = self.broker
        if all(one.done() for one in self.flights.values()):
            self.flights.clear()  # a session of hours would be searched through each time
        if self.open:
            broker.sent(topic, payload)
            broker.unheard += broker.silent
            if broker.cut_after:
                broker.cut_after -= 1
                if not broker.cut_after:
                    broker.breaks += 1
                    self.loop.call_soon(broker.cut, None)
        return super().publish(topic, payload, **properties)

    def end(self, reason: BrokerError) -> None:
        """End; the broker tells the world by the will, unless it was told before."""
        if self.open and self.broker.session is self:
            for topic in [one for one in self.broker.retained if one.endswith("/status")]:
                self.broker.retained[topic] = b"offline"
            self.broker.changed(False)
        super().end(reason)
