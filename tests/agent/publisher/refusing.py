"""A publisher with everything that it sends, and brokers in virtual time that refuse it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from test_publisher import TOPICS, Rig

from agent.broker import BrokerLost

DISCOVERY = "homeassistant/device/limpet_pi/config"
REQUESTS = "limpet/pi/request/read"
DOCUMENTS = (TOPICS.state, TOPICS.status, TOPICS.info, TOPICS.health, DISCOVERY)
NOT_AUTHORISED, QUOTA, UNHEARD_OF = 0x87, 0x97, 0xD3


def complete(clock) -> Rig:
    """Return a publisher that sends every kind of packet."""
    rig = Rig(clock)
    for topic in DOCUMENTS:
        if topic not in (TOPICS.state, TOPICS.status):
            rig.publisher.retain(topic, b"{}")
    rig.publisher.subscribe(REQUESTS, lambda message: None)
    return rig


def hangs_up_at(broker, *topics, code=None):
    """Have a broker end the session in which one of these topics or filters comes; return how often it did."""
    ended: Counter[str] = Counter()

    def look(topic, payload=b""):
        if topic in topics:
            ended[topic] += 1
            broker.cut(BrokerLost("not allowed", code=code))
        return 0

    broker.code = broker.subscribes = look
    return ended


def refused(rig) -> set[str]:
    return {one.topic for one in rig.publisher.state.refused}


async def delivered(rig, count: int, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while len(set(rig.broker.seqs())) < count:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)


def forgets_where(broker, holds) -> None:
    """Have a broker acknowledge every publication but those of which this holds."""

    class Never(set):
        def __contains__(self, number) -> bool:
            return bool(broker.received) and holds(broker.received[-1])

    broker.forgets = Never()


def forgets(broker, topic) -> None:
    """Have a broker acknowledge everything but what comes on this topic."""
    forgets_where(broker, lambda publication: publication.topic == topic)
    broker.subscribes = lambda topic_filter: None if topic_filter == topic else 1


def seq_of(payload: bytes) -> int:
    return json.loads(payload)["seq"]
