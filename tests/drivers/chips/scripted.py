"""A bus for tests of one driver: it plays a few registers, or answers commands from a script. No fake chip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.crc import crc8


class ScriptedBus:
    """Has `i2c_rdwr` and nothing else.

    Args:
        answers: the message written last -> the bytes read then; what is not there floats high.
        width: bytes of a register; with it the bus keeps registers behind a pointer instead.
        registers: what they hold at first.
        react: called with the bus after each write, to change registers.
    """

    def __init__(
        self,
        answers: dict[bytes, bytes] | None = None,
        *,
        width: int = 0,
        registers: dict[int, bytes] | None = None,
        react: Callable[[ScriptedBus, bytes], None] = lambda bus, data: None,
    ) -> None:
        self.answers, self.width, self.react = answers or {}, width, react
        self.memory = bytearray(b"\x00" * 600)
        self.last = b"\x00"
        self.constant: int | None = None  # what every byte is, when a line is shorted or floats
        self.transfers = 0
        for register, data in (registers or {}).items():
            self.put(register, data)

    def put(self, register: int, data: bytes) -> None:
        """Change registers."""
        self.memory[register * self.width : register * self.width + len(data)] = data

    def i2c_rdwr(self, *messages: Any) -> None:
        """Carry a transfer."""
        self.transfers += 1
        for message in messages:
            if message.flags & 1:
                for index, byte in enumerate(self._read(message.len)):
                    message.buf[index] = bytes([byte])
                continue
            self.last = bytes(message)
            if self.width and len(self.last) > 1:
                self.put(self.last[0], self.last[1:])
            self.react(self, self.last)

    def _read(self, length: int) -> bytes:
        if self.constant is not None:
            return bytes([self.constant]) * length
        if self.width:
            at = self.last[0] * self.width
            return bytes(self.memory[at : at + length])
        return self.answers.get(self.last, b"").ljust(length, b"\xff")[:length]


def driver(kind: type[Any], bus: ScriptedBus, **options: Any) -> Any:
    """Return a chip on the bus that waits for nothing."""
    chip = kind(bus, **options)
    chip.sleep = lambda seconds: None
    return chip


def words(*values: int, start: int = 0xFF) -> bytes:
    """Return 16-bit words, each followed by its checksum."""
    pairs = [value.to_bytes(2, "big") for value in values]
    return b"".join(pair + bytes([crc8(pair, start=start)]) for pair in pairs)
