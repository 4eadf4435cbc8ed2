"""What a link makes of the broker's answers: every reason code, proof without QoS 1, properties and wills."""

from __future__ import annotations

import asyncio

import pytest
from brokers import CONTENT_TYPE, CORRELATION, DISCONNECT, PINGRESP, packet, text
from link_stories import address, opened, told

from agent.broker import BrokerError, BrokerLost, BrokerRefused, Will, packet_size
from agent.broker.link import PahoLink

PONG = packet(PINGRESP, b"")


class TestReasonCodes:
    """No number ends a session that the broker did not end, whether the standard lists it for the packet or not."""

    def test_every_code_of_a_puback_arrives_and_the_session_lasts(self):
        async def story(broker):
            codes = iter(range(256))
            broker.acknowledges = lambda publish: next(codes)
            async with opened(broker) as link:
                told = [await link.publish("a", b"1") for _ in range(256)]
                assert not link.lost.done()
            assert told[0x80:] == list(range(0x80, 0x100))
            assert [code for code in told[:0x80] if code < 0x80] == [0, 0x10]

        told(story)

    def test_every_refusing_code_of_a_connack_arrives(self):
        async def story(broker):
            for broker.connack in range(0x80, 0x100):
                with pytest.raises(BrokerRefused) as caught:
                    async with opened(broker):
                        pass
                assert caught.value.code == broker.connack

        told(story)

    @pytest.mark.parametrize("version", ["5", "3.1.1"])
    @pytest.mark.parametrize(
        ("number", "code"), [(1, 0x84), (2, 0x85), (3, 0x88), (4, 0x86), (5, 0x87), (6, 6), (0x7F, 0x7F)]
    )
    def test_a_connack_of_311_is_translated_whatever_we_speak(self, version, number, code):
        async def story(broker):
            broker.connack = number
            with pytest.raises(BrokerRefused) as caught:
                async with opened(broker, version=version):
                    pass
            assert caught.value.code == code

        told(story)

    def test_a_connack_without_properties_is_a_refusal_all_the_same(self):
        async def story(broker):
            broker.connack = None
            connecting = asyncio.ensure_future(PahoLink(address(broker)).connect())
            await broker.until(lambda: bool(broker.connects))
            broker.send(b"\x20\x02\x00\x05")
            with pytest.raises(BrokerRefused, match="not authorised"):
                await connecting

        told(story)

    @pytest.mark.parametrize(
        ("properties", "words"),
        [
            (b"\x1f" + text("blocked\nsince"), "banned (reason 0x8a: blockedsince)"),
            (b"\x1c" + text("b.local"), "banned (reason 0x8a: use b.local)"),
            (b"\x1f\x00", "banned (reason 0x8a)"),
            (b"\x99\x00", "banned (reason 0x8a)"),
        ],
    )
    def test_the_brokers_own_words_are_passed_on_as_far_as_they_can_be_read(self, properties, words):
        async def story(broker):
            broker.connack, broker.properties = 0x8A, properties
            with pytest.raises(BrokerRefused) as caught:
                async with opened(broker):
                    pass
            assert words in str(caught.value)
            broker.connack, broker.properties = 0, b""
            async with opened(broker) as link:
                broker.send(packet(DISCONNECT, b"\x8a" + bytes([len(properties)]) + properties))
                assert words in str(await link.lost)

        told(story)

    @pytest.mark.parametrize("code", [0, 0x01, 0x55, 0x80, 0x86, 0x9D, 0xFE])
    def test_every_code_of_a_disconnect_arrives(self, code):
        async def story(broker):
            async with opened(broker) as link:
                broker.send(packet(DISCONNECT, bytes([code])))
                assert (await link.lost).code == code

        told(story)

    @pytest.mark.parametrize(
        ("sent", "code"), [(0, 0), (1, 1), (2, 2), (0x80, 0x80), (0xA2, 0xA2), (0xFE, 0xFE), (3, 0x80)]
    )
    @pytest.mark.parametrize("version", ["5", "3.1.1"])
    def test_every_code_of_a_suback_is_the_result_of_the_subscription(self, version, sent, code):
        async def story(broker):
            broker.suback = sent
            async with opened(broker, version=version) as link:
                assert await link.subscribe("a/+", print) == code
                assert await link.publish("b", b"1") == 0

        told(story)

    def test_a_subscription_without_an_answer_fails_with_the_connection(self):
        async def story(broker):
            broker.suback = None
            async with opened(broker) as link:
                asked = link.subscribe("a/+", print)
                await broker.until(lambda: bool(broker.subscribed))
                broker.cut()
                with pytest.raises(BrokerLost):
                    await asked
                with pytest.raises(BrokerLost):
                    await link.subscribe("a/+", print)

        told(story)

    @pytest.mark.parametrize("topic_filter", ["", "a/#/b", "a+"])
    def test_a_filter_that_is_none_is_refused_before_it_is_sent(self, topic_filter):
        async def story(broker):
            async with opened(broker) as link:
                with pytest.raises(BrokerError):
                    await link.subscribe(topic_filter, print)
                assert await link.publish("b", b"1") == 0

        told(story)


