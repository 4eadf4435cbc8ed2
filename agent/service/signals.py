"""Signals that end the process or reload it, at any moment: also while no loop runs, or while one closes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

ENDINGS = (signal.SIGINT, signal.SIGTERM)
LAST_MOMENT = 1.9  # seconds after the first signal


def end_at_once() -> None:
    """Exit at SIGINT and SIGTERM without cleaning up: no agent runs yet, or none any longer."""
    for number in ENDINGS:
        signal.signal(number, lambda *_: os._exit(0))


def when_told_to_end(stop: Callable[[], object]) -> None:
    """Call `stop` on the running loop at each SIGINT and SIGTERM, also while the loop closes.

    If stopping hangs, for example because a pipe that takes the log is full, the process exits after `LAST_MOMENT`.
    """
    loop = asyncio.get_running_loop()

    def told(*_: object) -> None:
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
            signal.setitimer(signal.ITIMER_REAL, LAST_MOMENT)
        # RuntimeError: the loop is closed, we are ending already.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop)

    # Not with the loop's own handlers, which are removed before the process has ended.
    for number in ENDINGS:
        signal.signal(number, told)


class Hangups:
    """Takes SIGHUP as a request to reload. One that comes between two loops is kept for the next."""

    def __init__(self) -> None:
        self._pending = False
        self._wake: Callable[[], object] | None = None
        signal.signal(signal.SIGHUP, self._came)

    def listen(self, wake: Callable[[], object]) -> None:
        """Call `wake` on the running loop at each signal, and for an earlier one that was kept; until `ignore`."""
        loop = asyncio.get_running_loop()
        self._wake = lambda: loop.call_soon_threadsafe(wake)
        if self._pending:
            self._came()

    def ignore(self) -> None:
        """Keep further signals for the next `listen`."""
        self._wake = None

    def _came(self, *_: object) -> None:
        self._pending = self._wake is None
        if self._wake is not None:
            self._wake()
