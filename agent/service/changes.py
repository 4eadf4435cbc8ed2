"""Whether the present differs from what subscribers have, by more than the noise of the sensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.messages.payloads import Sensed

ALMOST = 1.0 - 1e-6  # a difference of a step, as binary fractions show it


class LastState:
    """The document `state` that was sent last."""

    def __init__(self) -> None:
        self._sensors: Mapping[str, Mapping[str, Any]] | None = None

    def sent(self, document: Mapping[str, Any]) -> None:
        """Remember what subscribers have from now on."""
        self._sensors = document["sensors"]

    def differs(self, document: Mapping[str, Any], sensors: Iterable[Sensed]) -> bool:
        """Return whether a status changed since then, or a value by at least the step of its quantity."""
        before, now = self._sensors, document["sensors"]
        if before is None or before.keys() != now.keys():
            return True
        return any(_differs(before[one.id], now[one.id], one) for one in sensors)


def _differs(before: Mapping[str, Any], now: Mapping[str, Any], sensor: Sensed) -> bool:
    if before["status"] != now["status"]:
        return True
    for quantity in sensor.quantities:
        old, new = before.get(quantity.name), now.get(quantity.name)
        if old is None or new is None:
            if old is not new:
                return True
        elif old != new and abs(new - old) >= quantity.step * ALMOST:
            return True
    return False
