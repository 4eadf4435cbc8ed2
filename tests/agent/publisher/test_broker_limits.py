"""What a broker lacks is found out and lived with: wills, limits; and who is blamed for lost sessions."""

from __future__ import annotations

import asyncio

import pytest
from refusing import complete
from test_publisher import TOPICS

from agent.broker import TAKEN_OVER, BrokerLost, BrokerRefused, Facts


@pytest.fixture
def rig(runner):
    return complete(runner.clock)


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

    @pytest.mark.parametrize("code", [0x9A, 0x9B, 0x87, 0x80, 0x90, 0x97, 0x55, 0x42, None])
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
