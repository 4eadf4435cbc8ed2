"""Report who and how this agent is: `info`, `state` and `health` through the publisher, and the file that
`limpet status` reads. Home Assistant's discovery goes the same way.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from random import Random

from agent.broker import Message
from agent.config import Config
from agent.messages import homeassistant, payloads
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.publisher import Publisher

from . import process
from .announced import Announced
from .files import FileThread, NewestContent
from .status import Status

log = logging.getLogger("limpet")

EVERY = 60.0  # seconds between two documents `health` when nothing changes
LOOK = 1.0  # seconds between two looks at what has no event of its own
BUNCH = 0.2  # seconds: changes come in bunches and are reported together
FILE_WITHIN = 0.3  # seconds that the end waits for the file
# Seconds after which `online` is sent again: a broker that notices a broken connection late replaces it by our will.
ONLINE_AGAIN = 50.0
# Seconds within which Home Assistant's start is answered: all agents hear it at once.
BIRTH_WITHIN = 3.0
SETTLED = 30.0  # seconds of a connection after which everything was sent that had to be withdrawn


class Reporter:
    """Sends the documents of one run. All of it runs on the loop.

    Args:
        news: set whenever something changed that `health` reports.
        file: where `health` is written to as well; None: nowhere.
        announced: what this and earlier runs have left with the broker.

    Attributes:
        began: set once the first values are there.
    """

    def __init__(
        self,
        status: Status,
        topics: Topics,
        outbox: Outbox,
        news: asyncio.Event,
        *,
        file: Path | None,
        announced: Announced,
        rng: Random,
    ) -> None:
        self._status, self.topics, self._outbox, self._rng = status, topics, outbox, rng
        self.news, self.began = news, asyncio.Event()
        self._file = NewestContent(file, FileThread(), _not_written) if file is not None else None
        self._announced, self._has_announced, self._known = announced, False, list[object]()
        self._alarms = status.alarms()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._online_at = float("-inf")

    def use(self, publisher: Publisher, config: Config) -> None:
        """Send everything through this publisher from now on, as the configuration says."""
        self._publisher, self._config = publisher, config
        publisher.on_change = self._connection_changed

    def begin(self) -> None:
        """Find out what earlier runs have left with the broker; what is gone of it is withdrawn then."""
        self._announced.load(self._remembered)

    def _remembered(self) -> None:
        # Else the first announcement is still to come.
        if self._has_announced:
            self.announce()

    def announce(self) -> None:
        """Send what this device is and measures; to Home Assistant, too, where it is configured."""
        self._publisher.retain(self.topics.info, payloads.encode(self._status.info()))
        discovery = {}
        if self._config.homeassistant.discovery:
            discovery[homeassistant.topic(self._config.homeassistant.prefix, self.topics.device_id)] = (
                homeassistant.discovery(
                    self._status.sensors,
                    self.topics,
                    version=self._status.identity.version,
                    model=process.host()["model"],
                    breakers=self._status.breakers(),
                    allowed=self._config.commands.allow,
                )
            )
        for topic, document in self._announced.discovery.update(discovery).items():
            if document:
                self._publisher.retain(topic, payloads.encode(document))
        for topic in (*self._announced.discovery.withdrawn, *self._announced.former(self.topics.device)):
            self._publisher.retain(topic, b"")
        self._announced.save()
        self._known, self._has_announced = self._quantities(), True

    def listen(self) -> None:
        """Subscribe to Home Assistant's start: then it needs everything again."""
        if self._config.homeassistant.discovery:
            self._publisher.subscribe(f"{self._config.homeassistant.prefix}/status", self._home_assistant_says)

    def present(self) -> None:
        """Send the present of every sensor."""
        # Some drivers have their quantities only once they saw the device.
        if self._known != self._quantities():
            self.announce()
        self._publisher.retain(self.topics.state, payloads.encode(self._status.state()))
        self._look()

    async def run(self) -> None:
        """Send `health`: on change, at the end of a backlog, and every minute."""
        await self.began.wait()
        self._look_again()
        try:
            while True:
                self.news.clear()
                self._publisher.retain(self.topics.health, self.write())
                await self._something_new()
                await asyncio.sleep(BUNCH)
        finally:
            for timer in self._timers.values():
                timer.cancel()

    def write(self) -> bytes:
        """Have the file written beside the loop; return what will be in it."""
        document = payloads.encode(self._status.health())
        if self._file is not None:
            self._file.write(document)
        return document

    async def close(self) -> None:
        """Write the file once more, as far as its disk allows."""
        if self._file is not None:
            written = self._file.write(payloads.encode(self._status.health()))
            await asyncio.wait([asyncio.wrap_future(written)], timeout=FILE_WITHIN)

    async def _something_new(self) -> None:
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self.news.wait())]
        if self._outbox.waiting > 1:
            waits.append(asyncio.ensure_future(self._outbox.drained()))
        try:
            await asyncio.wait(waits, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    def _look_again(self) -> None:
        loop = asyncio.get_running_loop()
        self._look()
        if loop.time() - self._online_at >= ONLINE_AGAIN:
            self._online_at = loop.time()
            self._publisher.retain(self.topics.status, b"online")
            self._forget_what_is_withdrawn()
        self._timers["look"] = loop.call_later(LOOK, self._look_again)

    def _look(self) -> None:
        """Notice what changes without an event of its own: the storage and the clock, and what a round changed."""
        alarms = self._status.alarms()
        if alarms != self._alarms:
            self._alarms = alarms
            self.news.set()

    def _connection_changed(self) -> None:
        """Have the new state in hand before the session sends the document; the file follows a moment later."""
        if self.began.is_set():
            self._publisher.retain(self.topics.health, payloads.encode(self._status.health()))
        self.news.set()

    # --- what others remember of us

    def _home_assistant_says(self, message: Message) -> None:
        if message.payload == b"online" and "birth" not in self._timers:
            wait = self._rng.uniform(0.0, BIRTH_WITHIN)
            self._timers["birth"] = asyncio.get_running_loop().call_later(wait, self._introduce)

    def _introduce(self) -> None:
        """Send all that Home Assistant needs of us after its start."""
        del self._timers["birth"]
        self.announce()
        self.present()
        self._publisher.retain(self.topics.status, b"online")

    def _forget_what_is_withdrawn(self) -> None:
        """Remember only what is still there, once the broker had time to take the rest; what it refuses stays."""
        state = self._publisher.state
        if state.connected and self._status.now() - state.since >= SETTLED:
            self._announced.forget(self.topics.device, self._publisher.retains)

    def _quantities(self) -> list[object]:
        return [sensor.quantities for sensor in self._status.sensors]


def _not_written(error: OSError) -> None:
    """A disk that fails is no reason to fail."""
    log.debug("health file not written", extra={"error": str(error)})
