"""Time, looked up in `time` when it is needed: a test that replaces `time.sleep` or `time.monotonic` is obeyed."""

from __future__ import annotations

import time


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def now() -> float:
    """Return seconds, monotonic."""
    return time.monotonic()
