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

from . import Address, BrokerError, BrokerLost, BrokerTimeout, Facts, Handler, Message
from .client import code_of, dial, facts_of, make_client
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
        self._client.on_connect, self._client.on_disconnect = self._on_connect, self._on_disconnect
        self._client.on_publish, self._client.on_message = self._on_publish, self._on_message
        self._client.on_subscribe, self._client.on_log = self._on_subscribe, self._on_log
        self._client.on_socket_close = self._on_socket_close
        self._client.on_socket_register_write = self._on_register_write
        self._client.on_socket_unregister_write = self._on_unregister_write
        self._connack: asyncio.Future[Facts] = self._loop.create_future()
        self._acks: dict[int, asyncio.Future[int]] = {}
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

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> asyncio.Future[int]:
        """Send with QoS 1, or with what the broker has; the future tells the reason code of the acknowledgement."""
        future: asyncio.Future[int] = self._loop.create_future()
        if self._ended:
            future.set_exception(BrokerLost("not connected"))
            return future
        try:
            info = self._client.publish(
                topic, payload, qos=self.facts.maximum_qos, retain=retain and self.facts.retain_available
            )
        except ValueError as error:
            future.set_exception(BrokerLost(f"cannot publish on {topic!r}: {error}"))
            return future
        if info.rc != paho.MQTT_ERR_SUCCESS:
            future.set_exception(BrokerLost(paho.error_string(info.rc)))
        else:
            self._acks[info.mid] = future
        return future

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Ask for messages; the handler runs on the loop."""
        self._handlers[topic_filter] = handler
        if self.address.version == "5":
            self._client.subscribe(topic_filter, options=SubscribeOptions(qos=1, retainHandling=2))
        else:
            self._client.subscribe(topic_filter, qos=1)

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
        if not self.lost.done():
            self.lost.set_result(reason)
        if not self._connack.done():
            self._connack.set_exception(reason)
            self._connack.exception()
        acks, self._acks = self._acks, {}
        for future in acks.values():
            if not future.done():
                future.set_exception(reason)

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

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, properties: Any) -> None:
        code = code_of(reason)
        if self._connack.done():
            return
        if code:
            self._connack.set_exception(refusal(code))
        else:
            self._connack.set_result(facts_of(properties, self.address.version))
            self._client.on_log = None  # it would format a line for each packet

    def _on_disconnect(self, _client: Any, _userdata: Any, flags: Any, reason: Any, _properties: Any) -> None:
        problem: BrokerError
        if flags.is_disconnect_packet_from_server:
            problem = farewell(code_of(reason))
        else:
            problem = lost(self.address, self._complaint or str(reason), answered=self._connack.done())
        self._loop.call_soon(self._end, problem)

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        if (future := self._acks.pop(mid, None)) is not None and not future.done():
            future.set_result(code_of(reason))

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        for reason in reasons:
            if code_of(reason) >= 0x80:
                log.error("subscription refused", extra={"reason": str(reason), "topics": list(self._handlers)})

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
