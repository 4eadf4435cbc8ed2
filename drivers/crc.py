"""Checksums of sensor buses: pure functions over bytes."""

from __future__ import annotations

from .errors import ChecksumError


def _table(polynomial: int) -> bytes:
    row = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte << 1) ^ polynomial if byte & 0x80 else byte << 1  # noqa: PLW2901
        row.append(byte & 0xFF)
    return bytes(row)


_TABLES = {polynomial: _table(polynomial) for polynomial in (0x31, 0x07)}


def crc8(data: bytes, *, start: int = 0xFF, polynomial: int = 0x31) -> int:
    """Return the CRC-8 of `data`, most significant bit first, no final xor.

    Sensirion, Aosong: polynomial 0x31, start 0xFF. HTU21D: start 0x00. SMBus PEC: polynomial 0x07, start 0x00.
    """
    table, crc = _TABLES[polynomial], start
    for byte in data:
        crc = table[crc ^ byte]
    return crc


def modbus(data: bytes) -> int:
    """Return the CRC-16 of Modbus: polynomial 0x8005, least significant bit first, start 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def crc4(prom: bytes) -> int:
    """Return the CRC-4 of a calibration of 16 bytes, whose last byte counts as 0 (TE Connectivity, AN520)."""
    rest = 0
    for byte in prom[:15] + b"\x00":
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1 ^ (0x3000 if rest & 0x8000 else 0)) & 0xFFFF
    return rest >> 12


def words(frame: bytes, *, start: int = 0xFF) -> tuple[int, ...]:
    """Return the big-endian 16-bit words of a frame in which each is followed by its CRC-8.

    Raises:
        ChecksumError: a word arrived damaged.
    """
    values = []
    for at in range(0, len(frame) - 2, 3):
        if crc8(frame[at : at + 2], start=start) != frame[at + 2]:
            raise ChecksumError(f"word {at // 3} arrived damaged: {frame.hex(' ')}; shorten or shield the cable")
        values.append(frame[at] << 8 | frame[at + 1])
    return tuple(values)


def word(value: int) -> bytes:
    """Return a 16-bit word as it is sent to Sensirion's chips: big-endian, followed by its CRC-8."""
    data = value.to_bytes(2, "big")
    return data + bytes([crc8(data)])


def agreed(first: bytes, second: bytes) -> bytes:
    """Return what two reads of the same registers agree on: all the proof that a chip without a checksum allows.

    Raises:
        ChecksumError: they differ, so at least one arrived damaged.
    """
    if first != second:
        raise ChecksumError(f"two reads differ: {first.hex(' ')} and {second.hex(' ')}; shorten or shield the cable")
    return first
