"""MQTT over a WebSocket: the client's handshake, and frames behind a socket's methods.

Source: RFC 6455 (§4.1 handshake, §5 frames); MQTT 5.0 §6: binary frames whose borders mean nothing, subprotocol `mqtt`.
paho has a wrapper of its own; it drops a packet that the socket took only in part, and does not say why a handshake
failed.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import ssl
import struct

from . import BrokerError, BrokerLost
from .errors import foreign, hung_up

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, BINARY, CLOSE, PING, PONG = 0, 2, 8, 9, 10
LARGEST_ANSWER = 16 * 1024
LARGEST_FRAME = 16 * 1024 * 1024
CHUNK = 64 * 1024
CURES = {
    400: "is mqtt.path right, and does it serve WebSockets?",
    401: "the server wants another user name or password",
    403: "the server denies access",
    404: "there is nothing at mqtt.path",
    426: "the server wants another protocol",
}


class WebSocket:
    """The client's end of an open WebSocket, with what paho and the loop use of a socket."""

    def __init__(self, sock: socket.socket, received: bytes = b"") -> None:
        self._sock, self._received, self._payload = sock, bytearray(received), bytearray()
        self._unsent, self._promised, self._closed = bytearray(), 0, False

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes of MQTT; none at the end of the connection.

        Raises:
            BlockingIOError: none have come yet.
        """
        while not self._payload and not self._closed:
            if not self._take_frame():
                data = self._sock.recv(CHUNK)
                if not data:
                    return b""
                self._received += data
        taken = bytes(self._payload[:size])
        del self._payload[:size]
        return taken

    def send(self, data: bytes | bytearray) -> int:
        """Send `data` as one frame; return its length once the socket has taken all of it.

        Raises:
            BlockingIOError: it has not; to be called again with the same data.
        """
        if not self._promised:
            self._unsent += frame(BINARY, data)
            self._promised = len(data)
        self._flush()
        sent, self._promised = self._promised, 0
        return sent

    def pending(self) -> int:
        """Return how many bytes `recv` has without the socket becoming readable."""
        while not self._payload and self._take_frame():
            pass
        within = getattr(self._sock, "pending", None)
        return len(self._payload) or (within() if within is not None else 0)

    def close(self) -> None:
        """Say so, if the socket takes it at once, and close."""
        with contextlib.suppress(OSError):
            self._control(CLOSE, struct.pack("!H", 1000))
        self._sock.close()

    def shutdown(self, how: int) -> None:
        """See `socket.socket.shutdown`."""
        self._sock.shutdown(how)

    def setblocking(self, flag: bool) -> None:
        """See `socket.socket.setblocking`."""
        self._sock.setblocking(flag)

    def fileno(self) -> int:
        """See `socket.socket.fileno`."""
        return self._sock.fileno()

    def _take_frame(self) -> bool:
        """Take one frame out of what has been received; return whether there was a whole one."""
        found = parsed(self._received)
        if found is None:
            return False
        opcode, payload, length = found
        del self._received[:length]
        if opcode in (CONTINUATION, BINARY):
            self._payload += payload
        elif opcode == PING:
            self._control(PONG, payload)
        elif opcode == CLOSE:
            self._closed = True
        elif opcode != PONG:
            raise ConnectionAbortedError(f"a WebSocket frame of kind {opcode}")
        return True

    def _control(self, opcode: int, payload: bytes) -> None:
        """Send a control frame; what the socket does not take now goes before the next data."""
        self._unsent += frame(opcode, payload)
        with contextlib.suppress(BlockingIOError):
            self._flush()

    def _flush(self) -> None:
        """Send what is unsent.

        Raises:
            OSError: the socket does not take all of it now, or never.
        """
        while self._unsent:
            del self._unsent[: self._sock.send(self._unsent)]


def frame(opcode: int, payload: bytes | bytearray) -> bytes:
    """Return a client's frame: whole, and masked as it must be (§5.3)."""
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | opcode, 0x80 | size])
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    mask = os.urandom(4)
    return head + mask + masked(payload, mask)


def masked(payload: bytes | bytearray, mask: bytes) -> bytes:
    """Return the payload with each byte changed by its byte of the mask; twice is back again."""
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")


def parsed(data: bytes | bytearray) -> tuple[int, bytes, int] | None:
    """Return the first frame in `data`: its opcode, payload and length; None if it is not there as a whole.

    Raises:
        ConnectionAbortedError: no frame of a server of MQTT begins like this.
    """
    if len(data) < 2:
        return None
    at, size = 2, data[1] & 0x7F
    if size > 125:
        width = 2 if size == 126 else 8
        if len(data) < at + width:
            return None
        size, at = int.from_bytes(data[at : at + width], "big"), at + width
    if size > LARGEST_FRAME or data[0] & 0x70:
        raise ConnectionAbortedError("what came is no WebSocket frame")
    mask = bytes(data[at : at + 4]) if data[1] & 0x80 else b""
    at += len(mask)
    end = at + size
    if len(data) < end:
        return None
    payload = bytes(data[at:end])
    return data[0] & 0x0F, masked(payload, mask) if mask else payload, end


def handshake(sock: socket.socket, host: str, port: int, path: str) -> WebSocket:
    """Return the WebSocket that the server opens on a connected socket. Blocks as the socket does.

    Raises:
        BrokerError: it opens none.
    """
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    key = base64.b64encode(os.urandom(16))
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {where}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
    )
    sock.sendall("\r\n".join((*lines, "", "")).encode())
    answer = bytearray()
    try:
        while b"\r\n\r\n" not in answer and len(answer) < LARGEST_ANSWER and (data := sock.recv(4096)):
            answer += data
    except (ConnectionError, ssl.SSLEOFError):
        pass
    if answer and not answer.startswith(b"HTTP/"):
        raise foreign(bytes(answer), where)
    head, _, rest = bytes(answer).partition(b"\r\n\r\n")
    _judge(head, key, f"{where}{path}")
    return WebSocket(sock, rest)


def _judge(head: bytes, key: bytes, where: str) -> None:
    """Make sure that the head of an answer opens a WebSocket of ours.

    Raises:
        BrokerError: it does not.
    """
    if not head:
        raise hung_up(f"{where} hung up when the WebSocket began; is the port one for WebSockets?")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first[9:12]) if first[9:12].isdigit() else 0
    if status != 101:
        cure = CURES.get(status) or (
            f"it refers to {fields['location']}" if "location" in fields else "no WebSocket there"
        )
        raise BrokerLost(f"{where} answers {first[9:]!r}: {cure}", permanent=status in CURES)
    expected = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    if fields.get("sec-websocket-accept") != expected:
        raise BrokerError(f"{where} does not open a WebSocket (Sec-WebSocket-Accept is wrong)", permanent=True)
    if fields.get("sec-websocket-protocol", "mqtt") != "mqtt":
        raise BrokerError(
            f"{where} speaks {fields['sec-websocket-protocol']!r} over WebSockets, not mqtt", permanent=True
        )