NO_QOS_1 = b"\x24\x00"


class TestABrokerWithoutQos1:
    """Maximum QoS 0: nothing is acknowledged, but a later PINGRESP proves that all before it has arrived."""

    def test_a_publication_is_done_when_a_later_ping_is_answered(self):
        async def story(broker):
            broker.properties, broker.pongs = NO_QOS_1, False
            async with opened(broker) as link:
                futures = [link.publish("a", b"1"), link.publish("a", b"2")]
                await broker.until(lambda: len(broker.published) == 2 and broker.pings == 1)
                assert not any(future.done() for future in futures)
                broker.pongs = True
                broker.send(PONG)
                assert await asyncio.gather(*futures) == [0, 0]
            assert [publish.qos for publish in broker.published] == [0, 0]

        told(story)

    def test_the_answer_to_an_earlier_ping_proves_nothing(self):
        async def story(broker):
            broker.properties, broker.pongs = NO_QOS_1, False
            async with opened(broker) as link:
                first = link.publish("a", b"1")
                await broker.until(lambda: broker.pings == 1)
                second = link.publish("a", b"2")
                await broker.until(lambda: len(broker.published) == 2)
                broker.send(PONG)
                assert await first == 0
                await broker.until(lambda: broker.pings == 2)
                assert not second.done()
                broker.send(PONG)
                assert await second == 0

        told(story)

    def test_a_ping_of_the_keepalive_proves_nothing_either(self):
        async def story(broker):
            broker.properties, broker.pongs = NO_QOS_1, False
            async with opened(broker, keepalive=1) as link:
                await broker.until(lambda: broker.pings == 1)
                future = link.publish("a", b"1")
                await broker.until(lambda: broker.pings == 2)
                broker.send(PONG)
                await asyncio.sleep(0.05)
                assert not future.done()
                broker.send(PONG)
                assert await future == 0

        told(story)

    def test_what_no_ping_proved_fails_with_the_connection(self):
        async def story(broker):
            broker.properties, broker.pongs = NO_QOS_1, False
            async with opened(broker) as link:
                futures = [link.publish("a", bytes([number])) for number in range(20)]
                await broker.until(lambda: len(broker.published) == 20)
                broker.cut()
                for future in futures:
                    with pytest.raises(BrokerLost):
                        await future

        told(story)


class TestProperties:
    @pytest.mark.parametrize("correlation", [None, b"\x00\xff", b"x" * 130])
    @pytest.mark.parametrize("content_type", [None, "application/json", "ä" * 70])
    def test_content_type_and_correlation_data_travel_and_count(self, content_type, correlation):
        async def story(broker):
            sizes = []
            serve = broker._publish
            broker._publish = lambda head, body, *rest: (sizes.append(len(body.data)), serve(head, body, *rest))
            async with opened(broker) as link:
                await link.publish("a", b"123", content_type=content_type, correlation=correlation)
            found = broker.published[0].properties
            assert found.get(CONTENT_TYPE, b"").decode() == (content_type or "")
            assert found.get(CORRELATION) == correlation
            size = packet_size("a", 3, "5", content_type, correlation)
            assert size == 1 + (1 if sizes[0] < 128 else 2) + sizes[0]

        told(story)

    def test_before_mqtt_5_they_are_left_out(self):
        async def story(broker):
            async with opened(broker, version="3.1.1") as link:
                assert await link.publish("a", b"1", content_type="text/plain", correlation=b"x") == 0
            assert broker.published[0].payload == b"1"

        told(story)

    @pytest.mark.parametrize(
        ("retain", "qos", "flags"), [(True, 1, 0x2C), (False, 1, 0x0C), (True, 0, 0x24), (False, 0, 0x04)]
    )
    @pytest.mark.parametrize("version", ["5", "3.1.1"])
    def test_the_will_is_as_it_is_asked_for(self, version, retain, qos, flags):
        async def story(broker):
            async with opened(broker, version=version, will=Will("t", b"x", retain, qos)):
                pass
            assert broker.connects[0].flags & 0x3C == flags

        told(story)

    def test_none_is_asked_for_where_there_is_none(self):
        async def story(broker):
            async with opened(broker, will=None):
                pass
            assert broker.connects[0].flags & 0x3C == 0

        told(story)
