"""Tells the log of each fault that a simulated run plays, when it begins and when it is over."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

from .scenario import Scenario, ScenarioFault

log = logging.getLogger("limpet.simulation")


class FaultLog:
    """Follows a scenario on a running loop.

    Args:
        elapsed: seconds since the scenario began.
    """

    def __init__(self, scenario: Scenario, elapsed: Callable[[], float], loop: Any) -> None:
        self._elapsed, self._loop = elapsed, loop
        for one in scenario.faults:
            self._follow(one, one.times(math.inf))

    def _follow(self, one: ScenarioFault, times: Iterator[tuple[float, float]]) -> None:
        if (moment := next(times, None)) is not None:
            self._loop.call_later(max(0.0, moment[0] - self._elapsed()), self._begins, one, *moment, times)

    def _begins(self, one: ScenarioFault, at: float, ends: float, times: Iterator[tuple[float, float]]) -> None:
        lasts = {} if math.isinf(ends) else {"for": ends - at}
        log.warning("simulated fault begins", extra=_named(one) | lasts)
        if not math.isinf(ends):
            self._loop.call_later(max(0.0, ends - self._elapsed()), self._ends, one)
        self._follow(one, times)

    def _ends(self, one: ScenarioFault) -> None:
        log.info("simulated fault is over", extra=_named(one))


def _named(one: ScenarioFault) -> dict[str, Any]:
    target, value = one.target
    return {"kind": one.kind, target: value}
