"""Brokers that forbid a random half of everything, in random ways: every batch arrives, without a storm."""

from __future__ import annotations

import asyncio
import random

import pytest
from refusing import DOCUMENTS, REQUESTS, complete
from test_publisher import TOPICS

from agent.broker import BrokerLost, Facts


def forbid(broker, rng: random.Random) -> None:
    """Have a broker forbid things: by a code, by hanging up, or by silence."""
    broker.latency = rng.choice((0.005, 0.2, 1.0, 3.0))
    version, most = rng.choice(("5", "3.1.1")), rng.choice((1, 2, 5, 65535))
    broker.facts = Facts(receive_maximum=most, version=version, maximum_packet_size=rng.choice((None, 600)))
    names = (*DOCUMENTS, REQUESTS, TOPICS.gap)
    ways = {name: rng.choice(("code", "hang up", "silence")) for name in names if rng.random() < 0.5}
    if rng.random() < 0.3:
        ways[TOPICS.batch] = rng.choice(("code", "hang up"))
    code, farewell = rng.choice((0x87, 0x80, 0x97, 0xD3)), rng.choice((None, 0x87, 0x98))
    came = [""]

    class Silence(set):
        def __contains__(self, _: object) -> bool:
            return ways.get(came[0]) == "silence"

    def answer(name, payload=b""):
        came[0] = name
        if ways.get(name) == "hang up":
            broker.cut(BrokerLost("not allowed", code=farewell))
        return code if ways.get(name) == "code" else 0

    broker.code, broker.forgets = answer, Silence()
    broker.subscribes = lambda name: None if ways.get(name) == "silence" else answer(name)


@pytest.mark.parametrize("seed", range(24))
def test_every_batch_arrives(runner, seed):
    rig, rng = complete(runner.clock), random.Random(seed)
    forbid(rig.broker, rng)

    async def story():
        rig.put(rng.choice((0, 5, 50)))
        if rng.random() < 0.5:
            rig.broker.refuses = BrokerLost("away")
            await asyncio.sleep(30)
            rig.broker.refuses = None
        await rig.sample(60, rng.choice((1, 5)))
        await asyncio.wait_for(rig.outbox.drained(), 1200)

    rig.run(runner, story)
    assert len(rig.broker.connects) < 60
