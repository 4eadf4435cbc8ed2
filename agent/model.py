"""What a round yields: readings, faults, and the batch that holds both. Values only, no JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Reading(NamedTuple):
    """One usable number. (A frozen dataclass takes four times as long to make, and this is made most often.)

    Attributes:
        value: finite, in `unit`.
        status: "ok", "stale" (with `age`), "suspect" (with `reason`) or "substituted" (with `source`).
        age: seconds since it was measured.
        source: the sensor that it really comes from.
    """

    sensor: str
    quantity: str
    value: float
    unit: str = ""
    status: str = "ok"
    age: float | None = None
    reason: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a sensor has no fresh reading of its own.

    Attributes:
        error: the class of the error. message: who, where, and what cures it.
        attempts: made in this round; 0 when the breaker refused.
        breaker: state of the sensor's breaker. retry_after: seconds until it probes; None when closed.
        since: when this outage began, in seconds of the agent's clock.
    """

    sensor: str
    error: str
    message: str
    attempts: int
    breaker: str
    retry_after: float | None
    since: float


class Present(NamedTuple):
    """What is known of one sensor now.

    Attributes:
        status: "unknown" before its first turn, then that of its readings, or "unavailable" without any.
        readings: the usable ones of its last round, with an edge since then.
        measured: when it was read, in seconds of the agent's clock. last_ok: when it last had a good value.
        since: when the present outage began; None while there is none. error, message: its cause.
    """

    status: str = "unknown"
    readings: tuple[Reading, ...] = ()
    measured: float | None = None
    last_ok: float | None = None
    since: float | None = None
    error: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one round, one edge or one request yields.

    Attributes:
        taken: when it was complete, in seconds of the agent's clock.
        trigger: "interval", "event" or "request".
        interval: seconds between two such rounds; None for an event or a request.
        sensors: ids of all sensors that were due.
    """

    taken: float
    trigger: str
    interval: float | None
    sensors: tuple[str, ...]
    readings: tuple[Reading, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def unavailable(self) -> tuple[str, ...]:
        """The due sensors without any usable reading, in their order."""
        usable = {reading.sensor for reading in self.readings}
        return tuple(sensor for sensor in self.sensors if sensor not in usable)

    @property
    def degraded(self) -> bool:
        """Whether anything is missing or anything is not `ok`."""
        return bool(self.unavailable) or any(reading.status != "ok" for reading in self.readings)
