"""A strict MQTT broker with a script, and a TCP proxy that breaks connections. Both on loopback, in the test's loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14
CONTENT_TYPE, CORRELATION = 0x03, 0x09


class Violation(AssertionError):
    """The client broke the protocol."""


@dataclass
class Connect:
    """A CONNECT packet."""

    version: int
    flags: int
    keepalive: int
    client_id: str
    properties: dict[int, int | bytes]
    will_properties: dict[int, int | bytes] = field(default_factory=dict)
    will: tuple[str, bytes] | None = None
    username: str | None = None
    password: bytes | None = None


@dataclass
class Publish:
    """A PUBLISH packet."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    identifier: int
    properties: dict[int, int | bytes] = field(default_factory=dict)


class Reader:
    """Takes bytes from a packet."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, count: int) -> bytes:
        if len(self.data) < count:
            raise Violation("packet too short")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def binary(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        return self.binary().decode()

    def properties(self) -> dict[int, int | bytes]:
        inner, found = Reader(self.take(self.varint())), {}
        while inner.data:
            name = inner.number(1)
            if name in (CONTENT_TYPE, CORRELATION):
                found[name] = inner.binary()
            else:
                found[name] = inner.number({0x11: 4, 0x18: 4, 0x27: 4, 0x21: 2}[name])
        return found

    def varint(self) -> int:
        value = shift = 0
        while (byte := self.number(1)) & 0x80:
            value, shift = value | (byte & 0x7F) << shift, shift + 7
        return value | byte << shift


def varint(value: int) -> bytes:
    encoded = bytearray()
    while True:
        value, byte = divmod(value, 128)
        encoded.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


def packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def text(value: str) -> bytes:
    return struct.pack("!H", len(value.encode())) + value.encode()


class ScriptedBroker:
    """Keeps to the letter what it announces, and does what a test says.

    Attributes:
        connack: reason code; None: never answers. properties: encoded, of the CONNACK.
        acknowledges: what to answer a PUBLISH with: a reason code, or None for nothing.
        suback: reason code of a SUBACK, or None for none. pongs: whether a PINGREQ is answered.
        receive_maximum, maximum_packet: a client that exceeds them is a `Violation`, kept in `violations`.
    """

    def __init__(self) -> None:
        self.connack: int | None = 0
        self.properties = b""
        self.acknowledges: Callable[[Publish], int | None] = lambda publish: 0
        self.suback: int | None = 1
        self.pongs, self.pings = True, 0
        self.receive_maximum, self.maximum_packet = 65535, 1 << 28
        self.connects: list[Connect] = []
        self.published: list[Publish] = []
        self.subscribed: list[str] = []
        self.pubacks: list[int] = []
        self.goodbyes = 0
        # Released at each goodbye, for tests in another thread.
        self.left = threading.Semaphore(0)
        self.violations: list[BaseException] = []
        self.events = asyncio.Condition()
        self.port = 0
        self._open: list[asyncio.StreamWriter] = []
        self._unacknowledged = 0

    @contextlib.asynccontextmanager
    async def serving(
        self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> AsyncIterator[ScriptedBroker]:
        server = await asyncio.start_server(self._serve, host, port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await server.wait_closed()
        assert not self.violations, self.violations

    async def until(self, holds: Callable[[], bool], seconds: float = 3.0) -> None:
        """Wait until something that this broker sees is so."""
        async with asyncio.timeout(seconds), self.events:
            await self.events.wait_for(holds)

    def cut(self) -> None:
        """Reset all connections."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    def send(self, data: bytes) -> None:
        """Send raw bytes on the newest connection."""
        self._open[-1].write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        self._unacknowledged = 0
        version = 5
        try:
            while True:
                head = (await reader.readexactly(1))[0]
                length = shift = 0
                while (byte := (await reader.readexactly(1))[0]) & 0x80:
                    length, shift = length | (byte & 0x7F) << shift, shift + 7
                body = Reader(await reader.readexactly(length | byte << shift))
                if head >> 4 == CONNECT:
                    version = self._connect(body, writer)
                else:
                    self._packet(head, body, writer, version)
                async with self.events:
                    self.events.notify_all()
        except (asyncio.IncompleteReadError, OSError):
            pass
        except BaseException as error:  # noqa: BLE001
            self.violations.append(error)
        finally:
            writer.close()

    def _connect(self, body: Reader, writer: asyncio.StreamWriter) -> int:
        if body.text() != "MQTT":
            raise Violation("no MQTT")
        version, flags, keepalive = body.number(1), body.number(1), body.number(2)
        properties = body.properties() if version == 5 else {}
        connect = Connect(version, flags, keepalive, body.text(), properties)
        if flags & 0x04:
            connect.will_properties = body.properties() if version == 5 else {}
            connect.will = body.text(), body.binary()
        connect.username = body.text() if flags & 0x80 else None
        connect.password = body.binary() if flags & 0x40 else None
        self.connects.append(connect)
        if self.connack is not None:
            tail = varint(len(self.properties)) + self.properties if version == 5 else b""
            writer.write(packet(CONNACK, bytes([0, self.connack]) + tail))
        return version

    def _packet(self, head: int, body: Reader, writer: asyncio.StreamWriter, version: int) -> None:
        kind = head >> 4
        if kind == PUBLISH:
            self._publish(head, body, writer, version)
        elif kind == SUBSCRIBE:
            identifier = body.take(2)
            properties = b"\0" if version == 5 and body.properties() == {} else b""
            self.subscribed.append(body.text())
            if self.suback is not None:
                writer.write(packet(SUBACK, identifier + properties + bytes([self.suback])))
        elif kind == PINGREQ:
            self.pings += 1
            if self.pongs:
                writer.write(packet(PINGRESP, b""))
        elif kind == DISCONNECT:
            self.goodbyes += 1
            self.left.release()
        elif kind == PUBACK:
            self.pubacks.append(body.number(2))
        else:
            raise Violation(f"packet {kind}")

    def _publish(self, head: int, body: Reader, writer: asyncio.StreamWriter, version: int) -> None:
        if len(body.data) + 5 > self.maximum_packet:
            raise Violation("packet too large")
        topic, qos = body.text(), head >> 1 & 3
        identifier = body.number(2) if qos else 0
        properties = body.properties() if version == 5 else {}
        if not properties.keys() <= {CONTENT_TYPE, CORRELATION}:
            raise Violation("unexpected properties")
        publish = Publish(topic, body.data, qos, bool(head & 1), identifier, properties)
        self.published.append(publish)
        self._unacknowledged += qos > 0
        if self._unacknowledged > self.receive_maximum:
            raise Violation("receive maximum exceeded")
        code = self.acknowledges(publish)
        if qos and code is not None:
            self._unacknowledged -= 1
            writer.write(puback(identifier, code, version))


