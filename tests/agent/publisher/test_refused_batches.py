"""Batches that are refused: which of them wait, until when, and which are given up."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from refusing import NOT_AUTHORISED, QUOTA, UNHEARD_OF, complete, delivered, refused, seq_of
from test_publisher import TOPICS

from agent.broker import BrokerLost, Facts
from agent.outbox import Item


@pytest.fixture
def rig(runner):
    return complete(runner.clock)


class TestARefusalByACode:
    def test_that_was_a_mistake_of_twelve_seconds_costs_nothing(self, runner, rig):
        async def story():
            await rig.sample(8)
            rig.broker.code = lambda topic, payload: NOT_AUTHORISED
            await rig.sample(12)
            rig.broker.code = lambda topic, payload: 0
            await rig.sample(20)
            await asyncio.wait_for(rig.outbox.drained(), 60)
            await asyncio.sleep(60)
            assert not rig.publisher.state.refused

        rig.run(runner, story)
        assert sorted(rig.broker.seqs()) == list(range(1, 41))
        assert not [one for one in rig.broker.received if one.name == "gap"]

    @pytest.mark.parametrize("code", [NOT_AUTHORISED, 0x80, 0x83, QUOTA, UNHEARD_OF])
    def test_of_all_batches_for_hours_is_tried_more_and_more_seldom_and_kept_in_order(self, runner, rig, code):
        asked = []

        def look(topic, payload):
            if topic not in (TOPICS.batch, TOPICS.backfill):
                return 0
            asked.append(runner.clock())
            return code

        rig.broker.code = look

        async def story():
            rig.put(30)
            await asyncio.sleep(4 * 3600)
            assert len([at for at in asked if at > 3600]) < 3 * 3600 / 60 * 4
            rig.broker.code = lambda topic, payload: 0
            await asyncio.wait_for(rig.outbox.drained(), 90)

        rig.run(runner, story)
        assert rig.broker.seqs() == list(range(1, 31))
        assert len(rig.broker.connects) == 1

    @pytest.mark.parametrize("code", [NOT_AUTHORISED, 0x80, 0x83, QUOTA, UNHEARD_OF])
    @pytest.mark.parametrize("bad", [{1}, {7}, {3, 4, 9, 20}])
    def test_of_some_batches_does_not_hold_back_the_others(self, runner, rig, code, bad):
        rig.broker.refuses = BrokerLost("away")

        def look(topic, payload):
            return code if topic in (TOPICS.batch, TOPICS.backfill) and seq_of(payload) in bad else 0

        rig.broker.code = look

        async def story():
            rig.put(60)
            await asyncio.sleep(10)
            rig.broker.refuses = None
            await delivered(rig, 60 - len(bad), 60)
            assert rig.outbox.waiting == len(bad)
            await rig.sample(30)
            assert rig.outbox.waiting == len(bad)
            rig.broker.code = lambda topic, payload: 0
            await asyncio.wait_for(rig.outbox.drained(), 330)

        rig.run(runner, story)
        assert sorted(rig.broker.seqs()) == list(range(1, 91))

    @pytest.mark.parametrize(("code", "reason"), [(0x90, "refused"), (0x99, "refused"), (0x95, "too_large")])
    def test_that_is_about_the_batch_itself_is_final_after_three_times(self, runner, rig, code, reason):
        asked = Counter()

        def look(topic, payload):
            if topic in (TOPICS.batch, TOPICS.backfill) and seq_of(payload) == 3:
                asked[3] += 1
                return code
            return 0

        rig.broker.code = look

        async def story():
            await rig.sample(10)
            await asyncio.wait_for(rig.outbox.drained(), 30)
            await asyncio.sleep(1)

        rig.run(runner, story)
        assert asked[3] == 3
        assert set(rig.broker.seqs()) == set(range(1, 11)) - {3}
        (gap,) = [one.document for one in rig.broker.received if one.name == "gap"]
        assert (gap["from"], gap["to"], gap["reason"]) == (3, 3, reason)

    @pytest.mark.parametrize("code", [NOT_AUTHORISED, 0x90, 0x95, 0x99, QUOTA, UNHEARD_OF])
    def test_of_a_gap_keeps_the_gap_until_it_is_acknowledged(self, runner, rig, code):
        rig.broker.facts = Facts(maximum_packet_size=400)
        rig.broker.code = lambda topic, payload: code if topic == TOPICS.gap else 0

        async def story():
            await asyncio.sleep(1)
            rig.put(1, pad=400)
            await rig.sample(60)
            assert rig.outbox.next_gap() is not None
            assert rig.broker.seqs("batch") == list(range(2, 62))
            rig.broker.code = lambda topic, payload: 0
            await asyncio.sleep(300)
            assert rig.outbox.next_gap() is None

        rig.run(runner, story)


class TestBatchesOfAnEarlierDevice:
    OLD = "limpet/old"

    def put_old(self, rig, count: int) -> None:
        for seq in range(1, count + 1):
            body = b'{"bootId":"before","seq":%d,"clock":"synced","faults":[]}' % seq
            rig.outbox.put(Item("before", seq, 0.0, "another-boot", body, self.OLD))

    def test_go_below_the_topic_of_that_device(self, runner, rig):
        self.put_old(rig, 5)
        rig.run(runner, rig.outbox.drained)
        assert [one.topic for one in rig.broker.received if one.name == "backfill"] == [f"{self.OLD}/backfill"] * 5

    def test_wait_where_the_broker_refuses_that_topic_and_hold_nothing_back(self, runner, rig):
        asked = Counter()

        def look(topic, payload):
            asked[topic] += 1
            return NOT_AUTHORISED if topic.startswith(self.OLD) else 0

        rig.broker.code = look
        self.put_old(rig, 300)

        async def story():
            rig.broker.refuses = BrokerLost("away")
            rig.put(100)
            await asyncio.sleep(20)
            rig.broker.refuses = None
            await delivered(rig, 100, 60)
            await rig.sample(600)
            assert rig.outbox.waiting == 300
            assert asked[f"{self.OLD}/backfill"] < 60
            assert f"{self.OLD}/backfill" in refused(rig)
            rig.broker.code = lambda topic, payload: 0
            await asyncio.wait_for(rig.outbox.drained(), 120)

        rig.run(runner, story)
        old = [one.document["seq"] for one in rig.broker.received if one.topic == f"{self.OLD}/backfill"]
        assert old == list(range(1, 301))

    def test_go_below_the_new_topic_where_a_refusal_would_be_silent(self, runner, rig):
        rig.broker.facts = Facts(version="3.1.1")
        self.put_old(rig, 5)
        rig.run(runner, rig.outbox.drained)
        assert {one.topic for one in rig.broker.received if one.name == "backfill"} == {TOPICS.backfill}
