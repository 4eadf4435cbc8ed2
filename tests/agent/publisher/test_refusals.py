"""Nothing but a batch's own refusal holds a batch back: every other refusal, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from test_publisher import TOPICS, Rig

from agent.broker import TAKEN_OVER, BrokerLost, BrokerRefused, Facts
from agent.messages.blocks import lines
from agent.outbox import Item

DISCOVERY = "homeassistant/device/limpet_pi/config"
REQUESTS = "limpet/pi/request/read"
DOCUMENTS = (TOPICS.state, TOPICS.status, TOPICS.info, TOPICS.health, DISCOVERY)
NOT_AUTHORISED, QUOTA, UNHEARD_OF = 0x87, 0x97, 0xD3


@pytest.fixture
def rig(runner):
    rig = Rig(runner.clock)
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
            return code if topic in (TOPICS.batch, TOPICS.backfill) and _seq(payload) in bad else 0

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
            if topic in (TOPICS.batch, TOPICS.backfill) and _seq(payload) == 3:
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


class TestABrokerThatTakesNoBlocks:
    @pytest.mark.parametrize("how", [0x95, 0x99, 0x90, NOT_AUTHORISED, "hangs up", "is silent"])
    def test_gets_each_batch_by_itself(self, runner, how):
        rig = Rig(runner.clock, backfill_format="block")
        rig.broker.refuses = BrokerLost("away")
        blocks = []

        def look(topic, payload=b""):
            if payload[:1] != b"\x78":
                return 0
            blocks.append(topic)
            if how == "hangs up":
                rig.broker.cut(BrokerLost("not allowed"))
            return how if isinstance(how, int) else 0

        rig.broker.code = look
        if how == "is silent":
            forgets_where(rig.broker, lambda one: one.payload[:1] == b"\x78")

        async def story():
            await rig.sample(100)
            rig.broker.refuses = None
            await rig.sample(150)
            assert rig.outbox.waiting < 5
            assert rig.outbox.refused == 0

        rig.run(runner, story)
        assert blocks

    def test_gets_small_ones_again_after_a_while(self, runner):
        rig = Rig(runner.clock, backfill_format="block")
        sizes = []

        def look(topic, payload=b""):
            if payload[:1] == b"\x78":
                sizes.append(len(lines(payload)))
            return UNHEARD_OF if sizes and sizes[-1] > 10 and payload[:1] == b"\x78" else 0

        rig.broker.code = look

        async def story():
            for _ in range(6):
                rig.broker.refuses = BrokerLost("away")
                rig.broker.cut()
                await rig.sample(100)
                rig.broker.refuses = None
                await rig.sample(100)
            assert rig.outbox.waiting < 5

        rig.run(runner, story)
        assert sum(size > 10 for size in sizes) < 15
        assert sum(1 < size <= 10 for size in sizes) > 20


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
        forgets_where(rig.broker, lambda one: one.name in ("batch", "backfill") and _seq(one.payload) == 7)

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


class TestBlame:
    @pytest.mark.parametrize("every", [4, 9])
    def test_a_link_that_is_cut_every_few_seconds_is_no_twin_and_recovers_at_once(self, runner, rig, every):
        async def story():
            sampling = asyncio.create_task(rig.sample(300))
            while not sampling.done():
                await asyncio.sleep(every)
                rig.broker.cut(BrokerLost("the connection was lost"))
            assert not rig.publisher.state.duplicate

        rig.run(runner, story)
        assert max(b - a for a, b in zip(rig.broker.connects, rig.broker.connects[1:], strict=False)) < every + 5

    def test_a_take_over_is_blamed_on_a_twin_the_second_time(self, runner, rig):
        async def story():
            for _ in range(2):
                assert not rig.publisher.state.duplicate
                await asyncio.sleep(5)
                rig.broker.cut(BrokerLost("taken over", code=TAKEN_OVER))
                await asyncio.sleep(5)
            assert rig.publisher.state.duplicate

        rig.run(runner, story)

    @pytest.mark.parametrize("twin", [True, False])
    def test_a_twin_that_the_broker_does_not_tell_of_is_known_by_what_it_publishes(self, runner, rig, twin):
        rig.publisher.retain(TOPICS.info, b'{"bootId":"boot"}')

        async def story():
            for _ in range(12):
                while not rig.publisher.state.connected:  # noqa: ASYNC110 - virtual time
                    await asyncio.sleep(0.1)
                await asyncio.sleep(1.5)
                rig.broker.cut(BrokerLost("the connection was lost"))
                if twin:
                    rig.broker.retained[TOPICS.info] = b'{"bootId":"twin"}'
                await asyncio.sleep(0.1)
            assert rig.publisher.state.duplicate == twin

        rig.run(runner, story)


class TestALastWill:
    @pytest.mark.parametrize(
        ("code", "left", "limits"),
        [(0x9A, (False, 1), {"retain": False}), (0x9B, (True, 0), {"maximum_qos": 0})],
    )
    def test_that_is_refused_for_a_reason_is_sent_as_the_broker_takes_it(self, runner, rig, code, left, limits):
        def accepts(will):
            fine = will is None or not (will.retain if code == 0x9A else will.qos)
            return None if fine else BrokerRefused("no", permanent=True, code=code)

        rig.broker.accepts = accepts

        async def story():
            await asyncio.sleep(5)
            will = rig.broker.session.will
            assert (will.retain, will.qos) == left
            assert rig.publisher.state.limits == limits

        rig.run(runner, story)

    @pytest.mark.parametrize("code", [0x9A, 0x9B, 0x87, 0x80, 0x90, 0x97, UNHEARD_OF, 0x42, None])
    def test_that_is_refused_in_any_form_is_left_out(self, runner, rig, code):
        def accepts(will):
            if will is None:
                return None
            if code is not None:
                return BrokerRefused("no", permanent=True, code=code)
            error = BrokerLost("hung up")
            error.hung_up = True
            return error

        rig.broker.accepts = accepts

        async def story():
            await asyncio.sleep(25)
            assert rig.publisher.state.connected
            assert rig.publisher.state.limits["will"] is False
            for _ in range(3):
                rig.broker.cut(BrokerLost("lost"))
                await asyncio.sleep(10)
                assert rig.publisher.state.connected

        rig.run(runner, story)
        assert len(rig.broker.connects) < 15

    def test_is_not_suspected_of_a_broker_that_restarts(self, runner, rig):
        down = BrokerLost("hung up")
        down.hung_up = True
        rig.broker.refuses = down

        async def story():
            await asyncio.sleep(600)
            rig.broker.refuses = None
            await asyncio.sleep(100)
            assert rig.broker.session.will is not None
            assert rig.publisher.state.limits == {}

        rig.run(runner, story)


class TestLimits:
    def test_are_told_when_they_are_small_and_said_once(self, runner, rig, logged):
        rig.broker.facts = Facts(maximum_packet_size=2500, maximum_qos=0, retain_available=False)

        async def story():
            for _ in range(5):
                await asyncio.sleep(30)
                rig.broker.cut()
            assert rig.publisher.state.limits == {"maximum_packet_size": 2500, "maximum_qos": 0, "retain": False}

        rig.run(runner, story)
        assert sum(one.message == "broker has limits" for one in logged("agent.publisher")) == 1

    @pytest.mark.parametrize("for_ever", [False, True])
    def test_that_a_trial_found_are_believed_when_the_next_session_finds_them_again(self, runner, rig, for_ever):
        hung_up = []

        def look(topic, payload=b""):
            if (for_ever or len(hung_up) < 3) and rig.broker.session.facts.maximum_qos:
                hung_up.append(topic)
                rig.broker.cut(BrokerLost("hung up"))
            return 0

        rig.broker.code = look

        async def story():
            await rig.sample(60)
            assert rig.publisher.state.limits == {"maximum_qos": 0}
            for _ in range(3):
                rig.broker.cut()
                await rig.sample(60)
            assert rig.publisher.state.limits == ({"maximum_qos": 0} if for_ever else {})
            assert rig.outbox.waiting < 3

        rig.run(runner, story)
        assert len(hung_up) == (4 if for_ever else 3)

    def test_are_nothing_where_nothing_is_lacking(self, runner, rig):
        rig.broker.facts = Facts(maximum_packet_size=268_435_455, receive_maximum=20)
        rig.run(runner, lambda: asyncio.sleep(5))
        assert rig.publisher.state.limits == {}


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


def _seq(payload: bytes) -> int:
    import json

    return json.loads(payload)["seq"]
