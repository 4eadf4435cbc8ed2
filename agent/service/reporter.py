"""Tells subscribers who and how we are: `info`, `state` and `health` through the publisher, Home Assistant's discovery,
and the file that `limpet status` reads.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from agent.config import HomeAssistantConfig
from agent.messages import homeassistant, payloads
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.publisher import Publisher

from . import process
from .status import Status

log = logging.getLogger("limpet")

EVERY = 60.0  # seconds between two documents `health` when nothing changes
BUNCH = 0.2  # seconds: changes come in bunches and are told together


class Reporter:
    """One run's reporter. `use` names the publisher; a reload names another.

    Attributes:
        news: set whenever something changed that `health` tells.
        began: set once the first values are there.
        file: where `health` is written to as well; None: nowhere.
    """

    def __init__(self, documents: Status, outbox: Outbox, file: Path | None) -> None:
        self.status, self.outbox, self.file = documents, outbox, file
        self.news, self.began = asyncio.Event(), asyncio.Event()
        self._announcement = homeassistant.Announcement()
        self._announced: list[object] = []
        self._degraded = False

    def use(self, publisher: Publisher, topics: Topics, settings: HomeAssistantConfig) -> None:
        """Tell everything through this publisher from now on."""
        self.publisher, self.topics, self.settings = publisher, topics, settings
        self.status.broker = lambda: (publisher.breaker, publisher.state)
        publisher.on_change = self._connection_changed

    def announce(self) -> None:
        """Tell what this device is and measures, Home Assistant, too, where it is configured."""
        documents = self.status
        self.publisher.retain(self.topics.info, payloads.encode(documents.info()))
        discovery = {}
        if self.settings.discovery:
            topic = homeassistant.topic(self.settings.prefix, self.topics.device_id)
            discovery[topic] = homeassistant.discovery(
                documents.sensors, self.topics, version=documents.version, model=process.host()["model"]
            )
        for topic, document in self._announcement.update(discovery).items():
            self.publisher.retain(topic, payloads.encode(document) if document else b"")
        self._announced = self._quantities()

    def listen(self) -> None:
        """Listen for Home Assistant's start: then it wants to know us, and the present."""
        if self.settings.discovery:
            self.publisher.subscribe(
                f"{self.settings.prefix}/status", lambda message: self._home_assistant_says(message.payload)
            )

    def present(self) -> None:
        """Tell the present of every sensor."""
        if self._announced != self._quantities():  # some drivers know theirs only once they saw the device
            self.announce()
        document = self.status.state()
        self.publisher.retain(self.topics.state, payloads.encode(document))
        if document["degraded"] != self._degraded:
            self._degraded = document["degraded"]
            self.news.set()

    async def run(self) -> None:
        """Tell how we are: on change, at the end of a backlog, and every minute."""
        await self.began.wait()
        while True:
            self.news.clear()
            self.publisher.retain(self.topics.health, self.write())
            await self._something_new()
            await asyncio.sleep(BUNCH)

    def write(self) -> bytes:
        """Write the file; return what is in it. A disk that fails is no reason to fail."""
        document = payloads.encode(self.status.health())
        if self.file is not None:
            try:
                process.replace(self.file, document)
            except OSError as error:
                log.debug("health file not written", extra={"file": str(self.file), "error": str(error)})
        return document

    async def _something_new(self) -> None:
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self.news.wait())]
        if self.outbox.waiting > 1:
            waits.append(asyncio.ensure_future(self.outbox.drained()))
        try:
            await asyncio.wait(waits, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    def _connection_changed(self) -> None:
        """Have the new state in hand before the session sends the document; it is written down a moment later."""
        if self.began.is_set():
            self.publisher.retain(self.topics.health, payloads.encode(self.status.health()))
        self.news.set()

    def _home_assistant_says(self, payload: bytes) -> None:
        if payload == b"online":
            self.announce()
            self.present()

    def _quantities(self) -> list[object]:
        return [sensor.quantities for sensor in self.status.sensors]
