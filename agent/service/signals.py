"""How a process is told to end or to reload, at any moment: also while no loop runs, and while one closes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

ENDINGS = (signal.SIGINT, signal.SIGTERM)
LAST_MOMENT = 1.9  # seconds after which the process ends, whatever holds it up


def end_at_once() -> None:
    """End the process without further ado at SIGINT and SIGTERM: nothing runs yet, or nothing runs any more."""
    for number in ENDINGS:
        signal.signal(number, lambda *_: os._exit(0))


def when_told_to_end(stop: Callable[[], object]) -> None:
    """Call `stop` on the running loop at SIGINT and SIGTERM, however often; also while the loop closes.

    Should the end hang, on a full pipe behind the log for example, the process ends a moment later all the same.
    """
    loop = asyncio.get_running_loop()

    def told(*_: object) -> None:
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
            signal.setitimer(signal.ITIMER_REAL, LAST_MOMENT)
        # RuntimeError: the loop is closed, we are ending already.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop)

    # Not the loop's own handlers: they go back to the default before the process is at its end.
    for number in ENDINGS:
        signal.signal(number, told)


class Hangups:
    """SIGHUP as a wish to reload. One that comes between two loops is kept for the next."""

    def __init__(self) -> None:
        self._pending = False
        self._wake: Callable[[], object] | None = None
        signal.signal(signal.SIGHUP, self._came)

    def listen(self, wake: Callable[[], object]) -> None:
        """Call `wake` on the running loop at each signal, and for one that came before; until `ignore`."""
        loop = asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(wake)
        if self._pending:
            self._came()

    def ignore(self) -> None:
        """Keep what comes for the next `listen`."""
        self._wake = None

    def _came(self, *_: object) -> None:
        self._pending = self._wake is None
        if self._wake is not None:
            self._wake()
