"""MQTT over a WebSocket: frames, the handshake, and a whole session behind a server that cuts frames anywhere."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket

import pytest
from brokers import PUBLISH, ScriptedBroker, packet, text
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.broker import Address, BrokerError, BrokerLost, Will
from agent.broker.link import PahoLink
from agent.broker.websocket import BINARY, CLOSE, CONTINUATION, GUID, PING, PONG, WebSocket, frame, masked, parsed


def server_frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """Return a server's frame: not masked."""
    head, size = bytes([(0x80 if last else 0) | opcode]), len(payload)
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


class TestAFrame:
    @settings(deadline=None)
    @given(st.sampled_from([BINARY, PONG]), st.binary(max_size=300) | st.just(b"x" * 70_000))
    def test_is_read_back_as_it_was_written(self, opcode, payload):
        data = frame(opcode, payload)
        assert parsed(data + b"more") == (opcode, payload, len(data))
        assert data[1] & 0x80

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.binary(min_size=4, max_size=4))
    def test_masked_twice_is_what_it_was(self, payload, mask):
        assert masked(masked(payload, mask), mask) == payload
        assert masked(payload, mask) == bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

    def test_is_not_there_before_its_last_byte(self):
        data = server_frame(BINARY, b"x" * 200)
        assert all(parsed(data[:count]) is None for count in range(len(data)))

    @pytest.mark.parametrize("data", [b"\xf2\x00", b"\x82\x7f" + b"\xff" * 8])
    def test_that_cannot_be_one_ends_the_connection(self, data):
        with pytest.raises(ConnectionAbortedError):
            parsed(data)


