"""Nothing but a batch's own refusal holds a batch back: documents, subscriptions and answers are set aside."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from refusing import (
    DISCOVERY,
    DOCUMENTS,
    NOT_AUTHORISED,
    REQUESTS,
    UNHEARD_OF,
    complete,
    delivered,
    forgets,
    forgets_where,
    hangs_up_at,
    refused,
    seq_of,
)
from test_publisher import TOPICS

from agent.broker import BrokerLost, Facts


@pytest.fixture
def rig(runner):
    return complete(runner.clock)


class TestABrokerThatHangsUp:
    @pytest.mark.parametrize("topic", [*DOCUMENTS, REQUESTS])
    @pytest.mark.parametrize("code", [None, 0x87, 0x95, 0x82, 0x98, 0xEE])
    def test_at_a_document_or_a_subscription_gets_every_batch_after_two_sessions(self, runner, rig, topic, code):
        ended = hangs_up_at(rig.broker, topic, code=code)

        async def story():
            rig.put(5)
            await delivered(rig, 5, 30)
            await rig.sample(60)
            assert refused(rig) == {topic}

        rig.run(runner, story)
        assert ended[topic] - (topic == TOPICS.status) == 2  # the last is the goodbye
        assert len(rig.broker.connects) == 3
        assert sorted(set(rig.broker.seqs())) == list(range(1, 66))

    @pytest.mark.parametrize("topic", DOCUMENTS)
    @pytest.mark.parametrize("code", [0x9A, 0x9B])
    def test_at_a_document_with_the_code_of_a_limit_gets_every_batch_once_the_limit_is_known(
        self, runner, rig, topic, code
    ):
        hangs_up_at(rig.broker, topic, code=code)

        async def story():
            rig.put(5)
            await delivered(rig, 5, 60)
            await rig.sample(60)
            assert refused(rig) == {topic}

        rig.run(runner, story)
        assert len(rig.broker.connects) <= 4

    def test_at_all_of_them_gets_every_batch_too(self, runner, rig):
        ended = hangs_up_at(rig.broker, *DOCUMENTS, REQUESTS, TOPICS.gap)

        async def story():
            rig.put(20)
            await delivered(rig, 20, 120)
            await asyncio.sleep(120)
            assert refused(rig) == {*DOCUMENTS, REQUESTS}

        rig.run(runner, story)
        assert max(ended.values()) <= 3

    def test_is_not_taken_for_a_twin_and_named_once_in_the_log(self, runner, rig, logged):
        hangs_up_at(rig.broker, DISCOVERY)

        async def story():
            await rig.sample(600)
            assert not rig.publisher.state.duplicate

        rig.run(runner, story)
        assert [one.what for one in logged("agent.publisher.refusals")] == [DISCOVERY]

    def test_is_asked_again_after_a_reload_and_otherwise_after_minutes(self, runner, rig):
        ended = hangs_up_at(rig.broker, DISCOVERY)

        async def story():
            await asyncio.sleep(150)
            assert ended[DISCOVERY] == 2
            rig.broker.code = rig.broker.subscribes = lambda topic, payload=b"": 0
            rig.publisher.adjust(20.0, False)
            await asyncio.sleep(1)
            assert DISCOVERY in rig.broker.retained
            assert not rig.publisher.state.refused

        rig.run(runner, story)

    def test_and_allows_the_document_later_gets_it_without_a_reload(self, runner, rig):
        hangs_up_at(rig.broker, TOPICS.state)

        async def story():
            await asyncio.sleep(60)
            rig.broker.code = lambda topic, payload: 0
            await asyncio.sleep(300)
            assert TOPICS.state in rig.broker.retained
            assert not rig.publisher.state.refused

        rig.run(runner, story)

    def test_at_live_batches_gets_them_as_history(self, runner, rig):
        ended = hangs_up_at(rig.broker, TOPICS.batch)

        async def story():
            await rig.sample(120)
            await asyncio.wait_for(rig.outbox.drained(), 60)
            assert TOPICS.batch in refused(rig)

        rig.run(runner, story)
        assert rig.broker.seqs("backfill")[-100:] == list(range(21, 121))
        assert ended[TOPICS.batch] < 12

    def test_at_every_batch_still_gets_the_present_and_loses_nothing(self, runner, rig):
        ended = hangs_up_at(rig.broker, TOPICS.batch, TOPICS.backfill)

        async def story():
            await rig.sample(600)
            assert rig.outbox.waiting == 600
            assert rig.outbox.next_gap() is None
            rig.broker.code = rig.broker.subscribes = lambda topic, payload=b"": 0
            await asyncio.wait_for(rig.outbox.drained(), 600)

        rig.run(runner, story)
        assert ended.total() < 40
        assert sorted(set(rig.broker.seqs())) == list(range(1, 601))


class TestARefusalByACode:
    @pytest.mark.parametrize("topic", [*DOCUMENTS, REQUESTS])
    @pytest.mark.parametrize("code", [NOT_AUTHORISED, 0x80, 0x83, 0x8F, 0x97, 0x9E, 0xA1, 0xA2, UNHEARD_OF])
    def test_of_what_is_no_batch_ends_no_session_and_holds_no_batch_back(self, runner, rig, topic, code):
        asked = Counter()

        def look(one, payload=b""):
            asked[one] += 1
            return code if one == topic else 0

        rig.broker.code = rig.broker.subscribes = look

        async def story():
            await rig.sample(150)
            assert refused(rig) == {topic}

        rig.run(runner, story)
        lives = rig.broker.seqs("batch")
        assert lives == list(range(1, 151))
        assert len(rig.broker.connects) == 1
        assert asked[topic] - (topic == TOPICS.status) <= 6  # the last is the goodbye


class TestAnswers:
    def test_to_topics_that_strangers_choose_fill_no_log_and_cost_the_others_nothing(self, runner, rig, logged):
        rig.broker.code = lambda topic, payload: NOT_AUTHORISED if topic.startswith("secret/") else 0

        async def story():
            await asyncio.sleep(1)
            for number in range(300):
                rig.publisher.answer(f"secret/{number}", b"{}")
                rig.publisher.answer("friend/answers", b"{}", b"mark")
                await asyncio.sleep(0.5)

        rig.run(runner, story)
        assert len(logged("agent.publisher.refusals")) <= 4
        assert sum(one.topic == "friend/answers" for one in rig.broker.received) == 300

    def test_at_which_the_broker_hangs_up_are_left_out_and_batches_pass(self, runner, rig):
        answer = "limpet/pi/response/read"
        ended = hangs_up_at(rig.broker, answer)

        async def story():
            for _ in range(120):
                rig.publisher.answer(answer, b"{}")
                rig.put()
                await asyncio.sleep(1)
            await asyncio.wait_for(rig.outbox.drained(), 30)
            assert refused(rig) == {answer}

        rig.run(runner, story)
        assert ended[answer] == 2


class TestABrokerThatIsBusy:
    @pytest.mark.parametrize("code", [0x89, 0x8B, 0x9F])
    def test_and_says_so_at_every_connect_is_believed(self, runner, rig, code):
        """What happened to be under way is not blamed, and the present still comes before `online`."""

        def busy(topic, payload=b""):
            rig.broker.cut(BrokerLost("busy", code=code))
            return 0x97

        rig.broker.code = rig.broker.subscribes = busy

        async def story():
            rig.put(5)
            await asyncio.sleep(20)
            rig.broker.code = rig.broker.subscribes = lambda topic, payload=b"": 0
            await delivered(rig, 5, 120)
            await asyncio.sleep(5)
            assert not rig.publisher.state.refused

        rig.run(runner, story)
        assert [one.name for one in rig.broker.received][:2] == ["state", "status"]


class TestABrokerThatDoesNotAcknowledge:
    @pytest.mark.parametrize("topic", [*DOCUMENTS, REQUESTS])
    def test_one_document_or_subscription_gets_every_batch_at_once(self, runner, rig, topic):
        forgets(rig.broker, topic)

        async def story():
            await rig.sample(120)
            assert topic in refused(rig)

        rig.run(runner, story)
        assert sorted(set(rig.broker.seqs())) == list(range(1, 121))
        assert len(rig.broker.connects) == 1

    @pytest.mark.parametrize("topic", [*DOCUMENTS, REQUESTS])
    def test_one_of_them_gets_every_batch_through_a_probe_too(self, runner, rig, topic):
        rig.broker.refuses = BrokerLost("away")
        forgets(rig.broker, topic)

        async def story():
            await rig.sample(60)
            rig.broker.refuses = None
            await delivered(rig, 60, 240)

        rig.run(runner, story)

    @pytest.mark.parametrize("receive_maximum", [20, 1])
    def test_one_batch_gets_the_others_while_that_one_waits_longer_each_time(self, runner, rig, receive_maximum):
        rig.broker.facts = Facts(receive_maximum=receive_maximum)
        forgets_where(rig.broker, lambda one: one.name in ("batch", "backfill") and seq_of(one.payload) == 7)

        async def story():
            await rig.sample(900)
            await asyncio.sleep(90)
            assert rig.outbox.waiting == 1
            assert rig.outbox.refused == 0

        rig.run(runner, story)
        assert set(rig.broker.seqs()) == set(range(1, 901))
        assert len(rig.broker.connects) < (10 if receive_maximum > 1 else 35)

    def test_in_less_than_a_round_gets_batches_and_documents_alike(self, runner, rig):
        rig.broker.latency = 5.0

        async def story():
            for _ in range(60):
                rig.put()
                rig.publisher.retain(TOPICS.state, b"{}")
                rig.publisher.retain(TOPICS.health, b"{}")
                await asyncio.sleep(10)
            assert rig.outbox.waiting < 6

        rig.run(runner, story)
        counted = Counter(one.name for one in rig.broker.received)
        assert counted["status"] >= 1
        assert min(counted["state"], counted["health"]) > 10
