"""Brokers that do not say what they lack, over a real link: wills, QoS 1, retained messages."""

from __future__ import annotations

import pytest
from awkward import HANG_UP, RESET
from impatient import DISCOVERY, TOPICS, eventually, told
from impatient import hurry as really_hurry


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    really_hurry(monkeypatch)


class TestALastWill:
    @pytest.mark.parametrize("code", ["0x9a", "0x9b", "0x87", "0x80", "0x90"])
    def test_that_is_refused_by_a_code_is_lived_without(self, code):
        async def story(device, broker):
            broker.wills = lambda connect: f"code {code}"
            device.put(3)
            await device.delivered()
            assert device.publisher.state.limits["will"] is False

        told(story)

    @pytest.mark.parametrize(("code", "bit"), [("0x9a", 0x20), ("0x9b", 0x08)])
    def test_is_not_retained_or_not_acknowledged_where_that_is_all_that_is_wrong(self, code, bit):
        async def story(device, broker):
            broker.wills = lambda connect: f"code {code}" if connect.flags & bit else None
            device.put(3)
            await device.delivered()
            assert broker.connects[-1].will is not None
            assert "will" not in device.publisher.state.limits

        told(story)

    @pytest.mark.parametrize("version", ["3.1.1", "5"])
    @pytest.mark.parametrize("way", [HANG_UP, RESET])
    def test_at_which_the_broker_hangs_up_is_left_out(self, way, version):
        async def story(device, broker):
            broker.wills = lambda connect: way
            device.put(3)
            await device.delivered(6.0)
            assert device.publisher.state.limits["will"] is False

        told(story, version)


class TestABrokerThatSaysNothing:
    """MQTT 3.1.1 has no words for what is not supported."""

    def test_of_having_no_qos_1_is_sent_what_needs_no_acknowledgement(self):
        async def story(device, broker):
            answers = broker.acknowledges
            broker.acknowledges = lambda one: broker._refuse("qos 1", HANG_UP) if one.qos else answers(one)
            device.put(10)
            await device.delivered(6.0)
            await eventually(lambda: {TOPICS.state, TOPICS.status} <= {one.topic for one in broker.accepted})
            assert device.publisher.state.limits == {"maximum_qos": 0}
            assert broker.refused["qos 1"] <= 4

        told(story, "3.1.1")

    def test_of_not_retaining_is_sent_documents_that_are_not_retained(self):
        async def story(device, broker):
            broker.wills = lambda connect: HANG_UP if connect.flags & 0x20 else None
            answers = broker.acknowledges
            broker.acknowledges = lambda one: broker._refuse("retained", HANG_UP) if one.retain else answers(one)
            device.put(10)
            await device.delivered(6.0)
            wanted = {TOPICS.state, TOPICS.status, TOPICS.info, DISCOVERY}
            await eventually(lambda: wanted <= {one.topic for one in broker.accepted})
            assert device.publisher.state.limits["retain"] is False
            assert not device.refused()

        told(story, "3.1.1")
