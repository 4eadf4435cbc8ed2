"""A publisher over a real link, so impatient that its waits can be played in real time."""

from __future__ import annotations

import asyncio
import json
import random
import time

from awkward import AwkwardBroker

from agent.broker import Address
from agent.broker.link import PahoLink
from agent.messages import payloads
from agent.messages.blocks import lines
from agent.messages.topics import Topics
from agent.outbox import Item, Outbox
from agent.publisher import Publisher, Settings, holds, in_flight, pacing, reconnect, refusals

TOPICS = Topics("limpet", "pi")
DISCOVERY = "homeassistant/device/limpet_pi/config"
REQUESTS = "limpet/pi/request/read"
SECONDS = 8.0  # of real time that one story may take
QUICK = Settings(backfill_rate=0, reset_timeout=0.05, max_reset_timeout=0.1)


def hurry(monkeypatch) -> None:
    """Let every wait be so short that it can be played in real time."""
    for module, name, value in (
        (reconnect, "FIRST", 0.02),
        (reconnect, "CAP", 0.1),
        (reconnect, "CAP_PERMANENT", 0.1),
        (reconnect, "AGAIN", (0.01, 0.02)),
        (reconnect, "CONNECTS", 1000),
        (pacing, "LEAST_DEADLINE", 0.4),
        (in_flight, "SLOW", 0.05),
        (refusals, "SOON", 0.05),
        (refusals, "SOON_MOST", 0.1),
        (holds, "BY_CODE", 0.02),
        (holds, "BY_CODE_MOST", 0.1),
        (holds, "BY_HANGING_UP", 0.05),
        (holds, "ITEM", 0.05),
    ):
        monkeypatch.setattr(module, name, value)


class Wall:
    """The agent's clock in real time."""

    kernel_boot = "this-boot"
    now = staticmethod(time.monotonic)

    def synced(self) -> bool:
        return True

    def stamp(self, taken: float) -> str:
        return "2026-11-28T12:00:00.000Z"


class Device:
    """An outbox and its publisher, connected to a broker on loopback."""

    def __init__(self, broker: AwkwardBroker, version: str, settings: Settings = QUICK) -> None:
        self.broker, self.version = broker, version
        self.outbox = Outbox("boot", Wall.now, kernel_boot=Wall.kernel_boot)
        self.publisher = Publisher(self.link, self.outbox, TOPICS, Wall(), settings, rng=random.Random(1))
        for topic in (TOPICS.state, TOPICS.info, TOPICS.health, DISCOVERY):
            self.publisher.retain(topic, b"{}")
        self.publisher.subscribe(REQUESTS, lambda message: None)
        self.seq = 0

    def link(self, will=None) -> PahoLink:
        return PahoLink(Address("127.0.0.1", self.broker.port, "limpet-pi", version=self.version, will=will))

    def put(self, count: int, *, topic: str = "", pad: int = 0, historical: bool = False) -> None:
        for _ in range(count):
            self.seq += 1
            document = {"bootId": "boot", "seq": self.seq, "clock": "synced", "faults": [], "pad": "x" * pad}
            # What an earlier boot left is history at once.
            boot = "earlier" if historical else Wall.kernel_boot
            self.outbox.put(Item("boot", self.seq, Wall.now(), boot, payloads.encode(document), topic))

    async def delivered(self, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            await self.outbox.drained()

    def seqs(self, topic: str = "") -> list[int]:
        """Return the numbers of the batches that the broker accepted, on one topic or on all."""
        found = []
        for one in self.broker.accepted:
            if one.topic.endswith(("/batch", "/backfill")) and topic in ("", one.topic):
                found += [json.loads(body)["seq"] for body in lines(one.payload)]
        return found

    def refused(self) -> set[str]:
        return {one.topic for one in self.publisher.state.refused}


async def eventually(holds, seconds: float = 4.0) -> None:
    """Wait until something is so; a socket is real, and so is its time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def told(story, version: str = "5", settings: Settings = QUICK) -> None:
    async def main():
        async with AwkwardBroker().serving() as broker:
            device = Device(broker, version, settings)
            running = asyncio.create_task(device.publisher.run())
            try:
                await story(device, broker)
            finally:
                await device.publisher.close(0.2)
                await running

    asyncio.run(asyncio.wait_for(main(), SECONDS))
