"""The publisher over a real link against brokers that refuse in every way there is, MQTT 3.1.1 and 5."""

from __future__ import annotations

import pytest
from awkward import HANG_UP, RESET, SILENCE
from impatient import DISCOVERY, REQUESTS, TOPICS, eventually, told
from impatient import hurry as really_hurry

OLD = "limpet/old"


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    really_hurry(monkeypatch)


WAYS = [
    *((way, "3.1.1") for way in (HANG_UP, RESET, SILENCE)),
    *((way, "5") for way in (HANG_UP, RESET, SILENCE, "code 0x87", "code 0x95", "code 0xd3")),
    *((f"disconnect 0x{code:02x}", "5") for code in (0x80, 0x82, 0x87, 0x90, 0x94, 0x95, 0x97, 0x98, 0x99, 0xEE)),
]


class TestWhatIsNoBatch:
    @pytest.mark.parametrize(("way", "version"), WAYS)
    @pytest.mark.parametrize("topic", [TOPICS.state, TOPICS.status, DISCOVERY, REQUESTS])
    def test_is_set_aside_when_it_is_refused_and_batches_pass(self, topic, way, version):
        async def story(device, broker):
            broker.refuses[topic] = way
            device.put(3)
            await device.delivered()
            for _ in range(5):
                device.put(3)
                await device.delivered()
            await eventually(lambda: topic in device.refused() or broker.refused[topic] >= 2)
            assert set(device.seqs()) == set(range(1, 19))
            if way in (HANG_UP, RESET) or way.startswith("disconnect"):
                assert broker.refused[topic] == 2

        told(story, version)

    @pytest.mark.parametrize("code", [0x80, 0x87, 0x8F, 0x97, 0x9E, 0xA1, 0xA2, 0x55, 0xFF])
    def test_and_is_a_subscription_may_be_refused_with_any_code(self, code):
        async def story(device, broker):
            broker.refuses[REQUESTS] = f"code 0x{code:02x}"
            device.put(5)
            await device.delivered()
            await eventually(lambda: bool(broker.refused))
            assert len(broker.connects) == 1

        told(story)

    @pytest.mark.parametrize("version", ["3.1.1", "5"])
    def test_may_be_refused_altogether(self, version):
        async def story(device, broker):
            broker.refuses = dict.fromkeys(
                (TOPICS.state, TOPICS.status, TOPICS.info, TOPICS.health, DISCOVERY), HANG_UP
            )
            device.put(20)
            await device.delivered()

        told(story, version)

    @pytest.mark.parametrize("most", [1, 2])
    @pytest.mark.parametrize("way", [HANG_UP, SILENCE, "code 0x87"])
    def test_holds_nothing_back_where_one_message_at_a_time_is_allowed(self, way, most):
        async def story(device, broker):
            broker.receive_maximum, broker.properties = most, b"\x21" + most.to_bytes(2, "big")
            broker.refuses[TOPICS.state] = way
            device.put(10)
            await device.delivered(6.0)

        told(story)


class TestBatches:
    @pytest.mark.parametrize(("way", "version"), WAYS)
    def test_that_are_refused_for_a_while_come_later_and_no_document_waits_for_them(self, way, version):
        if way.endswith("0x95"):
            pytest.skip("that is about the batch itself")

        async def story(device, broker):
            broker.refuses = {TOPICS.batch: way, TOPICS.backfill: way}
            device.put(5)
            await eventually(lambda: broker.refused.total() >= 3)
            await eventually(lambda: TOPICS.health in [one.topic for one in broker.accepted])
            broker.refuses.clear()
            await device.delivered(6.0)
            assert sorted(set(device.seqs())) == list(range(1, 6))
            assert device.outbox.next_gap() is None

        told(story, version)

    @pytest.mark.parametrize("version", ["3.1.1", "5"])
    @pytest.mark.parametrize("way", [HANG_UP, "disconnect 0x95"])
    def test_that_are_too_large_are_given_up_by_themselves(self, way, version):
        if version == "3.1.1" and way != HANG_UP:
            pytest.skip("3.1.1 has no DISCONNECT from a broker")

        async def story(device, broker):
            answers = broker.acknowledges

            def strict(publish):
                if len(publish.payload) > 2500:
                    return broker._refuse("large", way)
                return answers(publish)

            broker.acknowledges = strict
            device.put(3)
            await device.delivered()
            device.put(1, pad=3000)
            device.put(5)
            await device.delivered()
            assert set(device.seqs()) == {1, 2, 3, 5, 6, 7, 8, 9}
            await eventually(lambda: TOPICS.gap in [one.topic for one in broker.accepted])
            device.put(1, pad=4000)
            before = broker.refused["large"]
            await device.delivered()
            assert before <= 5
            assert broker.refused["large"] == before
            assert device.publisher.state.limits["maximum_packet_size"] > 2500

        told(story, version)

    def test_of_another_device_wait_where_only_its_own_account_may_write(self):
        async def story(device, broker):
            broker.refuses[f"{OLD}/backfill"] = "code 0x87"
            device.put(100, topic=OLD, historical=True)
            device.put(50, topic=TOPICS.device, historical=True)
            await eventually(lambda: len(device.seqs(TOPICS.backfill)) == 50)
            await eventually(lambda: device.outbox.waiting == 100)
            broker.refuses.clear()
            await device.delivered()
            assert sorted(device.seqs(f"{OLD}/backfill")) == list(range(1, 101))

        told(story)

    def test_of_another_device_go_below_our_topic_with_3_1_1(self):
        async def story(device, broker):
            device.put(5, topic=OLD, historical=True)
            await device.delivered()
            assert device.seqs(TOPICS.backfill) == list(range(1, 6))

        told(story, "3.1.1")

    @pytest.mark.parametrize("after", [1, 5])
    def test_on_a_link_that_dies_are_not_believed_delivered_where_nothing_is_acknowledged(self, after):
        async def story(device, broker):
            broker.properties = b"\x24\x00"
            broker.pongs = True
            device.put(after)
            await device.delivered()
            broker.pongs = False
            device.put(5)
            await eventually(lambda: len(device.seqs()) >= after + 5)
            await eventually(lambda: device.outbox.waiting == 5)
            broker.cut()
            broker.pongs = True
            await device.delivered()
            assert device.publisher.state.limits == {"maximum_qos": 0}

        told(story)
