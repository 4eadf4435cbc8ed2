"""paho on our event loop: one client for one connection. Only this file and `client.py` import paho.

No thread of paho runs: the loop watches the socket and calls `loop_read`, `loop_write` and `loop_misc`. Only what
blocks, `connect()`, has a thread of its own, which nobody waits for longer than the deadline, nor at exit. paho calls
back with its locks held; so a callback does nothing but settle a future or schedule a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.subscribeoptions import SubscribeOptions

from . import FAILURE, Address, BrokerError, BrokerLost, BrokerTimeout, Facts, Handler, Message
from .client import dial, facts_of, make_client, publish_properties
from .echoes import Echoes
from .errors import context, farewell, lost, refusal, translated

log = logging.getLogger(__name__)

CONNECT = 10.0  # seconds for name, TCP and TLS together
CONNACK = 5.0
GOODBYE = 0.5


class PahoLink:
    """A `Link` over TCP or TLS."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[BrokerError] = self._loop.create_future()
        self.facts = Facts(version=address.version)
        self._client = make_client(address)
        self._echoes = Echoes(self._client.ping)
        self._client.on_connect, self._client.on_disconnect = self._on_connect, self._on_disconnect
        self._client.on_publish, self._client.on_message = self._on_publish, self._on_message
        self._client.on_refusal, self._client.on_farewell = self._on_refusal, self._on_farewell
        self._client.on_answer, self._client.on_pong = self._on_answer, self._echoes.ponged
        self._client.on_log = self._on_log
        self._client.on_socket_close = self._on_socket_close
        self._client.on_socket_register_write = self._on_register_write
        self._client.on_socket_unregister_write = self._on_unregister_write
        self._connack: asyncio.Future[Facts] = self._loop.create_future()
        self._acks: dict[int, asyncio.Future[int]] = {}
        self._answers: dict[int, asyncio.Future[int]] = {}
        self._handlers: dict[str, Handler] = {}
        self._socket: Any = None
        self._complaint = ""
        self._writing = self._flushing = self._ended = False
        self._misc: asyncio.TimerHandle | None = None

    # --- the port

    async def connect(self) -> Facts:
        """Open the connection.

        Raises:
            BrokerError: it could not be opened; the link is used up.
        """
        try:
            await self._open()
            async with asyncio.timeout(CONNACK):
                self.facts = await self._connack
        except TimeoutError:
            self.abort()
            raise BrokerTimeout(f"{self._where} took the connection but sent no CONNACK in {CONNACK:g} s") from None
        except BaseException:
            self.abort()
            raise
        return self.facts

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        content_type: str | None = None,
        correlation: bytes | None = None,
    ) -> asyncio.Future[int]:
        """Send with QoS 1, or with what the broker has; see `Link`."""
        if self._ended:
            return self._failed(BrokerLost("not connected"))
        qos, retain = self.facts.maximum_qos, retain and self.facts.retain_available
        properties = publish_properties(content_type, correlation) if self.address.version == "5" else None
        try:
            info = self._client.publish(topic, payload, qos, retain, properties)
        except ValueError as error:
            return self._failed(BrokerLost(f"cannot publish on {topic!r}: {error}"))
        if info.rc != paho.MQTT_ERR_SUCCESS:
            return self._failed(BrokerLost(paho.error_string(info.rc)))
        future: asyncio.Future[int] = self._loop.create_future()
        if qos:
            self._acks[info.mid] = future
        else:
            self._echoes.wait(future)
        return future

    def subscribe(self, topic_filter: str, handler: Handler) -> asyncio.Future[int]:
        """Ask for messages; the handler runs on the loop; see `Link`."""
        if self._ended:
            return self._failed(BrokerLost("not connected"))
        try:
            if self.address.version == "5":
                rc, mid = self._client.subscribe(topic_filter, options=SubscribeOptions(qos=1, retainHandling=2))
            else:
                rc, mid = self._client.subscribe(topic_filter, qos=1)
        except ValueError as error:
            return self._failed(BrokerLost(f"cannot subscribe to {topic_filter!r}: {error}"))
        if rc != paho.MQTT_ERR_SUCCESS or mid is None:
            return self._failed(BrokerLost(paho.error_string(rc)))
        self._handlers[topic_filter] = handler
        future = self._answers[mid] = self._loop.create_future()
        future.add_done_callback(_noticed)
        return future

    async def close(self) -> None:
        """Say good-bye and close, within a second."""
        if not self._ended:
            with contextlib.suppress(Exception):
                self._client.disconnect()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await asyncio.shield(self.lost)
        self.abort()

    def abort(self) -> None:
        """Close without a word, at once."""
        self._end(BrokerLost("closed by us"))

    # --- opening

    @property
    def _where(self) -> str:
        return f"{self.address.host}:{self.address.port}"

    async def _open(self) -> None:
        if self.address.tls is not None:
            self._client.tls_set_context(context(self.address.tls))
        opened: asyncio.Future[None] = self._loop.create_future()
        try:
            threading.Thread(target=self._connect_thread, args=(opened,), name="connect", daemon=True).start()
        except RuntimeError as error:
            raise BrokerLost(f"no thread to connect with: {error}") from error
        try:
            async with asyncio.timeout(CONNECT):
                await opened
        except TimeoutError:
            raise BrokerTimeout(f"no connection to {self._where} within {CONNECT:g} s") from None
        self._watch()

    def _connect_thread(self, opened: asyncio.Future[None]) -> None:
        problem: BrokerError | None = None
        try:
            dial(self._client, self.address)
        except Exception as error:
            problem = translated(error, self.address)
        try:
            self._loop.call_soon_threadsafe(self._opened, opened, problem)
        except RuntimeError:  # the loop is gone
            self._close_socket()

    def _opened(self, opened: asyncio.Future[None], problem: BrokerError | None) -> None:
        if opened.done() or self._ended:  # given up meanwhile
            self._close_socket()
        if not opened.done():
            opened.set_result(None) if problem is None else opened.set_exception(problem)

    def _close_socket(self) -> None:
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _watch(self) -> None:
        sock: Any = self._client.socket()
        if sock is None:
            raise BrokerLost(f"{self._where}: the connection was closed")
        self._socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock, self._read)
        self._tick()
        self._on_register_write()

    # --- the loop's side

    def _read(self) -> None:
        try:
            self._client.loop_read()
            while isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                self._client.loop_read()  # decrypted already: the socket will not become readable for it
        except Exception as error:
            self._end(BrokerLost(f"{self._where} sent what is no MQTT: {type(error).__name__}: {error}"))

    def _write(self) -> None:
        self._flushing = False
        if self._ended:
            return
        try:
            self._client.loop_write()
        except Exception as error:
            self._end(translated(error, self.address))
            return
        if self._socket is not None and self._client.want_write() and not self._writing:
            self._writing = True
            self._loop.add_writer(self._socket, self._write)

    def _tick(self) -> None:
        """Let paho send its ping, and miss the answer."""
        if self._ended:
            return
        try:
            self._client.loop_misc()
        except Exception as error:
            self._end(translated(error, self.address))
            return
        every = max(0.5, min(self.address.keepalive or 60, self.facts.server_keepalive or 65535) / 8)
        self._misc = self._loop.call_later(every, self._tick)

    def _end(self, reason: BrokerError) -> None:
        if self._ended:
            return
        self._ended = True
        if self._misc is not None:
            self._misc.cancel()
        self._forget_socket()
        reason.answered = self._connack.done()
        if not self.lost.done():
            self.lost.set_result(reason)
        if not self._connack.done():
            self._connack.set_exception(reason)
            self._connack.exception()
        waiting = [*self._acks.values(), *self._answers.values(), *self._echoes.waiting()]
        self._acks, self._answers = {}, {}
        for future in waiting:
            if not future.done():
                future.set_exception(reason)

    def _failed(self, error: BrokerError) -> asyncio.Future[int]:
        future: asyncio.Future[int] = self._loop.create_future()
        future.set_exception(error)
        future.add_done_callback(_noticed)
        return future

    def _forget_socket(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None:
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock)
                self._loop.remove_writer(sock)
            sock.close()

    # --- paho's callbacks: with paho's locks held

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

    def _on_log(self, _client: Any, _userdata: Any, level: int, text: str) -> None:
        if level == paho.MQTT_LOG_ERR:
            self._complaint = text  # nowhere else does paho say why

    def _on_refusal(self, code: int) -> None:
        self._loop.call_soon(self._end, refusal(code))

    def _on_farewell(self, code: int) -> None:
        self._loop.call_soon(self._end, farewell(code))

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, _reason: Any, properties: Any) -> None:
        if not self._connack.done():
            self._connack.set_result(facts_of(properties, self.address.version))
            # It would format a line for each packet.
            self._client.on_log = None

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        problem = lost(self.address, self._complaint or str(reason), answered=self._connack.done())
        problem.hung_up = not self._connack.done()
        self._loop.call_soon(self._end, problem)

    def _on_publish(self, client: Any, _userdata: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if (future := self._acks.pop(mid, None)) is not None and not future.done():
            future.set_result(client.code)

    def _on_answer(self, identifier: int, codes: list[int]) -> None:
        if (future := self._answers.pop(identifier, None)) is not None and not future.done():
            future.set_result(codes[0] if codes else FAILURE)

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        if message.retain:
            return
        try:
            topic = message.topic
            properties = message.properties
            received = Message(
                topic,
                bytes(message.payload),
                getattr(properties, "ResponseTopic", None),
                getattr(properties, "CorrelationData", None),
            )
        except ValueError:  # no UTF-8
            return
        for topic_filter, handler in self._handlers.items():
            if paho.topic_matches_sub(topic_filter, topic):
                self._loop.call_soon(handler, received)


def _noticed(future: asyncio.Future[int]) -> None:
    """Keep asyncio from complaining of a failure that was not asked for."""
    if not future.cancelled():
        future.exception()
