"""Time as drivers see it: the machine's, looked up at each call, or a simulation's.

A test that replaces `time.sleep` or `time.monotonic` is obeyed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_now: Callable[[], float] | None = None
_later: Callable[[float, Callable[[], None]], object] | None = None


def simulate(
    now: Callable[[], float] | None, later: Callable[[float, Callable[[], None]], object] | None = None
) -> None:
    """Run on another time from now on; None: on the machine's again.

    Args:
        now: seconds, monotonic. later: calls a function after so many of them.
    """
    global _now, _later
    _now, _later = now, later


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def now() -> float:
    """Return seconds, monotonic."""
    return time.monotonic() if _now is None else _now()


def later(seconds: float, function: Callable[[], None]) -> object:
    """Call a function after so many seconds, in a thread of its own."""
    if _later is not None:
        return _later(seconds, function)
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()
    return timer
