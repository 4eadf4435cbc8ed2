"""Open pages: each has a connection that stays, and is sent what changes as server-sent events.

Source: WHATWG HTML, "Server-sent events". Pages have places of their own, so that they take none from health checks.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from .live import Live, Seen

MOST = 8
# Seconds in which a client has to read what it was sent.
READ_WITHIN = 30.0
# Linux has it; elsewhere the system's own limit holds, which may be many minutes.
TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)


class Streams:
    """The places of open pages. Used on the loop only."""

    def __init__(self) -> None:
        self._readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}

    def full(self) -> bool:
        """Return whether all places are taken by clients that are still there."""
        return sum(not reader.at_eof() for reader in self._readers.values()) >= MOST

    async def run(
        self,
        live: Live,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        framed: Callable[[bytes], bytes],
    ) -> None:
        """Send events until the client leaves.

        Args:
            framed: returns bytes as they go over the connection.

        Raises:
            TimeoutError: the client does not read. OSError: it is gone.
        """
        self._readers[writer] = reader
        live.opened()
        # No further event is made while an earlier one waits, so a slow client holds one at most.
        writer.transport.set_write_buffer_limits(high=0)
        if TCP_USER_TIMEOUT is not None:
            # A laptop that sleeps takes nothing and says nothing: what is sent to it must not wait in the kernel.
            link = writer.get_extra_info("socket")
            link.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, round(READ_WITHIN * 1000))
        seen = Seen()
        try:
            while not reader.at_eof():
                writer.write(framed(b"data: " + live.patch(seen).encode() + b"\n\n"))
                async with asyncio.timeout(READ_WITHIN):
                    await writer.drain()
                await live.change()
        finally:
            del self._readers[writer]
