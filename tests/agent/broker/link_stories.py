"""Stories of a link to a scripted broker, in real time."""

from __future__ import annotations

import asyncio
import contextlib

from brokers import ScriptedBroker

from agent.broker import Address, Will
from agent.broker.link import PahoLink

STATUS = Will("limpet/pi/status", b"offline")


def address(broker: ScriptedBroker, **changes) -> Address:
    return Address("127.0.0.1", **{"port": broker.port, "client_id": "limpet-pi", "will": STATUS, **changes})


def told(story) -> None:
    """Run a story with a scripted broker, in real time."""

    async def main():
        async with ScriptedBroker().serving() as broker:
            await story(broker)

    asyncio.run(asyncio.wait_for(main(), 10))


@contextlib.asynccontextmanager
async def opened(broker: ScriptedBroker, **changes):
    link = PahoLink(address(broker, **changes))
    await link.connect()
    try:
        yield link
    finally:
        link.abort()