class TestASocket:
    @pytest.fixture
    def ends(self):
        """Return our end, and the server's socket."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.settimeout(1)
        with ours, theirs:
            yield WebSocket(ours), theirs

    def test_gives_the_bytes_of_frames_however_they_are_cut(self, ends):
        ours, theirs = ends
        stream = (
            server_frame(BINARY, b"abc", last=False) + server_frame(CONTINUATION, b"de") + server_frame(BINARY, b"f")
        )
        heard = b""
        for byte in stream:
            theirs.sendall(bytes([byte]))
            with contextlib.suppress(BlockingIOError):
                heard += ours.recv(2)
            while ours.pending():
                heard += ours.recv(2)
        assert heard == b"abcdef"

    def test_answers_a_ping_and_is_not_confused_by_it(self, ends):
        ours, theirs = ends
        theirs.sendall(server_frame(PING, b"hey") + server_frame(PONG, b"") + server_frame(BINARY, b"x"))
        assert ours.recv(10) == b"x"
        assert parsed(theirs.recv(100))[:2] == (PONG, b"hey")

    def test_ends_where_the_server_says_so(self, ends):
        ours, theirs = ends
        theirs.sendall(server_frame(BINARY, b"last") + server_frame(CLOSE, b"\x03\xe8"))
        assert (ours.recv(10), ours.recv(10)) == (b"last", b"")

    def test_does_not_take_text(self, ends):
        ours, theirs = ends
        theirs.sendall(server_frame(1, b"hello"))
        with pytest.raises(ConnectionAbortedError):
            ours.recv(1)

    def test_sends_a_frame_once_however_often_it_is_asked(self, ends):
        ours, theirs = ends
        data, sent = bytes(range(256)) * 8000, None
        received = bytearray()
        while sent is None:
            try:
                sent = ours.send(data)
            except BlockingIOError:
                received += theirs.recv(1 << 16)
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                received += theirs.recv(1 << 16)
        assert sent == len(data)
        assert parsed(received) == (BINARY, data, len(received))

    def test_says_goodbye(self, ends):
        ours, theirs = ends
        ours.close()
        assert parsed(theirs.recv(100))[:2] == (CLOSE, b"\x03\xe8")


class Front:
    """A WebSocket server in front of a scripted broker.

    Attributes:
        answer: the head of its answer; `{accept}` is what the standard asks for. cut: bytes of each frame.
    """

    def __init__(self, broker: ScriptedBroker) -> None:
        self.broker, self.port = broker, 0
        self.answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        self.cut = 1 << 20
        self.request = b""
        self._tasks: list[asyncio.Task] = []

    @contextlib.asynccontextmanager
    async def serving(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.broker.cut()
            await asyncio.gather(*self._tasks)
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            self.request = await reader.readuntil(b"\r\n\r\n")
            key = self.request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
            writer.write(self.answer.format(accept=accept).encode())
            if " 101 " in self.answer:
                to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.broker.port)
                await asyncio.gather(self._up(reader, to_writer), self._down(to_reader, writer))

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = bytearray()
        with contextlib.closing(writer), contextlib.suppress(OSError):
            while data := await reader.read(65536):
                received += data
                while (found := parsed(received)) is not None:
                    opcode, payload, length = found
                    del received[:length]
                    if opcode == BINARY:
                        writer.write(payload)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            while data := await reader.read(self.cut):
                writer.write(server_frame(PING, b"") + server_frame(BINARY, data))
            writer.write(server_frame(CLOSE, b""))


def run(story, *, answer: str | None = None, cut: int = 1 << 20) -> None:
    """Run a story with a broker, its front, and a link to it."""

    async def main():
        broker = ScriptedBroker()
        async with broker.serving(), Front(broker).serving() as front:
            front.answer, front.cut = answer or front.answer, cut
            will = Will("limpet/pi/status", b"offline")
            where = Address("127.0.0.1", front.port, "limpet-pi", will=will, transport="websockets", path="/mqtt?x=1")
            link = PahoLink(where)
            try:
                await story(broker, front, link)
            finally:
                link.abort()

    asyncio.run(asyncio.wait_for(main(), 10))


class TestASession:
    @pytest.mark.parametrize("cut", [1, 3, 1 << 20])
    def test_does_all_that_one_over_tcp_does(self, cut):
        async def story(broker, front, link):
            heard: asyncio.Queue = asyncio.Queue()
            await link.connect()
            assert await link.subscribe("a", heard.put_nowait) == 1
            assert (
                await asyncio.gather(*(link.publish("b", b"x" * size) for size in (0, 1, 125, 126, 70_000))) == [0] * 5
            )
            broker.send(packet(PUBLISH, text("a") + b"\0" + b"y" * 2000))
            assert (await heard.get()).payload == b"y" * 2000
            await link.close()
            await broker.until(lambda: broker.goodbyes == 1)

        run(story, cut=cut)

    def test_asks_for_mqtt_at_the_path(self):
        async def story(_broker, front, link):
            await link.connect()
            lines = front.request.decode().split("\r\n")
            assert lines[0] == "GET /mqtt?x=1 HTTP/1.1"
            assert {f"Host: 127.0.0.1:{front.port}", "Sec-WebSocket-Protocol: mqtt", "Upgrade: websocket"} <= set(lines)

        run(story)

    def test_is_lost_when_the_server_ends_it(self):
        async def story(broker, _front, link):
            await link.connect()
            under_way = link.publish("a", b"1")
            broker.acknowledges = lambda publish: None
            broker.cut()
            assert isinstance(await link.lost, BrokerLost)
            await asyncio.wait((under_way,))

        run(story)

    @pytest.mark.parametrize(
        ("answer", "words", "permanent"),
        [
            ("HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found.*mqtt.path", True),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "denies access", True),
            ("HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n", "https://x/", False),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", "no WebSocket", False),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "503", False),
            ("HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: nonsense\r\n\r\n", "Accept is wrong", True),
            (
                "HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: stomp\r\n\r\n",
                "stomp",
                True,
            ),
            ("SSH-2.0-OpenSSH\r\n\r\n", "SSH server", True),
            ("", "hung up", False),
        ],
    )
    def test_that_does_not_begin_says_why(self, answer, words, permanent):
        async def story(_broker, front, link):
            front.answer = answer
            with pytest.raises(BrokerError, match=words) as caught:
                await link.connect()
            assert caught.value.permanent == permanent

        run(story)
