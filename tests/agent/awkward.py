"""A broker on a real socket that refuses what a test says, in each of the ways in which brokers refuse."""

from __future__ import annotations

import asyncio
from collections import Counter

from brokers import CONNACK, DISCONNECT, SUBACK, SUBSCRIBE, Connect, Publish, Reader, ScriptedBroker, packet, varint

HANG_UP, RESET, SILENCE = "hang up", "reset", "silence"


class AwkwardBroker(ScriptedBroker):
    """Answers as it should, but for what it `refuses`.

    Attributes:
        refuses: topic or filter -> how: HANG_UP, RESET, SILENCE, `code 0x..` or `disconnect 0x..` (MQTT 5).
        wills: returns how a CONNECT with a will is refused; None: not at all.
        refused: how often each of them came. seqs: payloads of batches that were accepted, by topic.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refuses: dict[str, str] = {}
        self.wills = lambda connect: None
        self.refused: Counter[str] = Counter()
        self.accepted: list[Publish] = []
        self.acknowledges = self._acknowledge
        self._writer: asyncio.StreamWriter

    def _acknowledge(self, publish: Publish) -> int | None:
        how = self.refuses.get(publish.topic)
        if how is None:
            self.accepted.append(publish)
            return 0
        return self._refuse(publish.topic, how)

    def _refuse(self, name: str, how: str) -> int | None:
        """Refuse; return the code to answer with, if any."""
        self.refused[name] += 1
        kind, _, code = how.partition(" 0x")
        if kind == "code":
            return int(code, 16)
        if kind == "disconnect":
            self._writer.write(packet(DISCONNECT, bytes([int(code, 16)])))
        if kind == RESET:
            self._writer.transport.abort()
        elif kind != SILENCE:
            self._writer.close()
        return None

    def _packet(self, head: int, body: Reader, writer: asyncio.StreamWriter, version: int) -> None:
        self._writer = writer
        if writer.is_closing():
            return
        if head >> 4 != SUBSCRIBE:
            super()._packet(head, body, writer, version)
            return
        identifier = body.take(2)
        properties = b"\0" if version == 5 and body.properties() == {} else b""
        name = body.text()
        self.subscribed.append(name)
        how = self.refuses.get(name)
        code = 1 if how is None else self._refuse(name, how)
        if code is not None:
            writer.write(packet(SUBACK, identifier + properties + bytes([code])))

    def _connect(self, body: Reader, writer: asyncio.StreamWriter) -> int:
        self._writer = writer
        answer, self.connack = self.connack, None
        version = super()._connect(body, writer)
        self.connack = answer
        connect: Connect = self.connects[-1]
        code = answer
        if connect.will is not None and (how := self.wills(connect)) is not None:
            code = self._refuse("will", how)
        if code is not None and not writer.is_closing():
            tail = varint(len(self.properties)) + self.properties if version == 5 else b""
            writer.write(packet(CONNACK, bytes([0, code]) + tail))
        return version
