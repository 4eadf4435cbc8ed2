"""The demo: six simulated sensors, half a minute of faults again and again, a broker that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from agent.broker import Address, Facts
from agent.broker.embedded import EmbeddedBroker
from agent.broker.link import PahoLink
from agent.broker.subscriber import ConnectionChange, Received, Subscriber
from agent.config import Config, parse
from agent.service.agent import Agent
from agent.service.connect import publishing
from agent.service.systemd import Supervisor

from .machine import SimulatedClock, SimulatedMachine
from .scenario import ScenarioFault
from .scenario_file import parse as parse_scenario

CONFIG = """
[agent]
device_id = "demo"
every = "1s"
[mqtt]
host = "{host}"
port = {port}
breaker = {{ failure_threshold = 3, reset_timeout = "2s", max_reset_timeout = "4s" }}
[outbox]
durability = "memory"
[defaults.breaker]
failure_threshold = 3
reset_timeout = "2s"
max_reset_timeout = "4s"
[[sensor]]
id = "air"
driver = "bme280"
[[sensor]]
id = "tank"
driver = "ads1115"
options = {{ inputs = [0] }}
[[sensor]]
id = "light"
driver = "bh1750"
[[sensor]]
id = "power"
driver = "ina219"
bus = 2
[[sensor]]
id = "climate"
driver = "sht4x"
bus = 2
[[sensor]]
id = "door"
driver = "contact"
pin = 17
"""
WEATHER = """
seed = 7
[[weather]]
sensor = "air"
temperature = { mean = 21.4, swing = 1.5, period = "60s" }
humidity = { mean = 43, swing = 3, period = "45s" }
[[weather]]
sensor = "tank"
a0 = { mean = 1.2, swing = 0.4, period = "40s" }
[[weather]]
sensor = "light"
illuminance = { mean = 420, swing = 180, period = "30s" }
[[weather]]
sensor = "power"
bus_voltage = { mean = 12.1, swing = 0.3, period = "50s" }
shunt_voltage = { mean = 0.02, swing = 0.012, period = "25s" }
[[weather]]
sensor = "door"
state = { mean = 0.5, swing = 0.5, period = "14s" }
"""
# Begin and end in seconds of a cycle, the fault, and what the view says meanwhile.
ACTS = (
    (2.8, 9.5, 'kind = "unplugged"\nsensor = "tank"', "the level sensor in the tank is unplugged"),
    (9.5, 13.5, 'kind = "flaky"\nrate = 0.35\nsensor = "light"', "the light sensor has a loose contact"),
    (13.5, 18.5, 'kind = "stuck"\nbus = "i2c-2"', "bus i2c-2 is stuck: power and climate cannot be read"),
    (21.0, 26.0, 'kind = "down"\nbroker = true', "the broker is down: the agent keeps what it measures"),
)
CYCLE = 33.0  # seconds
CYCLES = 30  # then the weather is all that happens
SHORTLY_AFTER = 0.3  # seconds after a batch: all of it is through, and the next one is not on its way


def scenario() -> str:
    """Return all cycles as the text of a scenario."""
    faults = (
        f"[[fault]]\nat = {cycle * CYCLE + begin}\nfor = {end - begin}\n{what}\n"
        for cycle in range(CYCLES)
        for begin, end, what, _ in ACTS
    )
    return WEATHER + "".join(faults)


class LinkAfter(PahoLink):
    """A connection that waits until the subscriber listens again: the embedded broker keeps nothing meanwhile."""

    listening: asyncio.Event

    async def connect(self) -> Facts:
        """Open the connection, and wait for the subscriber."""
        facts = await super().connect()
        await self.listening.wait()
        return facts


class Demo:
    """Broker, agent and subscriber, and the faults of the script.

    Args:
        heard: takes whatever the subscriber receives, on the loop.
    """

    def __init__(self, heard: Callable[[Received | ConnectionChange], object]) -> None:
        self.heard = heard
        self.loop = asyncio.get_running_loop()
        self.broker = EmbeddedBroker()
        self.listening, self._batch = asyncio.Event(), asyncio.Event()
        self._machine: SimulatedMachine | None = None
        self._agent: Agent | None = None
        self._running: asyncio.Task[None] | None = None
        self._failure: OSError | None = None

    @property
    def now(self) -> str:
        """What is happening, in plain words."""
        seconds = self._machine.elapsed() if self._machine else 0.0
        cycle, at = divmod(seconds, CYCLE)
        for begin, end, _, words in ACTS:
            if begin <= at < end and cycle < CYCLES:
                return f"{words} (for {end - at:.0f} s more)"
        return "all is well"

    async def run(self) -> None:
        """Run until `stop`.

        Raises:
            OSError: the broker did not come up.
        """
        self._running = asyncio.current_task()
        subscriber = self._subscriber()
        try:
            await self.broker.up()
            subscriber.start()
            await self.listening.wait()
            agent = self._agent = self._make_agent()
            async with asyncio.TaskGroup() as group:
                directing = group.create_task(self._direct(), name="direct")
                await agent.run()
                directing.cancel()
        finally:
            subscriber.stop()
            self.broker.close()
        if self._failure is not None:
            raise self._failure

    def stop(self, failure: OSError | None = None) -> None:
        """Begin the end; `failure` is raised there."""
        self._failure = failure
        if self._agent is not None:
            self._agent.stop()
        elif self._running is not None:
            self._running.cancel()

    def _make_agent(self) -> Agent:
        config = self.config()
        machine = self._machine = SimulatedMachine(config)
        script = parse_scenario(scenario(), "demo", machine.devices, machine.places, ("broker",))
        machine.play(script)
        self._downs: Sequence[ScenarioFault] = [one for one in script.faults if one.broker]
        clock, rng = SimulatedClock(script, machine.elapsed), Random()
        return Agent(
            config,
            hardware=machine,
            publishing=publishing(config, clock, rng, {}, make_link=self._link),
            clock=clock,
            rng=rng,
            store=None,
            supervisor=Supervisor({}),
            health_file=None,
            version="demo",
        )

    def config(self) -> Config:
        """Return the demo's configuration."""
        config, mistakes = parse(CONFIG.format(host=self.broker.host, port=self.broker.port), Path("demo"))
        assert config is not None, mistakes
        return config

    def _link(self, address: Address) -> PahoLink:
        link = LinkAfter(address)
        link.listening = self.listening
        return link

    def _subscriber(self) -> Subscriber:
        address = Address(self.broker.host, self.broker.port, "limpet-demo-subscriber", keepalive=5)

        # Called in paho's thread.
        def told(message: Received | ConnectionChange) -> None:
            if not self.loop.is_closed():
                self.loop.call_soon_threadsafe(self._hear, message)

        return Subscriber(address, ["limpet/#"], told, retry=(0.05, 0.1))

    def _hear(self, message: Received | ConnectionChange) -> None:
        if isinstance(message, ConnectionChange):
            self.listening.set() if message.up else self.listening.clear()
        elif message.topic.endswith("/batch"):
            self._batch.set()
        self.heard(message)

    async def _direct(self) -> None:
        """Take the broker down and bring it up again, as the script says."""
        assert self._machine is not None
        for down in self._downs:
            await asyncio.sleep(max(0.0, down.at - self._machine.elapsed()))
            self._batch.clear()
            await self._batch.wait()
            await asyncio.sleep(SHORTLY_AFTER)
            self.broker.down()
            await asyncio.sleep(max(0.0, down.at + (down.lasts or 0.0) - self._machine.elapsed()))
            try:
                await self.broker.up()
            except OSError as error:
                self.stop(error)
