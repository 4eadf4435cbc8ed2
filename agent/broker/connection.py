"""One MQTT session of paho's on a socket that is open already, driven by our event loop.

No thread of paho runs: the loop watches the socket and calls `loop_read`, `loop_write` and `loop_misc`. paho calls back
with its locks held, so a callback does nothing but settle a future or schedule a call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from paho.mqtt.subscribeoptions import SubscribeOptions

from . import FAILURE, Address, BrokerError, BrokerLost, Facts, Handler
from .client import NotMqtt, facts_of, make_client, message_of, publish_properties, send_connect
from .dial import Socket, certified
from .echoes import Echoes
from .errors import ENDS, farewell, foreign, hung_up, refusal, translated
from .futures import failed, noticed
from .lean import paho

GOODBYE = 0.5  # seconds


class Connection:
    """A session, from CONNECT to its end. Everything runs on the loop.

    Args:
        where: the broker's name in error messages.
        on_end: called once with the reason, before what is under way fails.

    Attributes:
        facts: what the CONNACK said.
        accepted: done with the facts at the CONNACK, or fails with the reason why there is none.
        take: gets all messages; None: the handlers of the subscriptions do.
    """

    def __init__(
        self,
        address: Address,
        password: str | None,
        opened: Socket,
        where: str,
        on_end: Callable[[BrokerError], object],
    ) -> None:
        self.address, self._where, self._on_end = address, where, on_end
        self._loop = asyncio.get_running_loop()
        self.facts = Facts(version=address.version)
        self.take: Handler | None = None
        self.accepted: asyncio.Future[Facts] = self._loop.create_future()
        self._acks: dict[int, asyncio.Future[int]] = {}
        self._answers: dict[int, asyncio.Future[int]] = {}
        self._handlers: dict[str, tuple[Handler, bool]] = {}
        self._client = make_client(address, password, opened)
        self._echoes = Echoes(self._client.ping)
        self._hear_paho()
        self._socket: Any = opened
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._writing = self._flushing = self._ended = False
        self._listening, self._deaf_ticks = True, 0
        self._misc: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Send CONNECT; `accepted` says what comes of it."""
        try:
            send_connect(self._client, self.address)
            self._loop.add_reader(self._socket, self._read)
        except Exception as error:  # noqa: BLE001
            self.end(translated(error, self._where))
            return
        self._tick()
        self._on_register_write()

    def publish(
        self, topic: str, payload: bytes, *, retain: bool, content_type: str | None, correlation: bytes | None
    ) -> asyncio.Future[int]:
        """See `Link.publish`."""
        if self._ended:
            return failed(BrokerLost("not connected"))
        qos, retain = self.facts.maximum_qos, retain and self.facts.retain_available
        properties = publish_properties(content_type, correlation) if self.address.version == "5" else None
        try:
            info = self._client.publish(topic, payload, qos, retain, properties)
        except ValueError as error:
            return failed(BrokerLost(f"cannot publish on {topic!r}: {error}"))
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return failed(BrokerLost(paho.error_string(info.rc)))
        future: asyncio.Future[int] = self._loop.create_future()
        if qos:
            self._acks[info.mid] = future
        else:
            self._echoes.wait(future)
        return future

    def echo(self) -> asyncio.Future[int]:
        """See `Link.echo`."""
        if self._ended:
            return failed(BrokerLost("not connected"))
        future: asyncio.Future[int] = self._loop.create_future()
        future.add_done_callback(noticed)
        self._echoes.wait(future)
        return future

    def subscribe(self, topic_filter: str, handler: Handler, *, retained: bool) -> asyncio.Future[int]:
        """See `Link.subscribe`."""
        if self._ended:
            return failed(BrokerLost("not connected"))
        try:
            if self.address.version == "5":
                options = SubscribeOptions(qos=1, retainHandling=0 if retained else 2)
                rc, mid = self._client.subscribe(topic_filter, options=options)
            else:
                rc, mid = self._client.subscribe(topic_filter, 1)
        except ValueError as error:
            return failed(BrokerLost(f"cannot subscribe to {topic_filter!r}: {error}"))
        if rc != paho.MQTT_ERR_SUCCESS or mid is None:
            return failed(BrokerLost(paho.error_string(rc)))
        self._handlers[topic_filter] = handler, retained
        future = self._answers[mid] = self._loop.create_future()
        future.add_done_callback(noticed)
        return future

    def acknowledge(self, identifier: int) -> None:
        """Send the PUBACK of a message."""
        if identifier and not self._ended:
            self._client.ack(identifier, 1)

    def listen(self, ready: bool) -> None:
        """Read from the socket, or leave what comes there; TCP has the broker wait."""
        if self._ended or self._socket is None or ready is self._listening:
            return
        self._listening, self._deaf_ticks = ready, 0
        if ready:
            self._loop.add_reader(self._socket, self._read)
            # What TLS has taken already makes no socket readable.
            self._loop.call_soon(self._read)
        else:
            self._loop.remove_reader(self._socket)

    async def close(self) -> None:
        """Say good-bye and close, within a second."""
        if self._ended:
            return
        with contextlib.suppress(Exception):
            self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await asyncio.shield(self._gone)
        self.end(BrokerLost("closed by us"))

    def end(self, reason: BrokerError) -> None:
        """Close without a word, at once; what is under way fails with `reason`. Does nothing after the end."""
        if self._ended:
            return
        self._ended = True
        if self._misc is not None:
            self._misc.cancel()
        self._forget_socket()
        reason.answered = self.accepted.done()
        self._on_end(reason)
        if not self._gone.done():
            self._gone.set_result(None)
        if not self.accepted.done():
            self.accepted.set_exception(reason)
            self.accepted.exception()
        waiting = [*self._acks.values(), *self._answers.values(), *self._echoes.waiting()]
        self._acks, self._answers = {}, {}
        for future in waiting:
            if not future.done():
                future.set_exception(reason)

    # --- the loop's side

    def _read(self) -> None:
        if self._ended or not self._listening:
            return
        try:
            self._client.loop_read()
            # What TLS or the WebSocket has taken from the socket does not make it readable again.
            while self._listening and self._socket is not None and getattr(self._socket, "pending", int)():
                self._client.loop_read()
        except NotMqtt as error:
            self.end(foreign(error.args[0], self._where))
        except Exception as error:  # noqa: BLE001
            self.end(BrokerLost(f"{self._where} sent what is no MQTT: {type(error).__name__}: {error}"))

    def _write(self) -> None:
        self._flushing = False
        if self._ended:
            return
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001
            self.end(translated(error, self._where))
            return
        if self._socket is not None and self._client.want_write() and not self._writing:
            self._writing = True
            self._loop.add_writer(self._socket, self._write)

    def _tick(self) -> None:
        """Let paho send its ping, and miss the answer."""
        if self._ended:
            return
        try:
            if self._listening:
                self._client.loop_misc()
            else:
                # The broker must hear of us; its answers wait unread, so that paho would miss them.
                self._deaf_ticks += 1
                if self._deaf_ticks % 4 == 1:
                    self._client.ping()
        except Exception as error:  # noqa: BLE001
            self.end(translated(error, self._where))
            return
        every = max(0.5, min(self.address.keepalive or 60, self.facts.server_keepalive or 65535) / 8)
        self._misc = self._loop.call_later(every, self._tick)

    def _forget_socket(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None:
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock)
                self._loop.remove_writer(sock)
            sock.close()

    # --- paho's callbacks: with paho's locks held

    def _hear_paho(self) -> None:
        client = self._client
        client.on_refusal, client.on_farewell = self._on_refusal, self._on_farewell
        client.on_answer, client.on_pong = self._on_answer, self._echoes.ponged
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_message = self._on_publish, self._on_message
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write

    def _on_register_write(self, *_: Any) -> None:
        if self._socket is not None and not self._flushing and not self._writing:
            self._flushing = True
            self._loop.call_soon(self._write)

    def _on_unregister_write(self, *_: Any) -> None:
        if self._writing and self._socket is not None:
            self._writing = False
            self._loop.remove_writer(self._socket)

    def _on_socket_close(self, _client: Any, _userdata: Any, sock: Any) -> None:
        if self._socket is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            self._socket = None

    def _on_refusal(self, code: int, words: str) -> None:
        self._loop.call_soon(self.end, refusal(code, words))

    def _on_farewell(self, code: int, words: str) -> None:
        self._loop.call_soon(self.end, farewell(code, words))

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, _reason: Any, properties: Any) -> None:
        if not self.accepted.done():
            self.facts = facts_of(properties, self.address.version)
            self.accepted.set_result(self.facts)

    def _on_disconnect(self, client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self.accepted.done() and (client.error is None or isinstance(client.error, ENDS)):
            problem: BrokerError = hung_up(f"{self._where} hung up before it answered our CONNECT ({reason})")
        elif client.error is None:
            problem = BrokerLost(f"{self._where}: the connection was lost ({reason})")
        else:
            problem = translated(client.error, self._where, certified=certified(self.address))
        self._loop.call_soon(self.end, problem)

    def _on_publish(self, client: Any, _userdata: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if (future := self._acks.pop(mid, None)) is not None and not future.done():
            future.set_result(client.code)

    def _on_answer(self, identifier: int, codes: list[int]) -> None:
        if (future := self._answers.pop(identifier, None)) is not None and not future.done():
            future.set_result(codes[0] if codes else FAILURE)

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        received = message_of(message)
        if received is None:
            # It can never be taken, and would be sent again and again.
            self._client.ack(message.mid, message.qos)
            return
        if self.take is not None:
            self._loop.call_soon(self.take, received)
            return
        wanting = {
            handler: None
            for topic_filter, (handler, retained) in self._handlers.items()
            if (retained or not received.retained) and paho.topic_matches_sub(topic_filter, received.topic)
        }
        for handler in wanting:
            self._loop.call_soon(handler, received)
