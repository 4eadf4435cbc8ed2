"""What every link promises, over a real broker and over the simulated one: delivery, order, handlers, every end."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from agent.broker import FAILURE, Address, BrokerError, BrokerLost, BrokerTimeout, Will
from agent.broker.embedded import EmbeddedBroker, installed
from agent.broker.link import PahoLink
from agent.simulation.broker import SimBroker

PATIENCE = 5.0  # seconds of real time that one story may take
WILL = Will("limpet/pi/status", b"offline")


class Real:
    """Links of paho to the embedded broker, and another client that listens to `a/#`."""

    def __init__(self) -> None:
        self.broker = EmbeddedBroker()

    def link(self, name: str = "limpet-pi"):
        return PahoLink(Address(self.broker.host, self.broker.port, name, will=WILL))

    @contextlib.asynccontextmanager
    async def up(self):
        self.heard: asyncio.Queue = asyncio.Queue()
        await self.broker.up()
        self.other = self.link("other")
        try:
            await self.other.connect()
            self.other.subscribe("a/#", self.heard.put_nowait)
            await self.other.publish("b", b"")  # acknowledged after the subscription: from now on it listens
            yield
        finally:
            self.other.abort()
            self.broker.down()

    async def say(self, topic: str, payload: bytes) -> None:
        """Let another client publish."""
        await self.other.publish(topic, payload)

    async def received(self, count: int) -> list[tuple[str, bytes]]:
        """Return what the other client heard first."""
        messages = [await self.heard.get() for _ in range(count)]
        return [(one.topic, one.payload) for one in messages]

    def vanish(self) -> None:
        self.broker.down()


class Simulated:
    """Links to the simulated broker."""

    def link(self, name: str = "limpet-pi"):
        return self.broker.link()

    @contextlib.asynccontextmanager
    async def up(self):
        self.broker = SimBroker()
        yield

    async def say(self, topic: str, payload: bytes) -> None:
        self.broker.send(topic, payload)

    async def received(self, count: int) -> list[tuple[str, bytes]]:
        return [(one.topic, one.payload) for one in self.broker.received[:count]]

    def vanish(self) -> None:
        self.broker.refuses = BrokerLost("gone")
        self.broker.cut()


@pytest.fixture(params=[pytest.param(Real, marks=pytest.mark.skipif(not installed(), reason="no iotcore")), Simulated])
def world(request):
    made = request.param()
    yield made
    if isinstance(made, Real):
        made.broker.close()


def play(world, story):
    """Tell a story of one link in real time."""

    async def scene():
        async with world.up():
            link = world.link()
            try:
                async with asyncio.timeout(PATIENCE):
                    return await story(link)
            finally:
                link.abort()

    return asyncio.run(scene())


class TestAnOpenLink:
    def test_knows_what_the_broker_can_do(self, world):
        async def story(link):
            facts = await link.connect()
            assert (facts.version, facts.maximum_qos, facts.retain_available) == ("5", 1, True)
            assert not link.lost.done()

        play(world, story)

    def test_delivers_each_message_once_in_order_and_says_so(self, world):
        sent = [("a/b", b"%d" % number) for number in range(40)]

        async def story(link):
            await link.connect()
            codes = await asyncio.gather(*(link.publish(topic, payload) for topic, payload in sent))
            assert all(code < FAILURE for code in codes)
            return await world.received(len(sent))

        assert play(world, story) == sent

    def test_takes_an_empty_message_and_a_large_one(self, world):
        sent = [("a/empty", b""), ("a/täst", b"x" * 100_000)]

        async def story(link):
            await link.connect()
            for topic, payload in sent:
                await link.publish(topic, payload)
            return await world.received(len(sent))

        assert play(world, story) == sent

    def test_hands_messages_to_the_handler_of_their_topic_and_to_no_other(self, world):
        async def story(link):
            mine: asyncio.Queue = asyncio.Queue()
            strange: list = []
            await link.connect()
            link.subscribe("request/read", mine.put_nowait)
            link.subscribe("request/reset", strange.append)
            await link.publish("b", b"")  # acknowledged after the subscriptions
            await world.say("request/read", b"1")
            message = await mine.get()
            assert (message.topic, message.payload, strange) == ("request/read", b"1", [])

        play(world, story)

    def test_leaves_a_document_for_those_who_come_later_and_ask_for_it(self, world):
        async def story(link):
            await link.connect()
            await link.publish("a/state", b"old", retain=True)
            await link.publish("a/event", b"gone")
            heard: asyncio.Queue = asyncio.Queue()
            late = world.link("late")
            await late.connect()
            for topic in ("a/event", "a/state"):
                assert await late.subscribe(topic, heard.put_nowait, retained=True) < FAILURE
            message = await heard.get()
            assert (message.topic, message.payload) == ("a/state", b"old")
            late.abort()

        play(world, story)

    def test_hands_over_nothing_old_to_those_who_do_not_ask_for_it(self, world):
        async def story(link):
            await link.connect()
            await link.publish("a/state", b"old", retain=True)
            heard: asyncio.Queue = asyncio.Queue()
            late = world.link("late")
            await late.connect()
            await late.subscribe("a/state", heard.put_nowait)
            await world.say("a/state", b"new")
            assert (await heard.get()).payload == b"new"
            late.abort()

        play(world, story)


class TestTheEndOfALink:
    def test_is_told_when_another_client_takes_its_name(self, world):
        async def story(link):
            await link.connect()
            other = world.link()
            await other.connect()
            assert isinstance(await link.lost, BrokerError)
            with pytest.raises(BrokerLost):
                await link.publish("a/b", b"")
            assert await other.publish("a/b", b"") < FAILURE
            other.abort()

        play(world, story)

    def test_fails_what_is_under_way_when_the_broker_vanishes(self, world):
        async def story(link):
            await link.connect()
            world.vanish()
            with pytest.raises(BrokerLost):
                await link.publish("a/b", b"x")
            assert isinstance(await link.lost, BrokerLost)

        play(world, story)

    @pytest.mark.parametrize("how", ["close", "abort"])
    def test_by_ourselves_can_come_twice_and_fails_what_is_published_later(self, world, how):
        async def story(link):
            await link.connect()
            for _ in range(2):
                if how == "close":
                    await link.close()
                link.abort()
            with pytest.raises(BrokerLost):
                await link.publish("a/b", b"")

        play(world, story)


class TestALinkThatIsNotOpen:
    def test_fails_at_once_what_is_published_or_subscribed_to(self, world):
        async def story(link):
            with pytest.raises(BrokerLost):
                await link.publish("a/b", b"")
            with pytest.raises(BrokerLost):
                await link.subscribe("a/b", print)

        play(world, story)

    def test_says_that_there_is_no_broker(self, world):
        async def story(_):
            world.vanish()
            with pytest.raises((BrokerLost, BrokerTimeout)):
                await world.link().connect()

        play(world, story)
