"""A sensor's past: its last good values, its last edge, and how long its values have not moved."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from agent.model import Fault, Present, Reading

from .calibration import QuantityCalibration
from .derived import DOUBTFUL
from .turn import Outcome

# A noisy quantity that repeats to the last digit this often and for this long is suspect: the chip may have stopped.
FLAT_READINGS, FLAT_SECONDS = 60, 3600.0
# Quantity, value, and the moment of an edge that never was.
NO_EDGE = "", 0.0, -math.inf


class SensorHistory:
    """One sensor's past. Used on the loop only.

    Attributes:
        present: the current state, as published.
        last: the last outcome with values.
        carried: an outcome that came after its round had left; it counts in the next one.
        silent: when the present silence began, as logged; None while the sensor answers.
        cause: error and message of that silence.
        missing: quantity -> its fault, for each that has no value while the sensor answers.
    """

    def __init__(self) -> None:
        self.present = Present()
        self.last: Outcome | None = None
        self.carried: Outcome | None = None
        self.silent: float | None = None
        self.cause = "", ""
        self.missing: dict[str, Fault] = {}
        # Quantity -> value, and the moment of its measurement.
        self._good: dict[str, tuple[float, float]] = {}
        # The newest of these moments.
        self._last_ok: float | None = None
        # The same of what was measured last, good or not, and why it was too fast; only where a rate is configured.
        self._latest: dict[str, tuple[float, float, str | None]] = {}
        # Quantity, value, and the moment at which the edge was seen.
        self._edge = NO_EDGE
        self._same: Mapping[str, float] = {}
        self._same_count, self._same_since = 0, 0.0

    @property
    def last_at(self) -> float:
        """When the sensor was last read successfully; minus infinity if it never was."""
        return -math.inf if self.last is None else self.last.at

    def tell(
        self,
        readings: Sequence[Reading],
        lacking: Sequence[str],
        *,
        measured: float | None,
        cause: Fault | None = None,
        missing: Collection[Fault] | None = None,
    ) -> None:
        """Set `present` from the readings of a round.

        Args:
            lacking: quantities without a reading that a fallback may still fill.
            measured: when the newest reading was measured.
            cause: the fault that says why something is missing.
            missing: the faults of single quantities; by default those of the last reading.
        """
        parts = self.missing.values() if missing is None else missing
        if readings and not (lacking or parts or cause):
            for one in readings:
                if one.status != "ok":
                    break
            else:
                self.present = Present("ok", False, tuple(readings), (), measured, self._last_ok)
                return
        beyond = bool(parts) and any(fault.harmless for fault in parts)
        doubts = [one.status for one in readings if one.status != "ok"]
        if not readings:
            status = "unavailable" if not beyond else "partial" if lacking else "beyond_range"
        elif lacking or beyond:
            status = "partial"
        else:
            # That of its most doubtful reading.
            status = next((one for one in DOUBTFUL if one in doubts), "ok")
        degraded = bool(lacking or doubts) or status == "unavailable"
        why = (None, "", "") if cause is None else (cause.since, cause.error, cause.message)
        self.present = Present(status, degraded, tuple(readings), tuple(lacking), measured, self._last_ok, *why)

    def edge(self, quantity: str, value: float, at: float) -> None:
        """Keep the value of an edge, as the line showed it."""
        self._edge = quantity, value, at

    def edge_since(self, at: float) -> tuple[str, float, float] | None:
        """Return quantity, value and moment of the last edge, if it was seen at `at` or later."""
        return self._edge if self._edge[2] >= at else None

    def good(self, quantity: str, value: float, at: float) -> None:
        """Keep a good value."""
        self._good[quantity] = value, at
        if self._last_ok is None or at > self._last_ok:
            self._last_ok = at

    def stale(
        self, sensor: str, quantities: Collection[str], units: Mapping[str, str], max_age: float, due: float
    ) -> list[Reading]:
        """Return the last good values of these quantities that are not older than `max_age` at `due`."""
        return [
            Reading(sensor, name, value, units.get(name, ""), "stale", age=max(0.0, due - at), measured=at)
            for name, (value, at) in self._good.items()
            if name in quantities and due - at <= max_age
        ]

    def too_fast(self, one: QuantityCalibration, value: float, at: float, shortest: float) -> str | None:
        """Take a value; return why it is suspect if it has moved faster than the configured rate allows.

        It is compared with the last good value and with the last one of all, and one that is near enough suffices: a
        peak is suspect and the return from it is not; a true step is suspect once.

        Args:
            shortest: seconds. Over a shorter time, noise alone moves faster.
        """
        assert one.rate is not None
        latest = self._latest.get(one.name)
        # A slow device shows one measurement in several rounds, and does not make it believable by that.
        if latest is not None and latest[:2] == (value, at):
            return latest[2]
        before = [known[:2] for known in (self._good.get(one.name), latest) if known is not None]
        speeds = [(abs(value - was) - one.slack) / max(at - since, shortest) for was, since in before]
        reason = None
        if speeds and min(speeds) > one.rate:
            unit = f"{one.unit or 1}/s"
            reason = f"moves by {min(speeds):.3g} {unit}, faster than {one.rate:g} {unit}"
        self._latest[one.name] = value, at, reason
        return reason

    def flat(self, values: Mapping[str, float], at: float) -> str | None:
        """Take the noisy values of a turn; return why they are suspect if they have not moved for too long."""
        if values != self._same:
            self._same, self._same_count, self._same_since = values, 0, at
        self._same_count += 1
        still = at - self._same_since
        if self._same_count < FLAT_READINGS or still < FLAT_SECONDS:
            return None
        return f"no digit has changed in {still / 60:.0f} minutes"
