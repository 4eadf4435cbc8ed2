"""A subscriber: what other programs see of the agent. One client in paho's thread; it connects again by itself."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from . import Address
from .errors import context, refusal, translated


@dataclass(frozen=True, slots=True)
class Received:
    """One message. `at`: wall time in seconds since 1970; `retained`: the broker had kept it."""

    topic: str
    payload: bytes
    retained: bool
    at: float


@dataclass(frozen=True, slots=True)
class Line:
    """The connection changed: `up`, or why it is not."""

    up: bool
    why: str = ""


class Subscriber:
    """Receives topics, and tells how the connection is.

    Args:
        address: of the broker; its will is not used.
        told: called with each `Received` and `Line`, in paho's thread; must be quick and must not raise.
        retry: seconds between two attempts to connect, the shortest and the longest.
    """

    def __init__(
        self,
        address: Address,
        topics: Sequence[str],
        told: Callable[[Received | Line], object],
        *,
        retry: tuple[float, float] = (0.5, 10.0),
    ) -> None:
        self.address, self.topics, self.told = address, topics, told
        five = address.version == "5"
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
            clean_session=None if five else True,
        )
        client.username_pw_set(address.username, address.password)
        client.connect_timeout = 4.0
        client.reconnect_delay_set(*retry)  # type: ignore[arg-type]  # fractions are as good
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail, client.on_message = self._on_connect_fail, self._on_message
        client.on_subscribe = self._on_subscribe

    def start(self) -> None:
        """Connect, now and whenever the connection is lost.

        Raises:
            TlsProblem: a file cannot be used.
        """
        if self.address.tls is not None:
            self._client.tls_set_context(context(self.address.tls))
        self._client.connect_async(self.address.host, self.address.port, self.address.keepalive)
        self._client.loop_start()

    def stop(self) -> None:
        """Say good-bye. Does not wait for the thread, which may hang in a connect: it does not hold the end up."""
        with contextlib.suppress(OSError, ValueError):
            self._client.disconnect()

    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.told(Line(False, str(refusal(reason.value))))
            return
        client.subscribe([(topic, 1) for topic in self.topics])

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self.told(Line(False, f"the broker refuses the subscription: {refused[0]}") if refused else Line(True))

    def _on_connect_fail(self, _client: Any, _userdata: Any) -> None:
        error = sys.exc_info()[1] or OSError("cannot connect")
        self.told(Line(False, str(translated(error, self.address))))

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.told(Line(False, "connection lost"))

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        with contextlib.suppress(ValueError):  # a topic that is no UTF-8
            self.told(Received(message.topic, bytes(message.payload), bool(message.retain), time.time()))
