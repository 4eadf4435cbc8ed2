"""Values of a circuit breaker: its states, its refusal, its events, and the mark of a running probe."""

import enum
from contextvars import ContextVar
from typing import NamedTuple


class CircuitState(enum.StrEnum):
    """Which calls pass: all, none, or one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class CircuitOpenError(Exception):
    """The breaker `name` refused a call; it refuses any other for `retry_after` seconds."""

    def __init__(self, name: str, retry_after: float) -> None:
        # BaseException.__new__ has stored both in `args` already, and refusals have to stay cheap.
        self.name = name
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"circuit {self.name!r} is open, retry in {self.retry_after:.1f} s"


class BreakerEvent(NamedTuple):
    """One transition. `open_for` is the length of the open period in seconds, 0.0 unless `new` is OPEN."""

    name: str
    old: CircuitState
    new: CircuitState
    reason: str
    open_for: float


# Holds a list that is not empty while a probe runs in this context. The breaker empties the list afterwards, so that
# a task which the probe started, and which inherited the context, may retry again.
_probe: ContextVar[list[bool] | None] = ContextVar("probe", default=None)


def probing() -> bool:
    """Return whether the caller runs inside a breaker's probe, which is a single attempt."""
    return bool(_probe.get())


def begin_probe() -> list[bool] | None:
    """Mark this context as probing until the list returned is cleared; None: an outer probe has marked it already."""
    if probing():
        return None
    mark = [True]
    _probe.set(mark)
    return mark
