"""Messages from an MQTT broker, in a session that the broker keeps while the worker is away."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent.broker import FAILURE, Address, BrokerError, BrokerRefused, Message
from agent.broker.link import PahoLink
from agent.broker.route import Route

from .harvest import EVERYBODY, SHARED, Delivery
from .queue import WINDOW, BackgroundSource

log = logging.getLogger("limpet.ingest")

SESSION = 30 * 86400  # seconds for which a broker keeps what comes while no worker is there
NOT_SHARED = 0x9E  # MQTT 5 §3.9.3: shared subscriptions are not supported
RETRY = 0.5, 10.0  # seconds between two attempts to connect, the shortest and the longest


def filters(root: str, group: str | None) -> list[str]:
    """Return what a worker subscribes to. The members of a group share the batches; each gets all the rest."""
    shared = "" if group is None else f"$share/{group}/"
    return [*(f"{shared}{root}/+/{kind}" for kind in SHARED), *(f"{root}/+/{kind}" for kind in EVERYBODY)]


class MqttSource(BackgroundSource):
    """One worker's session with a broker. A `Source`; it connects again by itself.

    Args:
        address: of the broker; its client id is this worker's alone.
    """

    def __init__(self, address: Address, topics: Sequence[str]) -> None:
        self._address = replace(address, will=None, largest_packet=None, session_expiry=SESSION, receive_maximum=WINDOW)
        self._topics = topics
        super().__init__()
        self._link: PahoLink | None = None
        self._connection = 0
        self._away = False

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Send a PUBACK for each that came on the present connection; the others come again."""
        self._do(self._acknowledge, [one.receipt for one in deliveries])

    def _acknowledge(self, receipts: Sequence[Any]) -> None:
        for connection, identifier in receipts:
            if self._link is not None and connection == self._connection:
                self._link.acknowledge(identifier)
        if self._link is not None and not self._queue.full:
            self._link.listen(True)

    async def _stay(self) -> None:
        route, delay = Route(), RETRY[0]
        while True:
            try:
                error = await self._session(route)
                delay = RETRY[0]
            except BrokerError as problem:
                error = problem
            self._lost(error)
            await asyncio.sleep(random.uniform(delay / 2, delay))
            delay = min(RETRY[1], 2 * delay)

    async def _session(self, route: Route) -> BrokerError:
        """Take what comes on one connection; return why it ended.

        Raises:
            BrokerError: there is no connection, or the broker refuses a subscription.
        """
        # The broker sends again what was not acknowledged.
        self._queue.forget()
        self._connection += 1
        link = self._link = PahoLink(self._address, route, take=self._take)
        try:
            await link.connect()
            codes = await asyncio.gather(*(link.subscribe(topic, self._take, retained=True) for topic in self._topics))
            for topic, code in zip(self._topics, codes, strict=True):
                if code >= FAILURE:
                    cure = "; it shares none, so leave out --group" if code == NOT_SHARED else ""
                    text = f"the broker refuses the subscription to {topic} (reason 0x{code:02x}){cure}"
                    raise BrokerRefused(text, permanent=True, code=code)
            log.info("broker is there", extra={"broker": link.where, "client_id": self._address.client_id})
            self._away = False
            return await link.lost
        finally:
            self._link = None
            await link.close()

    def _take(self, message: Message) -> None:
        receipt = (self._connection, message.identifier)
        self._queue.put(Delivery(message.topic, message.payload, message.retained, receipt))
        # The broker should send no more than its window. mosquitto 2.0.11 exceeds it once it sends what it had kept.
        if self._queue.full and self._link is not None:
            self._link.listen(False)

    def _lost(self, error: BrokerError) -> None:
        if not self._away:
            log.warning("broker is away, waiting for it", extra={"error": str(error)})
        self._away = True
