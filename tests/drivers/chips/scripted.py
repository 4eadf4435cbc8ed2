"""A bus for tests of one driver: it answers from a script, or keeps a few registers. No fake chip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.crc import crc8

LAST_ADDRESS = 0x77  # of a chip; those above are reserved

Answer = bytes | Exception | Callable[[], bytes]


class ScriptedBus:
    """Has `i2c_rdwr` and nothing else.

    Args:
        answers: the message written last -> the bytes read then, an error to be raised, a function that returns them,
            or a list of these, played in turn, its last item forever.
        width: bytes of a register; with it the bus keeps registers behind a pointer instead.
        registers: what they hold at first.
        react: called with the bus after each write, to change registers or to refuse by raising.
        keeps: size of registers that read back as written, where the script has no answer.
        otherwise: the byte that comes where the script is silent: 0xFF, as a bus that no device drives.

    Attributes:
        written: every message that was acknowledged, in order.
        refused: messages that are not acknowledged.
        gone: no device answers at all.
        acknowledges_everything: even addresses that no chip has, as a line that is held low does.
        constant: what every byte is, when a line is shorted or floats.
    """

    def __init__(
        self,
        answers: dict[bytes, Any] | None = None,
        *,
        width: int = 0,
        registers: dict[int, bytes] | None = None,
        react: Callable[[ScriptedBus, bytes], None] = lambda bus, data: None,
        keeps: int = 0,
        otherwise: int = 0xFF,
    ) -> None:
        self.answers, self.width, self.react = dict(answers or {}), width, react
        self.keeps, self.otherwise = keeps, otherwise
        self.memory = bytearray(600)
        self.bank: dict[int, bytes] = {}
        self.written: list[bytes] = []
        self.refused: set[bytes] = set()
        self.last = b"\x00"
        self.constant: int | None = None
        self.gone = self.acknowledges_everything = False
        self.transfers = 0
        for register, data in (registers or {}).items():
            self.put(register, data)

    def put(self, register: int, data: bytes) -> None:
        """Change registers."""
        self.memory[register * self.width : register * self.width + len(data)] = data

    def i2c_rdwr(self, *messages: Any) -> None:
        """Carry a transfer."""
        self.transfers += 1
        assert all(not message.flags & 1 for message in messages[:-1]), "a read must be the last message"
        for message in messages:
            if self.gone or (message.addr > LAST_ADDRESS and not self.acknowledges_everything):
                raise OSError(121, "no device answers")
            if message.flags & 1:
                for index, byte in enumerate(self._read(message.len)):
                    message.buf[index] = bytes([byte])
            else:
                self._take(bytes(message))

    def _take(self, data: bytes) -> None:
        assert data, "no empty writes"
        if data in self.refused:
            raise OSError(121, "not acknowledged")
        self.written.append(data)
        self.last = data
        if self.width and len(data) > 1:
            self.put(data[0], data[1:])
        if self.keeps and len(data) == 1 + self.keeps:
            self.bank[data[0]] = data[1:]
        self.react(self, data)

    def _read(self, length: int) -> bytes:
        if self.constant is not None:
            return bytes([self.constant]) * length
        if self.width:
            at = self.last[0] * self.width
            return bytes(self.memory[at : at + length])
        return self._answer().ljust(length, bytes([self.otherwise]))[:length]

    def _answer(self) -> bytes:
        answer = self.answers.get(self.last)
        if answer is None and len(self.last) == 1:
            answer = self.bank.get(self.last[0])
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer or b""


def on(bus: ScriptedBus, kind: type[Any], **options: Any) -> Any:
    """Return a chip on the bus that does not really wait; its `waited` lists the seconds it asked for."""
    chip = kind(bus, **options)
    chip.waited = []
    chip.sleep = chip.waited.append
    return chip


def words(*values: int, start: int = 0xFF) -> bytes:
    """Return 16-bit words, each followed by its checksum."""
    pairs = [value.to_bytes(2, "big") for value in values]
    return b"".join(pair + bytes([crc8(pair, start=start)]) for pair in pairs)
