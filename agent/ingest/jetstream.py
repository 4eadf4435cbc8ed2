"""Messages from NATS: a durable pull consumer on the stream in which the servers keep what comes over MQTT.

The servers acknowledge a publish once this stream has it, in a cluster on a majority of them. It keeps a message while
a consumer wants it, so the consumer has to be made before anything is published.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from .harvest import Delivery
from .mqtt import RETRY
from .queue import WINDOW, BackgroundSource
from .subjects import PREFIX, subject, topic

log = logging.getLogger("limpet.ingest")

STREAM = "$MQTT_msgs"
REPLICAS = 3
AT_ONCE = 250  # messages in one request
WITHIN = 0.2  # seconds after which a request returns what there is
LOOK = 100  # such requests in vain, after which the consumer is looked for
MOST_FAILURES = 10  # such requests in a row that fail before the connection is given up
# Seconds after which what was not acknowledged is sent again, maybe to another worker.
ACK_WAIT = 30.0
NO_CLUSTER = 10074  # JSStreamReplicasNotSupportedErr, and the same for too few servers:
TOO_FEW = 10005  # JSClusterNoPeersErr


class ConsumerTaken(ValueError):
    """There is a consumer of our name, and it takes other topics."""


@dataclass(frozen=True, slots=True, repr=False)
class NatsAddress:
    """Where the servers are, and who we are there.

    Attributes:
        servers: URLs.
        tls: None without TLS.
    """

    servers: tuple[str, ...]
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


class JetStreamSource(BackgroundSource):
    """One worker's share of a durable consumer. A `Source`; it connects again by itself, to whichever server is there.

    Args:
        durable: the consumer's name; workers with the same name share what comes.
    """

    def __init__(self, address: NatsAddress, root: str, durable: str) -> None:
        self._address, self._root, self._durable = address, root, durable
        super().__init__()
        self._client: Client | None = None
        # Of messages that are safe here, and whose acknowledgement found no connection.
        self._owed: list[str] = []
        self._held = 0
        self._away = False
        self._cause: Exception | None = None

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge each; a receipt is good on any connection, to any server."""
        receipts = [str(one.receipt) for one in deliveries]
        if self._loop is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._acknowledge(receipts), self._loop)

    async def _acknowledge(self, receipts: list[str]) -> None:
        self._held -= len(receipts)
        self._owed += receipts
        client = self._client
        if client is None or not client.is_connected:
            return
        owed, self._owed = self._owed, []
        for number, receipt in enumerate(owed):
            try:
                await client.publish(receipt, b"+ACK")
            except Exception:  # noqa: BLE001
                self._owed += owed[number:]
                return

    async def _stay(self) -> None:
        delay = RETRY[0]
        while True:
            try:
                await self._session()
            # What nats-py raises has no common class, and what it is changes nothing: the next try tells.
            except Exception as error:  # noqa: BLE001
                delay = RETRY[0] if self._lost(error) else min(RETRY[1], 2 * delay)
            await asyncio.sleep(random.uniform(delay / 2, delay))

    async def _connected(self) -> Client:
        return await nats.connect(
            servers=list(self._address.servers),
            user=self._address.username,
            password=self._address.password,
            tls=self._address.tls,
            allow_reconnect=False,
            # Of each server, at the first connection.
            max_reconnect_attempts=1,
            reconnect_time_wait=0.1,
            connect_timeout=3,
            ping_interval=5,
            max_outstanding_pings=2,
            error_cb=self._note,
            name="limpet ingest",
        )

    async def _note(self, error: Exception) -> None:
        """Keep what nats-py says beside what it raises, which is "no servers available"."""
        self._cause = error

    async def _session(self) -> None:
        """Take what comes on one connection, until that ends."""
        self._cause = None
        client = await self._connected()
        try:
            self._client = client
            stream = client.jetstream(timeout=5)
            await self._prepare(stream)
            log.info("broker is there", extra={"broker": _server(client), "consumer": self._durable})
            self._away = False
            await self._acknowledge([])
            await self._pull(client, stream)
        finally:
            self._client = None
            with contextlib.suppress(Exception):
                async with asyncio.timeout(0.5):
                    await client.flush()
            with contextlib.suppress(Exception):
                await client.close()

    async def _prepare(self, stream: JetStreamContext) -> None:
        """Make the consumer, and before it the stream, as the servers would at the first publish."""
        replicas = await self._stream(stream)
        wanted = ConsumerConfig(
            durable_name=self._durable,
            filter_subject=subject(self._root),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_ack_pending=100 * WINDOW,
            max_deliver=-1,
            num_replicas=replicas,
        )
        try:
            found = await stream.consumer_info(STREAM, self._durable)
        except NotFoundError:
            found = await stream.add_consumer(STREAM, wanted)
        # Names of groups and topics may meet: "site/a" and "site-a". What we took of the others would be lost.
        if found.config.filter_subject != wanted.filter_subject:
            other = topic(found.config.filter_subject or "").removesuffix("/>")
            raise ConsumerTaken(
                f"the consumer {self._durable} is there for {other or 'all topics'}: take another --group"
            )

    async def _stream(self, stream: JetStreamContext) -> int:
        """Return in how many copies the stream is kept."""
        try:
            found = await stream.stream_info(STREAM)
            return found.config.num_replicas or 1
        except NotFoundError:
            pass
        made = StreamConfig(
            name=STREAM,
            subjects=[f"{PREFIX}>"],
            storage=StorageType.FILE,
            retention=RetentionPolicy.INTEREST,
            num_replicas=REPLICAS,
        )
        try:
            await stream.add_stream(made)
            return REPLICAS
        except APIError as error:
            if error.err_code not in (NO_CLUSTER, TOO_FEW) or len(self._address.servers) >= REPLICAS:
                raise
        await stream.add_stream(made.evolve(num_replicas=1))
        return 1

    async def _pull(self, client: Client, stream: JetStreamContext) -> None:
        """Hand over what comes; not more than a window of it at once.

        Raises:
            ConnectionError: the connection is lost.
        """
        pulling = await stream.pull_subscribe_bind(self._durable, STREAM)
        failures = idle = 0
        while client.is_connected:
            room = WINDOW - self._held
            if room <= 0 or self._queue.full:
                await asyncio.sleep(WITHIN)
                continue
            try:
                self._hand_over(await pulling.fetch(min(AT_ONCE, room), timeout=WITHIN))
                failures = idle = 0
            except TimeoutError:
                failures, idle = 0, idle + 1
                if idle % LOOK == 0:
                    # Nothing comes from a consumer that is gone, either.
                    await stream.consumer_info(STREAM, self._durable)
            except Exception:
                # A leader is being elected, or the consumer is gone.
                failures += 1
                if failures > MOST_FAILURES:
                    raise
                await asyncio.sleep(WITHIN)
        raise ConnectionError("the connection is lost")

    def _hand_over(self, messages: Sequence[Msg]) -> None:
        for one in messages:
            self._held += 1
            self._queue.put(Delivery(topic(one.subject), one.data, receipt=one.reply))

    def _lost(self, error: Exception) -> bool:
        """Say that the servers are away; return whether they were there until now."""
        was_there = not self._away
        if was_there:
            causes = dict.fromkeys(str(one) or type(one).__name__ for one in (error, self._cause) if one is not None)
            log.warning("broker is away, waiting for it", extra={"error": ": ".join(causes)})
        self._away = True
        return was_there


def _server(client: Client) -> str:
    return client.connected_url.netloc if client.connected_url is not None else ""
