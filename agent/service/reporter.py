"""Report who and how this agent is: `info`, `state` and `health` through the publisher, Home Assistant's discovery,
and the file that `limpet status` reads.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from agent.broker import Message
from agent.config import HomeAssistantConfig
from agent.messages import homeassistant, payloads
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.publisher import Publisher

from . import process
from .files import FileThread, NewestContent
from .status import Status

log = logging.getLogger("limpet")

EVERY = 60.0  # seconds between two documents `health` when nothing changes
FILE_WITHIN = 0.3  # seconds that the end waits for the file
LOOK = 1.0  # seconds between two looks at what has no event of its own
BUNCH = 0.2  # seconds: changes come in bunches and are reported together


class Reporter:
    """Sends the documents of one run. All of it runs on the loop.

    Args:
        file: where `health` is written to as well; None: nowhere.

    Attributes:
        news: set whenever something changed that `health` reports.
        began: set once the first values are there.
    """

    def __init__(self, status: Status, topics: Topics, outbox: Outbox, news: asyncio.Event, file: Path | None) -> None:
        self._status, self.topics, self._outbox = status, topics, outbox
        self._file = NewestContent(file, FileThread(), _not_written) if file is not None else None
        self.news, self.began = news, asyncio.Event()
        self._announcement = homeassistant.Announcement()
        self._announced: list[object] = []
        self._alarms = status.alarms()

    def use(self, publisher: Publisher, settings: HomeAssistantConfig) -> None:
        """Send everything through this publisher from now on."""
        self._publisher, self._settings = publisher, settings
        publisher.on_change = self._connection_changed

    def announce(self) -> None:
        """Send what this device is and measures; to Home Assistant, too, where it is configured."""
        self._publisher.retain(self.topics.info, payloads.encode(self._status.info()))
        discovery = {}
        if self._settings.discovery:
            topic = homeassistant.topic(self._settings.prefix, self.topics.device_id)
            version, model = self._status.identity.version, process.host()["model"]
            discovery[topic] = homeassistant.discovery(self._status.sensors, self.topics, version=version, model=model)
        for topic, document in self._announcement.update(discovery).items():
            self._publisher.retain(topic, payloads.encode(document) if document else b"")
        self._announced = self._quantities()

    def listen(self) -> None:
        """Subscribe to Home Assistant's start: then it needs the discovery and the present again."""
        if self._settings.discovery:
            self._publisher.subscribe(f"{self._settings.prefix}/status", self._home_assistant_says)

    def present(self) -> None:
        """Send the present of every sensor."""
        # Some drivers have their quantities only once they saw the device.
        if self._announced != self._quantities():
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
            self._looking.cancel()

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
        self._look()
        self._looking = asyncio.get_running_loop().call_later(LOOK, self._look_again)

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

    def _home_assistant_says(self, message: Message) -> None:
        if message.payload == b"online":
            self.announce()
            self.present()

    def _quantities(self) -> list[object]:
        return [sensor.quantities for sensor in self._status.sensors]


def _not_written(error: OSError) -> None:
    """A disk that fails is no reason to fail."""
    log.debug("health file not written", extra={"error": str(error)})
