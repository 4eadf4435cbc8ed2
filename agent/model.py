"""What a round yields: readings, faults, and the batch that holds both. Values only, no JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

BEYOND_RANGE = "BeyondRange"


class Reading(NamedTuple):
    """One usable number. (A frozen dataclass takes four times as long to make, and this is made most often.)

    Attributes:
        value: finite, in `unit`.
        status: "ok", "stale" (with `age`), "suspect" (with `reason`) or "substituted" (with `source`).
        age: seconds from its measurement to the moment for which its round was due.
        source: the sensor that it really comes from.
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
    measured: float | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a sensor, or one quantity of it, has no fresh reading of its own.

    Attributes:
        error: the class of the error. message: who, where, and what cures it.
        attempts: made in this round; 0 when the breaker refused.
        breaker: state of the sensor's breaker. retry_after: seconds until it probes; None when closed.
        since: when this outage began, in seconds of the agent's clock.
        quantity: the one that is missing while the sensor answers; None: all of them are.
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
        """Whether nothing is wrong: the value is beyond what the device can tell, and the device is well."""
        return self.error == BEYOND_RANGE and self.quantity is not None


class Present(NamedTuple):
    """What is known of one sensor now.

    Attributes:
        status: "unknown" before its first chance; "unavailable": nothing can be told; "beyond_range": nothing but that
            can be; "partial": some quantities have no value; else the most doubtful status of its readings.
        degraded: whether anything is missing or doubtful. Beyond its range is neither.
        readings: the usable ones of its last round, with an edge since then.
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
    """What one round, one edge or one request yields.

    Attributes:
        due: the moment for which the round was due, or when the edge happened, in seconds of the agent's clock.
        trigger: "interval", "event" or "request".
        interval: seconds between two such rounds; None for an event or a request.
        sensors: ids of all sensors that were due.
    """

    due: float
    trigger: str
    interval: float | None
    sensors: tuple[str, ...]
    readings: tuple[Reading, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def unavailable(self) -> tuple[str, ...]:
        """The due sensors of which nothing can be told, in their order."""
        told = {reading.sensor for reading in self.readings} | {fault.sensor for fault in self.faults if fault.harmless}
        return tuple(sensor for sensor in self.sensors if sensor not in told)

    @property
    def degraded(self) -> bool:
        """Whether a sensor or a part of one is missing, or anything is not `ok`."""
        return (
            any(not fault.harmless for fault in self.faults)
            or any(reading.status != "ok" for reading in self.readings)
            or bool(self.unavailable)
        )
