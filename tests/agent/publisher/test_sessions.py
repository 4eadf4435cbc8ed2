"""One connection of the publisher: what leaves first, what does not outlive it, and when it pauses."""

import asyncio

import pytest
from test_publisher import TOPICS, Rig

from agent.broker import BrokerLost

SERVER_FULL = 0x97  # MQTT 5.0 §3.4.2.1, quota exceeded


def test_the_present_leads_however_much_waits(runner):
    rig = Rig(runner.clock)
    rig.put(5)
    rig.run(runner, lambda: asyncio.sleep(1))
    assert [one.topic for one in rig.broker.received][:2] == [TOPICS.state, TOPICS.status]


def test_an_answer_does_not_outlive_the_connection_on_which_it_was_asked_for(runner):
    rig, topic = Rig(runner.clock), "limpet/pi/response/read"

    async def story():
        await asyncio.sleep(1)
        rig.publisher.answer(topic, b"old")
        rig.broker.cut(BrokerLost("gone"))
        await asyncio.sleep(60)

    rig.run(runner, story)
    assert topic not in [one.topic for one in rig.broker.received]


def test_a_broker_that_is_full_gets_no_batch_until_the_pause_is_over(runner):
    rig, sent = Rig(runner.clock, backfill_rate=0), []

    def code(topic, payload):
        if topic not in (TOPICS.batch, TOPICS.backfill):
            return 0
        sent.append(topic)
        return SERVER_FULL

    async def story():
        await asyncio.sleep(1)
        await rig.sample(30, every=0.2)

    rig.broker.code = code
    rig.run(runner, story)
    assert 1 <= len(sent) < 30


def test_what_happens_now_waits_for_no_acknowledgement_of_history(runner):
    rig = Rig(runner.clock, backfill_rate=0)
    rig.broker.latency = 0.5
    rig.put(500)
    runner.clock.advance(10.0)

    async def story():
        await asyncio.sleep(8)
        assert rig.outbox.waiting > 100, "history fills the window"
        story.began = runner.clock()
        rig.put()
        await asyncio.sleep(1)

    rig.run(runner, story)
    (live,) = [one for one in rig.broker.received if one.topic == TOPICS.batch]
    assert live.at - story.began == pytest.approx(0.5, abs=0.01)
