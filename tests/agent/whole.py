"""The whole agent in virtual time: true drivers over fake chips, a broker that keeps what it received."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

from agent import config
from agent.broker import Message
from agent.clock import rfc3339
from agent.publisher import Publisher, Settings
from agent.service.agent import Agent
from agent.service.systemd import Supervisor
from agent.simulation.broker import SimBroker
from agent.simulation.machine import SimulatedMachine
from agent.simulation.worker import LoopWorker

FILE = """
[agent]
device_id = "pi"
[outbox]
durability = "memory"
[[sensor]]
id = "air"
driver = "sht4x"
[[sensor]]
id = "door"
driver = "contact"
pin = 17
"""


class VirtualClock:
    """The agent's clock on the loop's time."""

    kernel_boot = "boot"

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def synced(self) -> bool:
        return True

    def offset(self) -> float:
        return 1_800_000_000.0

    def stamp(self, taken: float) -> str:
        return rfc3339(taken + self.offset())


class Whole:
    """An agent that runs, its broker and its machine."""

    def __init__(self, text: str, broker: SimBroker | None = None, **more: Any) -> None:
        loop = asyncio.get_running_loop()
        self.broker, self.clock = broker or SimBroker(), VirtualClock()
        settings = parsed(text)
        self.machine = SimulatedMachine(settings, clock=loop.time, worker=lambda bus: LoopWorker(bus, loop))
        self.agent = Agent(
            settings,
            hardware=self.machine,
            publishing=self.making,
            clock=self.clock,  # type: ignore[arg-type]
            rng=Random(1),
            store=None,
            supervisor=Supervisor({}),
            health_file=None,
            version="1.2.3",
            **more,
        )

    def making(self, outbox: Any, topics: Any, on_event: Any) -> Publisher:
        return Publisher(self.broker.link, outbox, topics, self.clock, Settings(), rng=Random(2), on_event=on_event)

    async def settle(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def reload(self, text: str) -> None:
        await self.agent.reload(parsed(text), self.making)
        await self.settle(3.0)

    async def ask(self, name: str, request: Any, **more: Any) -> Any:
        """Send a request; return the answer's document."""
        topic = f"limpet/pi/request/{name}"
        payload = request if isinstance(request, bytes) else json.dumps(request).encode()
        assert self.broker.session is not None
        self.broker.session.subscriptions[topic](Message(topic, payload, **more))
        await asyncio.sleep(1.0)
        return json.loads(self.last(f"limpet/pi/response/{name}"))

    def last(self, topic: str) -> bytes:
        """Return the newest message on a topic."""
        return [one.payload for one in self.broker.received if one.topic == topic][-1]


def parsed(text: str) -> config.Config:
    settings, mistakes = config.parse(text)
    assert settings is not None, mistakes
    return settings


@contextlib.asynccontextmanager
async def whole(text: str = FILE, **more: Any) -> AsyncIterator[Whole]:
    """An agent that is connected and has finished its first round."""
    home = Whole(text, **more)
    running = asyncio.create_task(home.agent.run())
    await asyncio.sleep(5.0)
    try:
        yield home
    finally:
        home.agent.stop()
        await running
