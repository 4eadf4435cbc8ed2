"""Announce this device with `info` and Home Assistant's discovery document, and withdraw what is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from agent.broker import Message
from agent.config import Config
from agent.messages import homeassistant, payloads
from agent.messages.topics import Topics
from agent.publisher import Publisher

from . import process
from .announced import Announced
from .status import Status

# Seconds over which the answers to Home Assistant's start are spread, since all agents hear of it at once.
BIRTH_WITHIN = 3.0
# Seconds. After a connection this long, all withdrawals have been sent.
SETTLED = 30.0


class Announcer:
    """Announces one run. Everything runs on the loop.

    Args:
        announced: what this and earlier runs have published and have to withdraw.
        again: called when Home Assistant has started and needs all documents.
    """

    def __init__(
        self, status: Status, topics: Topics, announced: Announced, rng: Random, again: Callable[[], object]
    ) -> None:
        self._status, self._topics, self._announced, self._rng = status, topics, announced, rng
        self._again = again
        self._known: list[object] | None = None
        self._birth: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Begin to read what earlier runs have announced; what is gone is withdrawn as soon as that is known."""
        self._announced.load(self.renew)

    def use(self, publisher: Publisher, config: Config) -> None:
        """Use this publisher and this configuration from now on."""
        self._publisher, self._config = publisher, config

    def announce(self) -> None:
        """Publish `info` and, where it is configured, the discovery document; withdraw what is gone."""
        self._publisher.retain(self._topics.info, payloads.encode(self._status.info()))
        for topic, document in self._announced.discovery.update(self._discovery()).items():
            if document:
                self._publisher.retain(topic, payloads.encode(document))
        for topic in (*self._announced.discovery.withdrawn, *self._announced.former(self._topics.device)):
            self._publisher.retain(topic, b"")
        self._announced.save()
        self._known = self._quantities()

    def renew(self) -> None:
        """Announce again, unless the first announcement is still to come."""
        if self._known is not None:
            self.announce()

    def is_outdated(self) -> bool:
        """Return whether the quantities have changed: some drivers learn theirs from the device."""
        known, sensors = self._known, self._status.sensors
        if known is None or len(known) != len(sensors):
            return True
        for one, quantities in zip(sensors, known, strict=True):
            if one.quantities is not quantities and one.quantities != quantities:
                return True
        return False

    def listen(self) -> None:
        """Subscribe to Home Assistant's status: after a start it needs all documents."""
        if self._config.homeassistant.discovery:
            self._publisher.subscribe(f"{self._config.homeassistant.prefix}/status", self._home_assistant_says)

    def forget_what_is_withdrawn(self) -> None:
        """Forget withdrawals that the broker has taken, once a connection has lasted long enough to send them all."""
        state = self._publisher.state
        if state.connected and self._status.now() - state.since >= SETTLED:
            self._announced.forget(self._topics.device, self._publisher.retains)

    def close(self) -> None:
        """Cancel an answer to Home Assistant that is due."""
        if self._birth is not None:
            self._birth.cancel()

    def _discovery(self) -> dict[str, homeassistant.Document]:
        settings = self._config.homeassistant
        if not settings.discovery:
            return {}
        document = homeassistant.discovery(
            self._status.sensors,
            self._topics,
            version=self._status.identity.version,
            model=process.host()["model"],
            breakers=self._status.breakers(),
            allowed=self._config.commands.allow,
        )
        return {homeassistant.topic(settings.prefix, self._topics.device_id): document}

    def _home_assistant_says(self, message: Message) -> None:
        if message.payload == b"online" and self._birth is None:
            wait = self._rng.uniform(0.0, BIRTH_WITHIN)
            self._birth = asyncio.get_running_loop().call_later(wait, self._answer_birth)

    def _answer_birth(self) -> None:
        self._birth = None
        self.announce()
        self._again()

    def _quantities(self) -> list[object]:
        return [sensor.quantities for sensor in self._status.sensors]
