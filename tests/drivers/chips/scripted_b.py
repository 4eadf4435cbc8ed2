"""A bus that answers from a script: what was written -> what is read after it. For tests of single drivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LAST_ADDRESS = 0x77  # of a chip; those above are reserved

Answer = bytes | Exception | Callable[[], bytes]


class ScriptedBus:
    """Answers each read by what was written before it (or last); a list is played in turn, its last item for ever.

    Attributes:
        answers: message written -> one answer, or a list of them; `refused` -> messages that are not acknowledged.
        written: every message written, in order.
        otherwise: the byte that comes where the script is silent: 0xFF, as a bus that nobody drives.
    """

    def __init__(self, answers: dict[bytes, Any] | None = None, *, keeps: int = 0, otherwise: int = 0xFF) -> None:
        self.answers: dict[bytes, Any] = dict(answers or {})
        self.keeps, self.otherwise = keeps, otherwise  # keeps: size of registers that read back as written
        self.refused: set[bytes] = set()
        self.written: list[bytes] = []
        self.bank: dict[int, bytes] = {}
        self.last = b""
        self.transfers = 0
        self.gone = self.acknowledges_everything = False

    def i2c_rdwr(self, *messages: Any) -> None:
        """Play one transfer."""
        self.transfers += 1
        assert all(not message.flags & 1 for message in messages[:-1]), "a read must be the last message"
        for message in messages:
            if self.gone or (message.addr > LAST_ADDRESS and not self.acknowledges_everything):
                raise OSError(121, "nobody answers")
            if message.flags & 1:
                for index, byte in enumerate(self._answer(message.len)):
                    message.buf[index] = bytes([byte])
            else:
                self._take(bytes(message))

    def _take(self, data: bytes) -> None:
        assert data, "no empty writes"
        if data in self.refused:
            raise OSError(121, "not acknowledged")
        self.written.append(data)
        self.last = data
        if self.keeps and len(data) == 1 + self.keeps:
            self.bank[data[0]] = data[1:]

    def _answer(self, length: int) -> bytes:
        answer = self.answers.get(self.last)
        if answer is None and len(self.last) == 1:
            answer = self.bank.get(self.last[0])
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return (answer or b"").ljust(length, bytes([self.otherwise]))[:length]


def on(bus: ScriptedBus, driver: type[Any], **options: Any) -> Any:
    """Return a driver on the bus that does not really wait; its `waited` lists the seconds it asked for."""
    chip = driver(bus, **options)
    chip.waited = []
    chip.sleep = chip.waited.append
    return chip
