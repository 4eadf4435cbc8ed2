"""A session that the broker keeps: what comes in it is acknowledged when we say so, and read when we want to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from brokers import PUBLISH, ScriptedBroker, packet, text
from link_stories import address

from agent.broker import Message
from agent.broker.link import PahoLink


def message(identifier: int, payload: bytes = b"x") -> bytes:
    """Return a PUBLISH with QoS 1, as a broker sends it."""
    return packet(PUBLISH, text("a/b") + identifier.to_bytes(2, "big") + b"\0" + payload, 0x02)


def told(story) -> None:
    async def run() -> None:
        async with ScriptedBroker().serving() as broker:
            taken: asyncio.Queue[Message] = asyncio.Queue()
            kept = replace(address(broker), will=None, session_expiry=3600, receive_maximum=7)
            link = PahoLink(kept, take=taken.put_nowait)
            await link.connect()
            async with asyncio.timeout(5):
                await story(broker, link, taken)
            await link.close()

    asyncio.run(run())


def test_is_asked_for_with_its_length_and_its_window():
    async def story(broker, link, taken):
        (connect,) = broker.connects
        assert connect.flags & 0x02 == 0
        assert (connect.properties[0x11], connect.properties[0x21]) == (3600, 7)

    told(story)


def test_delivers_before_any_subscription_is_answered_and_waits_for_us():
    async def story(broker, link, taken):
        broker.send(message(3) + message(4))
        first, second = await taken.get(), await taken.get()
        await link.echo()
        assert broker.pubacks == []
        link.acknowledge(second.identifier)
        await broker.until(lambda: broker.pubacks == [4])
        link.acknowledge(first.identifier)
        await broker.until(lambda: broker.pubacks == [4, 3])

    told(story)


def test_acknowledges_what_can_never_be_taken():
    async def story(broker, link, taken):
        broker.send(packet(PUBLISH, b"\0\2\xff\xfe" + b"\0\x09" + b"\0x", 0x02) + message(1))
        assert (await taken.get()).identifier == 1
        await broker.until(lambda: broker.pubacks == [9])

    told(story)


def test_leaves_what_comes_to_the_broker_while_it_does_not_listen():
    async def story(broker, link, taken):
        link.listen(False)
        broker.send(message(1))
        pings = broker.pings
        link._connection._tick()
        await broker.until(lambda: broker.pings > pings)
        assert taken.empty()
        link.listen(True)
        await taken.get()
        await link.echo()
        assert not link.lost.done()

    told(story)


def test_is_kept_before_mqtt_5_as_well():
    async def run() -> None:
        async with ScriptedBroker().serving() as broker:
            link = PahoLink(replace(address(broker), will=None, session_expiry=3600, version="3.1.1"))
            await link.connect()
            assert broker.connects[0].flags & 0x02 == 0
            await link.close()

    asyncio.run(run())
