"""The values that a round produces: readings, faults, and the batch that holds both. No JSON here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NamedTuple

BEYOND_RANGE = "BeyondRange"


class Window(NamedTuple):
    """The samples behind a reading: the least and the greatest, how many there were, and how many are missing."""

    least: float
    greatest: float
    samples: int
    missed: int


class Reading(NamedTuple):
    """One usable number. A named tuple, because a frozen dataclass takes four times as long to create.

    Attributes:
        value: finite, in `unit`.
        status: "ok", "stale" (with `age`), "suspect" (with `reason`) or "substituted" (with `source`).
        age: seconds from its measurement to the moment for which its round was due.
        source: the sensor that was measured instead.
        window: the samples of which `value` is the mean, or the last; None for a single measurement.
        measured: when it was measured, in seconds of the agent's clock; None: when its batch was due.
    """

    sensor: str
    quantity: str
    value: float
    unit: str = ""
    status: str = "ok"
    age: float | None = None
    reason: str | None = None
    source: str | None = None
    window: Window | None = None
    measured: float | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a sensor, or one quantity of it, has no fresh reading of its own.

    Attributes:
        error: the class of the error. message: who, where, and what cures it.
        attempts: made in this round; 0 when the breaker refused.
        breaker: state of the sensor's breaker. retry_after: seconds until it probes; None when closed.
        since: when this outage began, in seconds of the agent's clock.
        quantity: the one that is missing while the sensor answers; None: all are missing.
    """

    sensor: str
    error: str
    message: str
    attempts: int
    breaker: str
    retry_after: float | None
    since: float
    quantity: str | None = None

    @property
    def harmless(self) -> bool:
        """Whether the device works and only the value lies beyond its range."""
        return self.error == BEYOND_RANGE and self.quantity is not None


class Present(NamedTuple):
    """The current state of one sensor.

    Attributes:
        status: "unknown" before its first round; "unavailable": no quantity has a value; "beyond_range": none has, but
            some are known to lie beyond the device's range; "partial": some have none; else the most doubtful status of
            its readings.
        degraded: whether anything is missing or doubtful. A value beyond the range is neither.
        readings: those of its last round, updated by edges since then.
        lacking: quantities without a reading that a fallback may still fill.
        measured: when the newest reading was measured, in seconds of the agent's clock.
        last_ok: when the last good value was measured.
        since: when the present outage began; None while there is none. error, message: its cause.
    """

    status: str = "unknown"
    degraded: bool = False
    readings: tuple[Reading, ...] = ()
    lacking: tuple[str, ...] = ()
    measured: float | None = None
    last_ok: float | None = None
    since: float | None = None
    error: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of one round, one edge or one request.

    Attributes:
        due: the moment for which the round was due, or when the edge happened, in seconds of the agent's clock.
        trigger: "interval", "event" or "request".
        interval: seconds between two such rounds; None for an event or a request.
        sensors: ids of all sensors that were due.
        unchanged: `sensor.quantity` of each good reading that is left out because it has hardly moved, sorted.
    """

    due: float
    trigger: str
    interval: float | None
    sensors: tuple[str, ...]
    readings: tuple[Reading, ...] = ()
    faults: tuple[Fault, ...] = ()
    unchanged: tuple[str, ...] = ()

    @property
    def unavailable(self) -> tuple[str, ...]:
        """The ids of due sensors that have neither a reading nor a harmless fault, in their order."""
        told = {reading.sensor for reading in self.readings} | {fault.sensor for fault in self.faults if fault.harmless}
        if self.unchanged:
            told |= {name.partition(".")[0] for name in self.unchanged}
        return tuple(sensor for sensor in self.sensors if sensor not in told)

    @property
    def degraded(self) -> bool:
        """Whether a sensor or a part of one is missing, or anything is not `ok`."""
        return (
            any(not fault.harmless for fault in self.faults)
            or any(reading.status != "ok" for reading in self.readings)
            or bool(self.unavailable)
        )

    def of(self, sensors: Collection[str]) -> Batch:
        """Return what it says of these sensors."""
        return replace(
            self,
            sensors=tuple(name for name in self.sensors if name in sensors),
            readings=tuple(one for one in self.readings if one.sensor in sensors),
            faults=tuple(one for one in self.faults if one.sensor in sensors),
            unchanged=tuple(name for name in self.unchanged if name.partition(".")[0] in sensors),
        )
