"""Time as drivers see it: the machine's, or a simulation's.

`time.sleep` and `time.monotonic` are looked up at each call, so that tests may replace them.
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
    """Use a simulated time from now on; None: the machine's again.

    Args:
        now: returns seconds, monotonic.
        later: calls a function after a number of seconds.
    """
    global _now, _later
    _now, _later = now, later


def sleep(seconds: float) -> None:
    """Wait for a number of seconds."""
    time.sleep(seconds)


def now() -> float:
    """Return seconds, monotonic."""
    return time.monotonic() if _now is None else _now()


def later(seconds: float, function: Callable[[], None]) -> object:
    """Call a function after a number of seconds, in a thread of its own."""
    if _later is not None:
        return _later(seconds, function)
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()
    return timer
