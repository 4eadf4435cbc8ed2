"""The port to the broker: what a connection can do, what it reports, and how it fails.

A link is one connection, used once: `connect`, then publish and subscribe until `lost` is done or `close`. The real one
is `agent.broker.link.PahoLink`; anything else that keeps this contract serves as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

NO_SUBSCRIBERS = 0x10  # MQTT 5.0 §3.4.2.1
# Reason codes from here on are refusals.
FAILURE = 0x80
TAKEN_OVER = 0x8E  # MQTT 5.0 §3.14.2.1
TOO_LARGE = 0x95


class BrokerError(OSError):
    """The broker cannot be reached, or does not do its part; trying again can help.

    Attributes:
        permanent: a person probably has to change something; try again rarely.
        code: the MQTT reason code, if the broker sent one.
        answered: the broker had accepted the session.
        hung_up: the broker took the connection and ended it before it accepted or refused the session.
    """

    answered = hung_up = False

    def __init__(self, message: str, *, permanent: bool = False, code: int | None = None) -> None:
        super().__init__(message)
        self.permanent, self.code = permanent, code


class BrokerRefused(BrokerError):
    """The broker answered and refused us."""


class BrokerTimeout(BrokerError):
    """The broker did not answer in time."""


class BrokerLost(BrokerError):
    """There is no connection, or no longer one."""


class WrongPort(BrokerLost):
    """What answers there is no MQTT broker, or speaks TLS where none was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class TlsProblem(BrokerError):
    """TLS could not be agreed on, or one side did not accept the other's certificate.

    Attributes:
        state: of the broker's certificate "expired", "not_yet_valid", "wrong_host", "unknown_ca"; of ours "wanted" (the
            broker asks for one) or "refused"; "version" and "cipher" (the two have none in common), "name" (the broker
            does not know the name that was sent), "files" (ours cannot be used), "port" (no TLS there) or "other".
    """

    def __init__(self, message: str, state: str, *, permanent: bool = True) -> None:
        super().__init__(message, permanent=permanent)
        self.state = state


class Tls(NamedTuple):
    """How to speak TLS. Files are PEM.

    Attributes:
        ca_file: the only roots that are trusted; None: the system's.
        cert_file, key_file: the client certificate.
        key_password: returns the passphrase of `key_file`; may block. None: the key must have none.
        server_name: the name to verify and to send; None: the host's.
        alpn: protocols to offer.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: Callable[[], str] | None = None
    server_name: str | None = None
    alpn: tuple[str, ...] = ()


class Will(NamedTuple):
    """What the broker publishes when we vanish. `qos`: 0 or 1."""

    topic: str
    payload: bytes
    retain: bool = True
    qos: int = 1


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where the broker is and who we are there.

    Attributes:
        host: a name or an address. more_hosts: tried in turn after it.
        password: the password, or what returns it; that may block, and may raise an OSError.
        version: "5" or "3.1.1". keepalive: whole seconds.
        transport: "tcp" or "websockets". path: of the WebSocket.
        largest_packet: bytes that the broker may send at once, with MQTT 5; None: any number.
        session_expiry: seconds for which the broker keeps our subscriptions, and what comes for them, while we are
            away; messages then wait for `Link.acknowledge`. With 3.1.1 the broker itself decides how long. None: each
            connection begins with nothing.
        receive_maximum: messages that the broker may have sent and we have not acknowledged, with MQTT 5.
    """

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | Callable[[], str | None] | None = None
    version: str = "5"
    keepalive: int = 15
    tls: Tls | None = None
    will: Will | None = None
    more_hosts: tuple[str, ...] = ()
    transport: str = "tcp"
    path: str = "/mqtt"
    largest_packet: int | None = 64 * 1024
    session_expiry: int | None = None
    receive_maximum: int | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, in the order of the configuration."""
        return (self.host, *self.more_hosts)


class Facts(NamedTuple):
    """What the broker said about this session.

    Attributes:
        receive_maximum: messages that may be unacknowledged.
        maximum_packet_size: bytes of a whole packet; None: no limit.
        maximum_qos: 0 or 1 (2 is never used).
        server_keepalive: seconds that the broker imposed; None: ours holds.
    """

    receive_maximum: int = 65535
    maximum_packet_size: int | None = None
    maximum_qos: int = 1
    retain_available: bool = True
    server_keepalive: int | None = None
    version: str = "5"


class Message(NamedTuple):
    """What came in on a subscription.

    Attributes:
        retained: the broker had kept it.
        identifier: for `Link.acknowledge`; 0 where nothing has to be acknowledged.
    """

    topic: str
    payload: bytes
    response_topic: str | None = None
    correlation: bytes | None = None
    retained: bool = False
    content_type: str | None = None
    identifier: int = 0


Handler = Callable[[Message], object]


class Link(Protocol):
    """One connection to the broker, used once."""

    @property
    def lost(self) -> asyncio.Future[BrokerError]:
        """Done with the reason as soon as the connection has ended, for whatever reason but `close` and `abort`."""

    async def connect(self) -> Facts:
        """Open the connection.

        Raises:
            BrokerError: it could not be opened; the link is used up.
        """

    def obey(self, facts: Facts) -> None:
        """Take these for what the broker can do: what it said, or less where experience says so."""

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        content_type: str | None = None,
        correlation: bytes | None = None,
    ) -> asyncio.Future[int]:
        """Send with QoS 1; the future's result is the reason code of the acknowledgement.

        Where the broker has no QoS 1, the message goes with QoS 0, and the result is 0 as soon as a later answer of
        the broker proves that it arrived. The future fails with a BrokerError if the connection ends first. Retain is
        left out where the broker has none, content type and correlation data before MQTT 5.
        """

    def subscribe(self, topic_filter: str, handler: Handler, *, retained: bool = False) -> asyncio.Future[int]:
        """Ask for messages, without those that the broker retained unless `retained`; the handler runs on the loop.

        The future's result is the reason code of the answer: FAILURE or more is a refusal. It fails with a BrokerError
        if the connection ends first, and need not be awaited.
        """

    def echo(self) -> asyncio.Future[int]:
        """Return a future that is done as soon as the broker has read everything that was sent so far.

        It fails with a BrokerError if the connection ends first; it need not be awaited.
        """

    async def close(self) -> None:
        """Say good-bye and close, within a second. Unacknowledged futures fail."""

    def abort(self) -> None:
        """Close without a word, at once; the broker publishes the will. Does nothing on a closed link."""


def packet_size(
    topic: str, payload: int, version: str, content_type: str | None = None, correlation: bytes | None = None
) -> int:
    """Return the bytes of a QoS 1 PUBLISH packet with a payload of `payload` bytes."""
    rest = 2 + len(topic.encode()) + 2 + payload
    if version == "5":
        texts = [len(text) for text in ((content_type or "").encode(), correlation or b"") if text]
        properties = sum(3 + length for length in texts)
        rest += _varint_size(properties) + properties
    return 1 + _varint_size(rest) + rest


def _varint_size(value: int) -> int:
    """Return how many bytes a variable byte integer takes (MQTT 5.0 §1.5.5)."""
    length, most = 1, 128
    while value >= most:
        length, most = length + 1, most * 128
    return length
