"""Reason codes in the broker's packets, read without a table of those that the standard allows in each.

Source: MQTT 5.0 §3.2 (CONNACK), §3.4 (PUBACK), §3.9 (SUBACK), §3.11 (UNSUBACK), §3.14 (DISCONNECT); MQTT 3.1.1 §3.2.
"""

from __future__ import annotations

from . import FAILURE, NO_SUBSCRIBERS

CONNACK, PUBACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT, AUTH = 2, 4, 9, 11, 13, 14, 15

# Codes below FAILURE that mean success. Any other number, listed or not, is a refusal.
GRANTED = frozenset((0, 1, 2))
DELETED = frozenset((0, 0x11))
DELIVERED = frozenset((0, NO_SUBSCRIBERS))
# Return codes of a 3.1.1 CONNACK as MQTT 5 spells them. Old brokers answer a MQTT 5 CONNECT with them, too.
BEFORE_5 = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}


def connack_code(body: bytes | bytearray) -> int:
    """Return 0, or the MQTT 5 reason code of a refusal.

    Raises:
        IndexError: the packet is too short.
    """
    return BEFORE_5.get(body[1], body[1])


def puback_code(body: bytes | bytearray) -> int:
    """Return the reason code; a packet that ends before it means success."""
    return _known(body[2], DELIVERED) if len(body) > 2 else 0


def disconnect_code(body: bytes | bytearray) -> int:
    """Return the reason code; a packet that ends before it means a normal end."""
    return body[0] if body else 0


def subscription_codes(kind: int, body: bytes | bytearray, *, five: bool) -> tuple[int, list[int]]:
    """Return the packet identifier of a SUBACK or UNSUBACK and one code for each filter.

    An UNSUBACK before MQTT 5 has no codes.

    Raises:
        IndexError: the packet is too short.
    """
    identifier = body[0] << 8 | body[1]
    start = 2
    if five:
        length, start = _varint(body, 2)
        start += length
    success = GRANTED if kind == SUBACK else DELETED
    return identifier, [_known(code, success) for code in body[start:]]


def _known(code: int, success: frozenset[int]) -> int:
    return code if code in success or code >= FAILURE else FAILURE


def _varint(body: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return a variable byte integer (MQTT 5.0 §1.5.5) and where it ends."""
    value = shift = 0
    while (byte := body[at]) & 0x80 and shift < 21:
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
    return value | byte << shift, at + 1
