"""Bits and bytes of a register as data. The only place that knows two's complement."""

from __future__ import annotations

from typing import Literal, NamedTuple


def signed(value: int, bits: int) -> int:
    """Return a `bits` wide unsigned number read as two's complement."""
    return value - (1 << bits) if value & 1 << bits - 1 else value


class Field(NamedTuple):
    """Bits `high` down to `low` of a register."""

    high: int
    low: int
    is_signed: bool = False

    def of(self, register: int) -> int:
        """Return the field's number out of the whole register."""
        width = self.high - self.low + 1
        value = register >> self.low & (1 << width) - 1
        return signed(value, width) if self.is_signed else value

    def put(self, value: int) -> int:
        """Return `value` at its place, to be or-ed into a register."""
        return (value & (1 << self.high - self.low + 1) - 1) << self.low


class Register(NamedTuple):
    """A register at `address`, `size` bytes long. No I/O here: a chip reads bytes and lets the register decode them."""

    address: int
    size: int = 1
    order: Literal["big", "little"] = "big"
    is_signed: bool = False

    def decode(self, data: bytes) -> int:
        """Return the number that `data` stands for."""
        return int.from_bytes(data[: self.size], self.order, signed=self.is_signed)

    def encode(self, value: int) -> bytes:
        """Return the message that writes `value`: the register's address, then its bytes."""
        body = (value & (1 << 8 * self.size) - 1).to_bytes(self.size, self.order)
        return bytes([self.address]) + body
