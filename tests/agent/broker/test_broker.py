"""Links: one contract for both implementations, and what paho must not do behind our back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time

import pytest
from brokers import (
    DISCONNECT,
    PUBLISH,
    SUBSCRIBE,
    FaultProxy,
    ScriptedBroker,
    packet,
    puback,
    text,
)
from link_stories import STATUS, address, opened, told

from agent.broker import (
    Address,
    BrokerError,
    BrokerLost,
    BrokerRefused,
    BrokerTimeout,
    Tls,
    TlsProblem,
    packet_size,
)
from agent.broker import link as paho_link
from agent.broker.errors import translated
from agent.broker.link import PahoLink
from agent.broker.tls import context
from agent.simulation.broker import SimBroker


class Scripted:
    """paho against the scripted broker."""

    @contextlib.asynccontextmanager
    async def link(self):
        async with ScriptedBroker().serving() as self.broker:
            yield PahoLink(address(self.broker))

    def answer(self, code):
        self.broker.acknowledges = lambda publish: code

    def refuse(self):
        self.broker.connack = 0x87

    def cut(self):
        self.broker.cut()


class Simulated:
    """The simulated link."""

    @contextlib.asynccontextmanager
    async def link(self):
        self.broker = SimBroker()
        yield self.broker.link()

    def answer(self, code):
        self.broker.silent = code is None
        self.broker.code = lambda topic, payload: code

    def refuse(self):
        self.broker.refuses = BrokerRefused("not authorised (reason 0x87)", permanent=True, code=0x87)

    def cut(self):
        self.broker.cut()


@pytest.mark.parametrize("world", [Scripted(), Simulated()], ids=["paho", "simulated"])
class TestTheContractOfALink:
    def run(self, world, story):
        async def main():
            async with world.link() as link:
                try:
                    await asyncio.wait_for(story(link), 5)
                finally:
                    link.abort()

        asyncio.run(main())

    @pytest.mark.parametrize("code", [0, 0x10, 0x87, 0x97])
    def test_a_publication_tells_its_reason_code(self, world, code):
        async def story(link):
            await link.connect()
            world.answer(code)
            assert await link.publish("a", b"1") == code

        self.run(world, story)

    def test_a_refusal_says_why_and_that_it_looks_permanent(self, world):
        async def story(link):
            world.refuse()
            with pytest.raises(BrokerRefused, match="not authorised") as caught:
                await link.connect()
            assert (caught.value.permanent, caught.value.code) == (True, 0x87)

        self.run(world, story)

    def test_a_loss_fails_what_is_under_way_and_is_told(self, world):
        async def story(link):
            await link.connect()
            world.answer(None)
            future = link.publish("a", b"1")
            await asyncio.sleep(0)
            world.cut()
            with pytest.raises(BrokerLost):
                await future
            assert isinstance(await link.lost, BrokerError)

        self.run(world, story)

    def test_publishing_on_a_closed_link_fails_at_once(self, world):
        async def story(link):
            await link.connect()
            await link.close()
            with pytest.raises(BrokerLost):
                await link.publish("a", b"1")
            link.abort()

        self.run(world, story)

    def test_acknowledgements_come_in_order(self, world):
        async def story(link):
            await link.connect()
            order = []
            for number in range(50):
                link.publish("a", b"x").add_done_callback(lambda _, n=number: order.append(n))
            await link.publish("a", b"last")
            assert order == list(range(50))

        self.run(world, story)


class TestPahoOnTheWire:
    def test_says_who_we_are_and_leaves_a_will_that_waits(self):
        async def story(broker):
            async with opened(broker, username="u", password="p", keepalive=15):
                (connect,) = broker.connects
            assert (connect.version, connect.client_id, connect.keepalive) == (5, "limpet-pi", 15)
            assert (connect.username, connect.password, connect.will) == ("u", b"p", (STATUS.topic, STATUS.payload))
            assert connect.flags & 0x3E == 0x02 | 0x04 | 0x08 | 0x20  # clean start, will: QoS 1, retained
            assert (connect.will_properties[0x18], connect.properties[0x11]) == (5, 60)

        told(story)

    def test_speaks_311_only_when_told_and_never_downgrades(self):
        async def story(broker):
            broker.connack = 1
            for version, number in (("3.1.1", 4), ("5", 5)):
                with pytest.raises(BrokerError):
                    async with opened(broker, version=version):
                        pass
                assert broker.connects[-1].version == number
            assert len(broker.connects) == 2

        told(story)

    @pytest.mark.parametrize(("code", "words"), [(4, "password"), (5, "not authorised")])
    def test_translates_the_codes_of_311(self, code, words):
        async def story(broker):
            broker.connack = code
            with pytest.raises(BrokerRefused, match=words) as caught:
                async with opened(broker, version="3.1.1"):
                    pass
            assert caught.value.permanent

        told(story)

    def test_obeys_what_the_connack_says(self):
        async def story(broker):
            broker.properties = b"\x21\x00\x05" + b"\x27\x00\x00\x04\x00" + b"\x25\x00" + b"\x24\x00" + b"\x13\x00\x07"
            async with opened(broker) as link:
                facts = link.facts
                assert (facts.receive_maximum, facts.maximum_packet_size, facts.server_keepalive) == (5, 1024, 7)
                assert (facts.retain_available, facts.maximum_qos) == (False, 0)
                assert await link.publish("a", b"1", retain=True) == 0
                await broker.until(lambda: bool(broker.published))
            (publish,) = broker.published
            assert (publish.qos, publish.retain) == (0, False)

        told(story)

    @pytest.mark.parametrize("size", [0, 100, 120, 16_000, 17_000])
    def test_computes_the_size_of_a_packet_to_the_byte(self, size):
        async def story(broker):
            seen = []
            broker._publish = lambda head, body, writer, version: seen.append(len(body.data))
            async with opened(broker) as link:
                link.publish("täst", b"x" * size).add_done_callback(lambda future: future.exception())
                await broker.until(lambda: bool(seen))
            rest = seen[0]
            assert packet_size("täst", size, "5") == 1 + (1 if rest < 128 else 2 if rest < 16384 else 3) + rest

        told(story)

    def test_says_goodbye_and_closes_within_a_second_even_to_a_broker_that_is_deaf(self):
        async def story(broker):
            proxy = FaultProxy(broker.port)
            async with proxy.serving(), opened(broker, port=proxy.port) as link:
                proxy.deaf = True
                link.publish("a", b"x" * 5_000_000).add_done_callback(lambda future: future.exception())
                began = time.monotonic()
                await link.close()
                assert time.monotonic() - began < 1
            async with opened(broker) as link:
                await link.close()
                await broker.until(lambda: broker.goodbyes == 1)

        told(story)

    @pytest.mark.parametrize(("retained", "handling"), [(False, 2), (True, 0)])
    def test_asks_for_what_is_retained_only_where_it_is_wanted(self, retained, handling):
        async def story(broker):
            options, packets = [], broker._packet

            def noted(head, body, writer, version):
                options.extend(body.data[-1:] if head >> 4 == SUBSCRIBE else b"")
                packets(head, body, writer, version)

            broker._packet = noted
            async with opened(broker) as link:
                await link.subscribe("a", print, retained=retained)
            assert [one >> 4 & 3 for one in options] == [handling]  # MQTT 5.0 §3.8.3.1

        told(story)

    def test_messages_reach_their_handler_but_retained_ones_do_not(self):
        async def story(broker):
            heard: asyncio.Queue = asyncio.Queue()
            async with opened(broker) as link:
                link.subscribe("limpet/pi/request/+", heard.put_nowait)
                await broker.until(lambda: bool(broker.subscribed))
                for flags, payload in ((1, b"old"), (0, b"new")):
                    broker.send(packet(PUBLISH, text("limpet/pi/request/read") + b"\0" + payload, flags))
                message = await heard.get()
            assert (message.topic, message.payload, heard.empty()) == ("limpet/pi/request/read", b"new", True)

        told(story)


class TestFaultsOnTheWire:
    def test_a_port_where_nobody_listens_is_told_in_words(self):
        async def story():
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            with pytest.raises(BrokerLost, match="nothing listens"):
                await PahoLink(Address("127.0.0.1", port, "x")).connect()

        asyncio.run(story())

    def test_a_broker_that_never_sends_connack_is_left_in_time(self, monkeypatch):
        monkeypatch.setattr(paho_link, "CONNACK", 0.1)

        async def story(broker):
            broker.connack = None
            with pytest.raises(BrokerTimeout, match="CONNACK"):
                await PahoLink(address(broker)).connect()

        told(story)

    def test_a_name_server_that_hangs_holds_nobody_up(self, monkeypatch):
        release = threading.Event()

        def hangs(*_, **__):
            release.wait(5)
            raise OSError("too late")

        monkeypatch.setattr(socket, "getaddrinfo", hangs)
        monkeypatch.setattr(paho_link, "CONNECT", 0.1)

        async def story():
            with pytest.raises(BrokerTimeout):
                await PahoLink(Address("far.away", 1883, "x")).connect()

        try:
            asyncio.run(story())
        finally:
            release.set()

    @pytest.mark.parametrize("host", ["bad..host", "x" * 300])
    def test_a_host_name_that_is_none_is_an_error_and_no_dead_thread(self, host):
        async def story():
            with pytest.raises(BrokerLost) as caught:
                await PahoLink(Address(host, 1883, "x")).connect()
            assert caught.value.permanent

        asyncio.run(story())

    @pytest.mark.parametrize("cut_after", [1, 20, 90, 200])
    def test_a_cut_in_mid_packet_fails_what_was_under_way(self, cut_after):
        async def story(broker):
            proxy = FaultProxy(broker.port)
            async with proxy.serving(), opened(broker, port=proxy.port) as link:
                proxy.after = cut_after
                futures = [link.publish("a", b"x" * 40) for _ in range(10)]
                results = await asyncio.gather(*futures, return_exceptions=True)
                assert isinstance(results[-1], BrokerLost)
                assert await link.lost

        told(story)

    @pytest.mark.parametrize(
        "rubbish", [b"\x00\x00", b"\xff\xff\xff\xff\xff\xff", b"\x40\x01\x00", b"\x90\x01\x00", b"\xb0\x03\x00\x01\xff"]
    )
    def test_a_broker_that_sends_rubbish_is_left(self, rubbish):
        async def story(broker):
            async with opened(broker) as link:
                broker.send(rubbish)
                async with asyncio.timeout(2):
                    assert isinstance(await link.lost, BrokerLost)

        told(story)

    @pytest.mark.parametrize("code", [0x8B, 0x8E, 0x95])
    def test_the_brokers_farewell_is_told_with_its_code(self, code):
        async def story(broker):
            async with opened(broker) as link:
                broker.send(packet(DISCONNECT, bytes([code])))
                assert (await link.lost).code == code

        told(story)

    def test_duplicate_and_foreign_acknowledgements_settle_nothing_else(self):
        async def story(broker):
            broker.acknowledges = lambda publish: None
            async with opened(broker) as link:
                first, second = link.publish("a", b"1"), link.publish("a", b"2")
                await broker.until(lambda: len(broker.published) == 2)
                one, two = (publish.identifier for publish in broker.published)
                broker.send(puback(two) + puback(two) + puback(999))
                assert await second == 0
                assert not first.done()
                broker.send(puback(one))
                assert await first == 0

        told(story)

    def test_a_handler_with_a_bug_does_not_silence_the_link(self):
        async def story(broker):
            complaints = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            async with opened(broker) as link:
                link.subscribe("a", lambda message: 1 / 0)
                await broker.until(lambda: bool(broker.subscribed))
                broker.send(packet(PUBLISH, text("a") + b"\0x"))
                assert await link.publish("b", b"1") == 0
            assert len(complaints) == 1

        told(story)

    def test_no_thread_to_be_had_is_an_error_of_this_connect_only(self, mocker):
        async def story(broker):
            mocker.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread"))
            with pytest.raises(BrokerLost, match="thread"):
                await PahoLink(address(broker)).connect()
            mocker.stopall()
            async with opened(broker):
                pass

        told(story)


class TestWords:
    def test_every_error_of_a_connect_becomes_one_of_ours(self):
        here = "h:1"
        for error in (OSError(111, "refused"), UnicodeError("label empty"), TimeoutError(), ValueError("odd")):
            assert isinstance(translated(error, here), BrokerError)
        assert isinstance(translated(TlsProblem("x", "expired"), here), TlsProblem)


class TestTls:
    def test_is_at_least_1_2(self):
        assert context(Tls()).minimum_version == ssl.TLSVersion.TLSv1_2

    @pytest.mark.parametrize(("code", "permanent"), [(9, False), (10, True), (62, True)])
    def test_waits_for_a_certificate_that_is_not_yet_valid_and_for_no_other(self, code, permanent):
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_code, error.verify_message = code, "x"
        assert translated(error, "h:1").permanent is permanent
