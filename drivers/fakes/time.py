"""Virtual time for fakes: instead of waiting, the clock is moved."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

_now: Callable[[], float] | None = None


def simulate(now: Callable[[], float] | None) -> None:
    """Let fakes that are not handed a clock live by this one from now on; None: by the machine's again."""
    global _now  # noqa: PLW0603
    _now = now


def now() -> float:
    """Return seconds, monotonic; looked up when it is called, so that a test may replace `time.monotonic`."""
    return time.monotonic() if _now is None else _now()


class FakeTime:
    """A clock that stands still until it is moved by `sleep`. Call it for the time."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self.now += seconds

    def run(self, waiting: Generator[float, None, Any]) -> Any:
        """Run a generator of waits to its end, letting its seconds pass at once; return its value."""
        while True:
            try:
                self.sleep(next(waiting))
            except StopIteration as done:
                return done.value
