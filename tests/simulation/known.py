"""What is known of each sensor: what its fake feels, which faults are scheduled, and what was told of it last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.config import SensorConfig
from agent.simulation.scenario import Curve
from drivers.catalog import find
from drivers.chip import Quantity


@dataclass(frozen=True, slots=True)
class ScheduledFault:
    """A fault of a chip, or of a whole bus; on the loop's clock."""

    kind: str
    bus: str
    address: int | None
    begins: float
    ends: float

    def touches(self, since: float, until: float) -> bool:
        """Return whether it was there at any moment in between."""
        return self.begins <= until and since < self.ends

    def spans(self, since: float, until: float) -> bool:
        """Return whether it was there all the time."""
        return self.begins <= since and until < self.ends


Span = tuple[float, float]  # the moments between which something was, as far as a subscriber can know


@dataclass(slots=True)
class Known:
    """One sensor as a subscriber has known it since the run began; moments on the loop's clock.

    Attributes:
        curves: what its fake feels: (since when, quantity -> curve).
        began: when the machine began, from which the curves count.
        good: quantity -> its last value that was ok, and when it was measured.
        shown: what was told last. sound: that of it which was ok. measured: quantity -> when, of all that was told.
        failures, breaker, openings, until: a model of its breaker.
    """

    spec: SensorConfig
    curves: list[tuple[float, Mapping[str, Curve]]]
    began: float
    good: dict[str, tuple[float, Span]] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)
    sound: set[str] = field(default_factory=set)
    measured: dict[str, Span] = field(default_factory=dict)
    status: str = "unknown"
    error: str = ""
    shown_at: Span | None = None
    since: float | None = None
    last_ok: Span | None = None
    failures: int = 0
    breaker: str = "closed"
    openings: int = 0
    until: float = 0.0

    @property
    def bus(self) -> str:
        """The name of its bus."""
        return f"i2c-{self.spec.bus}" if self.spec.address else "gpio"

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What its driver measures."""
        return find(self.spec.driver).quantities

    def feels(self, quantity: str, at: float) -> float:
        """Return what the agent has to publish for what the fake felt at this moment."""
        curves = next(curves for since, curves in reversed(self.curves) if since <= at)
        scale, offset = self.spec.calibrate.get(quantity, (1.0, 0.0))
        return scale * curves[quantity].at(at - self.began) + offset

    def felt(self, quantity: Quantity, value: float, since: float, until: float) -> bool:
        """Return whether the fake felt this value, within the chip's step, at any moment in between."""
        scale, _ = self.spec.calibrate.get(quantity.name, (1.0, 0.0))
        step = quantity.step * max(1.0, abs(scale)) + 1e-6
        moments = [since + 0.1 * number for number in range(int((until - since) / 0.1) + 1)]
        return any(abs(value - self.feels(quantity.name, at)) <= step for at in (until, *moments))

    def learn(
        self,
        readings: Mapping[str, Any],
        fault: Mapping[str, Any] | None,
        measured: Mapping[str, Span],
        since: float | None,
        until: float,
    ) -> None:
        """Take what was told as known, with the moments of its measurement and since when it is missing."""
        self.shown, self.measured = {name: reading["value"] for name, reading in readings.items()}, dict(measured)
        self.shown_at = max(measured.values(), default=self.shown_at)
        self.sound = {name for name, reading in readings.items() if reading["status"] == "ok"}
        statuses = {reading["status"] for reading in readings.values()} or {"unavailable"}
        self.status = statuses.pop() if len(statuses) == 1 else "suspect"
        if readings and len(readings) < len(self.quantities):
            self.status = "partial"
        for name in self.sound:
            self.good[name] = (self.shown[name], measured[name])
            self.last_ok = measured[name]
        self.since = since
        if fault is None:
            self.error, self.failures, self.openings, self.breaker = "", 0, 0, "closed"
            return
        counted = fault["attempts"] > 0 and fault["error"] != "TypeError"
        self.error, self.breaker, self.until = fault["error"], fault["breaker"], until + (fault["retryAfter"] or 0.0)
        self.failures += counted
        self.openings += counted and self.breaker == "open"
