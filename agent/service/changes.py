"""Whether `state` and `health`, as subscribers have them, are out of date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.messages.payloads import Sensed

from .status import Status

CLOCK_STEP = 1.0  # seconds
# Binary fractions make a difference of exactly one step slightly smaller.
ALMOST = 1.0 - 1e-6


class Alarms:
    """The part of `health` that is reported at once and has no event of its own: degraded, storage, clock."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._alarms, self._offset = status.alarms(), status.clock_offset()

    @property
    def synced(self) -> bool:
        """Whether the wall clock could be trusted at the last call of `changed`."""
        return self._alarms.synced

    def changed(self) -> bool:
        """Return whether any of it changed since the last call."""
        before, self._alarms = self._alarms, self._status.alarms()
        offset = self._status.clock_offset()
        # Time synchronisation moves a correct clock by milliseconds only.
        stepped = abs(offset - self._offset) >= CLOCK_STEP
        if stepped:
            self._offset = offset
        return stepped or self._alarms != before


class LastState:
    """The document `state` that was sent last."""

    def __init__(self) -> None:
        self._sensors: Mapping[str, Mapping[str, Any]] | None = None

    def sent(self, document: Mapping[str, Any]) -> None:
        """Remember the document that subscribers have from now on."""
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
