"""What is known of a sensor's past: its last good values, its last edge, and for how long nothing has moved."""

from __future__ import annotations

from agent.model import Present, Reading
from drivers.chip import Values

from .turn import Outcome

# Noisy values that are the same to the last digit, this often and for this long, are not believed.
FLAT_READINGS, FLAT_SECONDS = 60, 3600.0


class History:
    """One sensor's past. Used on the loop only.

    Attributes:
        present: the latest that is known, as published.
        last: the last successful turn.
        carried: a success that came after its round had left; it counts in the next one.
    """

    def __init__(self) -> None:
        self.present = Present()
        self.last: Outcome | None = None
        self.carried: Outcome | None = None
        self._good: dict[str, tuple[float, float]] = {}  # quantity -> value, when it was measured
        self._edge: tuple[str, float, float] | None = None  # quantity, value, when it was seen
        self._same: Values = {}
        self._same_count, self._same_since = 0, 0.0

    def edge(self, quantity: str, value: float, at: float) -> None:
        """Keep a value that came by itself."""
        self._edge = quantity, value, at
        self._good[quantity] = value, at

    def newest(self, values: Values, at: float) -> Values:
        """Return values that were read at `at`, with that of an edge since then in its place."""
        if self._edge is None or self._edge[2] < at:
            return values
        quantity, value, _ = self._edge
        return {**values, quantity: value}

    def good(self, quantity: str, value: float, at: float) -> None:
        """Keep a good value."""
        self._good[quantity] = value, at

    def stale(self, sensor: str, units: dict[str, str], max_age: float, now: float) -> list[Reading]:
        """Return the last good values that are not older than `max_age`."""
        return [
            Reading(sensor, name, value, units.get(name, ""), "stale", age=now - at)
            for name, (value, at) in self._good.items()
            if now - at <= max_age
        ]

    def flat(self, values: Values, now: float) -> str | None:
        """Take the values of a round; return a reason where they have stood still for too long to be true."""
        if values != self._same:
            self._same, self._same_count, self._same_since = values, 0, now
        self._same_count += 1
        still = now - self._same_since
        if self._same_count < FLAT_READINGS or still < FLAT_SECONDS:
            return None
        return f"no digit has changed in {still / 60:.0f} minutes"
