"""The metrics of sensors: values, their status, and how reading them went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from .exposition import Family, Labels, Sample, seconds

Document = Mapping[str, Any]


class Reads(Protocol):
    """What was counted of one sensor's reads.

    Attributes:
        attempts: those of retries included. errors: by class.
        seconds: of the successful attempts together.
    """

    attempts: int
    errors: Counter[str]
    seconds: float

    def durations(self) -> Sequence[tuple[float, int]]: ...


def mark(info: Document) -> Labels:
    """Return the label of simulated values; measured ones have none."""
    return {"simulated": "true"} if info.get("simulated") else {}


def families(health: Document, state: Document, info: Document, reads: Mapping[str, Reads]) -> Iterator[Family]:
    """Yield all metrics of sensors."""
    yield from _of_values(state["sensors"], info)
    available = [Sample({"sensor": name}, found["status"] != "unavailable") for name, found in state["sensors"].items()]
    yield Family("sensor_available", "gauge", "1 if the sensor has a usable value.", available)
    status = [Sample({"sensor": name, "status": found["status"]}, 1) for name, found in state["sensors"].items()]
    yield Family("sensor_status", "gauge", "1 for the present status of the sensor.", status)
    last = [Sample({"sensor": name}, seconds(found["lastOk"])) for name, found in health["sensors"].items()]
    yield Family("sensor_last_ok_timestamp_seconds", "gauge", "When the sensor was last read well.", last)
    yield from _of_reads(reads)


def _of_values(present: Mapping[str, Document], info: Document) -> Iterator[Family]:
    values, there = [], []
    for sensor in info["sensors"]:
        for quantity in sensor["quantities"]:
            labels = {"sensor": sensor["id"], "quantity": quantity["name"]}
            value = present[sensor["id"]].get(quantity["name"])
            values.append(Sample({**labels, "unit": quantity["unit"], **mark(info)}, value))
            there.append(Sample(labels, value is not None))
    yield Family("value", "gauge", "What was measured last; absent while there is none.", values)
    yield Family("quantity_available", "gauge", "1 if this part of the sensor has a value.", there)


def _of_reads(reads: Mapping[str, Reads]) -> Iterator[Family]:
    attempts = [Sample({"sensor": name}, one.attempts) for name, one in reads.items()]
    yield Family("read_attempts_total", "counter", "Attempts to read the sensor, retries included.", attempts)
    errors = [
        Sample({"sensor": name, "error": error}, count)
        for name, one in reads.items()
        for error, count in sorted(one.errors.items())
    ]
    yield Family("read_errors_total", "counter", "Attempts that failed, by the class of the error.", errors)
    meaning = "How long successful attempts took, waits for the chip included."
    yield Family("read_duration_seconds", "histogram", meaning, list(_histogram(reads)))


def _histogram(reads: Mapping[str, Reads]) -> Iterator[Sample]:
    for name, one in reads.items():
        durations = one.durations()
        for bound, count in durations:
            le = "+Inf" if bound == float("inf") else f"{bound:g}"
            yield Sample({"sensor": name, "le": le}, count, "_bucket")
        yield Sample({"sensor": name}, one.seconds, "_sum")
        yield Sample({"sensor": name}, durations[-1][1], "_count")
