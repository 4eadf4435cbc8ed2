"""SMBus calls as the kernel carries them out on an I2C adapter: as messages, with a checksum if asked for.

Source: Linux, drivers/i2c/i2c-core-smbus.c, i2c_smbus_xfer_emulated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import smbus2.smbus2 as below

from .chip import crc8

EOPNOTSUPP, EBADMSG, EPROTO = 95, 74, 71  # Linux's numbers, also where the desktop has others
LONGEST = 32  # bytes of a block


class Smbus:
    """Carries out calls to one address.

    Args:
        exchange: carries one message: (address, bytes, None) to write, (address, b"", length) to read.
        pec: whether checksums are written and checked; never those of I2C blocks and quick commands.
        blocks: whether the adapter can read blocks whose length the chip sends.
    """

    def __init__(self, exchange: Callable[[int, bytes, int | None], bytes], address: int, *, pec: bool, blocks: bool):
        self.exchange, self.address, self.pec, self.blocks = exchange, address, pec, blocks

    def call(self, request: Any) -> None:
        """Carry out one call and put its answer into the request.

        Raises:
            OSError: EOPNOTSUPP, EBADMSG (the checksum is wrong), EPROTO, or what `exchange` raises.
        """
        data, reads, size = request.data.contents, request.read_write == below.I2C_SMBUS_READ, request.size
        command = bytes([request.command])
        if size == below.I2C_SMBUS_QUICK:
            self.exchange(self.address, b"", None)
        elif size == below.I2C_SMBUS_BYTE and not reads:
            self.write(command)
        elif size in (below.I2C_SMBUS_BYTE, below.I2C_SMBUS_BYTE_DATA) and reads:
            data.byte = self.read(b"" if size == below.I2C_SMBUS_BYTE else command, 1)[0]
        elif size == below.I2C_SMBUS_BYTE_DATA:
            self.write(command + bytes([data.byte]))
        elif size == below.I2C_SMBUS_WORD_DATA and reads:
            data.word = int.from_bytes(self.read(command, 2), "little")
        elif size == below.I2C_SMBUS_WORD_DATA:
            self.write(command + int(data.word).to_bytes(2, "little"))
        elif size == below.I2C_SMBUS_PROC_CALL:
            data.word = int.from_bytes(self.read(command + int(data.word).to_bytes(2, "little"), 2), "little")
        else:
            self.block(size, reads, command, data.block)

    def block(self, size: int, reads: bool, command: bytes, block: Any) -> None:
        """Carry out a call with a block: its length, then its bytes."""
        content = bytes(block[1 : block[0] + 1])
        if size == below.I2C_SMBUS_I2C_BLOCK_DATA and reads:
            block[1 : block[0] + 1] = list(self.read(command, block[0], pec=False))
        elif size == below.I2C_SMBUS_I2C_BLOCK_DATA:
            self.write(command + content, pec=False)
        elif size == below.I2C_SMBUS_BLOCK_DATA and not reads:
            self.write(command + bytes([len(content)]) + content)
        elif size == below.I2C_SMBUS_BLOCK_DATA and self.blocks:
            answer = self.read(command, None)
            block[: len(answer)] = list(answer)
        else:
            raise OSError(EOPNOTSUPP, "Operation not supported")

    def write(self, message: bytes, *, pec: bool = True) -> None:
        """Write one message."""
        if pec and self.pec:
            message += bytes([crc8(bytes([self.address << 1]) + message, 0, 0x07)])
        self.exchange(self.address, message, None)

    def read(self, command: bytes, length: int | None, *, pec: bool = True) -> bytes:
        """Write `command`, if there is one, and read; with no length, as many bytes as the first one says."""
        checked = pec and self.pec
        if command:
            self.exchange(self.address, command, None)
        wanted = 1 + LONGEST if length is None else length
        answer = self.exchange(self.address, b"", wanted + checked)
        if length is None:
            wanted = 1 + answer[0]
            if not 1 <= answer[0] <= LONGEST:
                raise OSError(EPROTO, "Protocol error")
        answer = answer[: wanted + checked]
        said = bytes([self.address << 1]) + command if command else b""
        if checked and crc8(said + bytes([self.address << 1 | 1]) + answer, 0, 0x07):
            raise OSError(EBADMSG, "Bad message")
        return answer[:wanted]