class BrokerInThread:
    """A scripted broker in a thread of its own: for commands, which block."""

    def __init__(self) -> None:
        self.scripted = ScriptedBroker()
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _serve(self) -> None:
        async with self.scripted.serving():
            self._ready.set()
            await self._end.wait()

    def __enter__(self) -> ScriptedBroker:
        self._thread.start()
        assert self._ready.wait(5)
        return self.scripted

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        self._loop.close()


def puback(identifier: int, code: int = 0, version: int = 5) -> bytes:
    return packet(PUBACK, struct.pack("!H", identifier) + (bytes([code]) if code and version == 5 else b""))


class FaultProxy:
    """Forwards TCP to a port, until told otherwise.

    Attributes:
        deaf: nothing is forwarded any more, connections stay open. after: bytes upstream after which it resets.
    """

    def __init__(self, port: int) -> None:
        self.target, self.port = port, 0
        self.deaf = self.refusing = False
        self.after: int | None = None
        self.accepted = 0
        self._open: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[FaultProxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.reset()
            await server.wait_closed()

    def reset(self) -> None:
        """Reset all connections."""
        for writer in self._open:
            sock = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._open.append(writer)
        if self.refusing:
            self.reset()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self.reset()
            return
        self._open.append(up_writer)
        await asyncio.gather(self._pipe(reader, up_writer, True), self._pipe(up_reader, writer, False))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: bool) -> None:
        try:
            while data := await reader.read(65536):
                if self.deaf:
                    continue
                if upstream and self.after is not None:
                    data, self.after = data[: self.after], self.after - len(data)
                    if self.after <= 0:
                        self.after = None
                        writer.write(data)
                        await writer.drain()
                        self.reset()
                        return
                writer.write(data)
        except OSError:
            pass
        finally:
            writer.close()
