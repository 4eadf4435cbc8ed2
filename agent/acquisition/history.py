"""What is known of a sensor's past: its last good values, its last edge, and for how long nothing has moved."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from agent.model import Fault, Present, Reading

from .turn import Outcome

# Noisy values that are the same to the last digit, this often and for this long, are not believed.
FLAT_READINGS, FLAT_SECONDS = 60, 3600.0
DOUBTFUL = ("stale", "substituted", "suspect")  # what a sensor is as a whole if one of its readings is


class SensorHistory:
    """One sensor's past. Used on the loop only.

    Attributes:
        present: the latest that is known, as published.
        last: the last turn that brought values.
        carried: values that came after their round had left; they count in the next one.
        silent: since when nothing could be read, as the log says; None while it is well.
        missing: quantity -> the fault that says since when it is missing although the sensor answers.
    """

    def __init__(self) -> None:
        self.present = Present()
        self.last: Outcome | None = None
        self.carried: Outcome | None = None
        self.silent: float | None = None
        self.missing: dict[str, Fault] = {}
        self._good: dict[str, tuple[float, float]] = {}  # quantity -> value, when it was measured
        self._edge = "", 0.0, -math.inf  # quantity, value, when it was seen
        self._same: Mapping[str, float] = {}
        self._same_count, self._same_since = 0, 0.0

    @property
    def last_at(self) -> float:
        """When the sensor last brought values; before all time if it never did."""
        return -math.inf if self.last is None else self.last.at

    def tell(
        self,
        readings: Sequence[Reading],
        lacking: Sequence[str],
        *,
        measured: float | None,
        cause: Fault | None = None,
    ) -> None:
        """Make this the present.

        Args:
            lacking: quantities without a reading that a fallback may still fill.
            cause: the fault that says why something is missing.
        """
        beyond = bool(self.missing) and any(fault.harmless for fault in self.missing.values())
        doubts = [one.status for one in readings if one.status != "ok"]
        if not readings:
            status = "unavailable" if not beyond else "partial" if lacking else "beyond_range"
        elif lacking or beyond:
            status = "partial"
        else:
            status = next((one for one in DOUBTFUL if one in doubts), "ok")
        degraded = bool(lacking or doubts) or status == "unavailable"
        last_ok = max([at for _, at in self._good.values()], default=None)
        why = (None, "", "") if cause is None else (cause.since, cause.error, cause.message)
        self.present = Present(status, degraded, tuple(readings), tuple(lacking), measured, last_ok, *why)

    def edge(self, quantity: str, value: float, at: float) -> None:
        """Keep a value that came by itself."""
        self._edge = quantity, value, at
        self._good[quantity] = value, at

    def edge_since(self, at: float) -> tuple[str, float, float] | None:
        """Return quantity, value and moment of the last edge, if it was seen at `at` or later."""
        return self._edge if self._edge[2] >= at else None

    def good(self, quantity: str, value: float, at: float) -> None:
        """Keep a good value."""
        self._good[quantity] = value, at

    def stale(
        self, sensor: str, quantities: Collection[str], units: Mapping[str, str], max_age: float, due: float
    ) -> list[Reading]:
        """Return the last good values of these quantities that are not older than `max_age` at `due`."""
        return [
            Reading(sensor, name, value, units.get(name, ""), "stale", age=max(0.0, due - at), measured=at)
            for name, (value, at) in self._good.items()
            if name in quantities and due - at <= max_age
        ]

    def flat(self, values: Mapping[str, float], at: float) -> str | None:
        """Take the noisy values of a turn; return a reason where they have stood still for too long to be true."""
        if values != self._same:
            self._same, self._same_count, self._same_since = values, 0, at
        self._same_count += 1
        still = at - self._same_since
        if self._same_count < FLAT_READINGS or still < FLAT_SECONDS:
            return None
        return f"no digit has changed in {still / 60:.0f} minutes"
