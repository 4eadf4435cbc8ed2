"""Notifications to systemd: ready, making progress, reloading, stopping. Without systemd they do nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping


class Supervisor:
    """Speaks sd_notify(3) over the datagram socket in $NOTIFY_SOCKET.

    Attributes:
        watchdog: seconds after which systemd restarts a silent service; None: it does not.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        microseconds = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog = int(microseconds) / 1e6 if microseconds.isdigit() and mine else None

    def tell(self, *lines: str) -> None:
        """Send a state such as `READY=1`. Never fails: the agent runs on if the supervisor does not listen."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.setblocking(False)
            wire.sendto("\n".join(lines).encode(), address)

    async def feed(self, alive: Callable[[], bool]) -> None:
        """Feed the watchdog three times in its period, while `alive()` returns true."""
        while self.watchdog:
            if alive():
                self.tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 3)
