"""Several batches in one message, for lean links: JSON lines, compressed with zlib (RFC 1950)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

CONTENT_TYPE = "application/x-ndjson+zlib"
# The most that a subscriber accepts from one block: a few malicious bytes can expand to gigabytes.
MOST_BYTES = 16 * 1024 * 1024
ZLIB = 0x78


def block(bodies: Iterable[bytes]) -> bytes:
    """Return encoded batches as one payload."""
    return zlib.compress(b"\n".join(bodies), 9)


def lines(payload: bytes) -> list[bytes]:
    """Return the encoded batches in a message on `batch` or `backfill`, which is a block or a single batch.

    MQTT 3.1.1 has no content type, so the first byte decides: JSON begins with a brace, zlib with 0x78.

    Raises:
        ValueError: the payload begins like a block, but is damaged or too large.
    """
    if payload[:1] != bytes([ZLIB]):
        return [payload]
    expanding = zlib.decompressobj()
    try:
        text = expanding.decompress(payload, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"no block: {error}") from error
    if expanding.unconsumed_tail or not expanding.eof:
        raise ValueError("a block that is cut off or too large")
    # Others may end the last line, too.
    return text.removesuffix(b"\n").split(b"\n")
