"""Whether `state` and `health`, as subscribers have them, are out of date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.messages.payloads import Sensed
from agent.model import Present

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
    """The present of every sensor as it was sent last."""

    def __init__(self) -> None:
        self._sent: Sequence[tuple[str, Present]] | None = None

    def sent(self, sensors: Iterable[Sensed]) -> None:
        """Remember what subscribers have from now on."""
        self._sent = [(one.id, one.present) for one in sensors]

    def differs(self, sensors: Sequence[Sensed]) -> bool:
        """Return whether a status changed since then, or a value by at least the step of its quantity."""
        if self._sent is None or len(self._sent) != len(sensors):
            return True
        for one, (name, before) in zip(sensors, self._sent, strict=True):
            now = one.present
            if now is not before and (name != one.id or _differs(before, now, one)):
                return True
        return False


def _differs(before: Present, now: Present, sensor: Sensed) -> bool:
    if before.status != now.status:
        return True
    quantities = sensor.quantities
    if len(before.readings) == len(now.readings) == len(quantities):
        # As nearly always, each quantity has its reading, and in the same order.
        for quantity, one, other in zip(quantities, before.readings, now.readings, strict=True):
            if not one.quantity == other.quantity == quantity.name:
                break
            if one.value != other.value and abs(other.value - one.value) >= quantity.step * ALMOST:
                return True
        else:
            return False
    was, values = ({one.quantity: one.value for one in present.readings} for present in (before, now))
    for quantity in quantities:
        old, new = was.get(quantity.name), values.get(quantity.name)
        if old is None or new is None:
            if old is not new:
                return True
        elif old != new and abs(new - old) >= quantity.step * ALMOST:
            return True
    return False
