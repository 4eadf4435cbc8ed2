"""A publisher for a real mosquitto, and a subscriber that keeps the ledger of what arrives."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from agent.broker import Address, BrokerError
from agent.broker.link import PahoLink
from agent.clock import Clock
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Item, Outbox
from agent.publisher import Publisher, Settings

TOPICS = Topics("limpet", "pi")


class Ledger:
    """A subscriber that writes down what arrives, and comes back when the broker does."""

    def __init__(self, port: int, **address) -> None:
        self.address, self.seen = Address("127.0.0.1", port, "ledger", **address), []
        self.changed = asyncio.Event()
        self.subscribed = False

    async def run(self) -> None:
        while True:
            link = PahoLink(self.address)
            try:
                await link.connect()
                link.subscribe(TOPICS.of("#"), self._note)
                await link.publish(TOPICS.of("ledger"), b"here")
                self.subscribed = True
                self.changed.set()
                await link.lost
            except BrokerError:
                await asyncio.sleep(0.02)
            finally:
                self.subscribed = False
                link.abort()

    def _note(self, message) -> None:
        self.seen.append((message.topic.rsplit("/", 1)[-1], message.payload))
        self.changed.set()

    async def until(self, holds: Callable[[], bool], seconds: float = 8.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    def seqs(self, *names: str) -> list[int]:
        return [json.loads(body)["seq"] for name, body in self.seen if name in (names or ("batch", "backfill"))]

    def missing(self, count: int) -> list[int]:
        return sorted(set(range(1, count + 1)) - set(self.seqs()))

    def judge(self, count: int, most_duplicates: int) -> None:
        """Nothing is missing, first deliveries ascend on each topic, and little came twice."""
        assert self.missing(count) == []
        for name in ("batch", "backfill"):
            first = list(dict.fromkeys(self.seqs(name)))
            assert first == sorted(first), name
        assert len(self.seqs()) - count <= most_duplicates


class Rig:
    def __init__(self, port: int, **address) -> None:
        self.clock = Clock()
        self.outbox = Outbox("boot", self.clock.now, kernel_boot=self.clock.kernel_boot)
        where = Address("127.0.0.1", **{"port": port, "client_id": "limpet-pi", **address})
        self.publisher = Publisher(
            lambda will: PahoLink(replace(where, will=will)),
            self.outbox,
            TOPICS,
            self.clock,
            Settings(backfill_rate=0, require_subscriber=True, reset_timeout=0.1, max_reset_timeout=0.2),
        )
        self.publisher.retain(TOPICS.state, b"{}")
        self.count = 0

    def put(self, count: int = 1) -> None:
        for _ in range(count):
            self.count += 1
            document = {"seq": self.count, "clock": "synced", "faults": [], "pad": "x" * 200}
            item = Item("boot", self.count, self.clock.now(), self.clock.kernel_boot, payloads.encode(document))
            self.outbox.put(item)


@contextlib.asynccontextmanager
async def running(rig: Rig, ledger: Ledger) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(ledger.run())
        await ledger.until(lambda: ledger.subscribed)
        publishing = group.create_task(rig.publisher.run())
        yield
        await rig.publisher.close(0.5)
        await publishing
        listening.cancel()


def story(mosquitto, told, **address) -> None:
    """Run `told(rig, ledger)` while a publisher and a subscriber are connected to mosquitto."""

    async def main():
        await mosquitto.start()
        same = {name: value for name, value in address.items() if name in ("transport", "path", "tls")}
        rig, ledger = Rig(mosquitto.port, **address), Ledger(mosquitto.port, **same)
        rig.publisher.on_change = ledger.changed.set
        async with running(rig, ledger):
            await told(rig, ledger)

    asyncio.run(main())
