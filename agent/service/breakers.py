"""Changes of breakers: when each came into its state, and a log line for each change that lasts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from agent.resilience import BreakerEvent, CircuitState

log = logging.getLogger("limpet")


class BreakerLog:
    """Listens to all breakers of a run.

    Args:
        clock: seconds, monotonic.
        changed: called on the loop after each change.
    """

    def __init__(self, clock: Callable[[], float], changed: Callable[[], object]) -> None:
        self._clock, self._changed = clock, changed
        self._loop = asyncio.get_running_loop()
        self._since: dict[str, float] = {}

    def since(self, name: str) -> float | None:
        """Return when a breaker came into its state, in seconds of the clock; None if it never changed."""
        return self._since.get(name)

    def note(self, event: BreakerEvent) -> None:
        """Note and log a change. May be called from the thread of a bus."""
        self._since[event.name] = self._clock()
        # A probe that fails leads back to open, so half-open is logged only on the way to closed.
        if CircuitState.HALF_OPEN not in (event.old, event.new) or event.new is CircuitState.CLOSED:
            facts: dict[str, object] = {"breaker": event.name, "state": event.new.value, "why": event.reason}
            lasted = {"open_for": round(event.open_for, 1)} if event.open_for else {}
            # The publisher logs changes of the connection itself.
            level = logging.DEBUG if event.name == "broker" else logging.INFO
            log.log(level, "breaker changed", extra=facts | lasted)
        # RuntimeError: the loop is closed, the run is over.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._changed)
