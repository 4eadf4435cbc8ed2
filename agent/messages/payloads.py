"""Batches and documents as JSON: the only file that writes camelCase."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from agent.clock import rfc3339
from agent.model import Batch, Fault, Present, Reading

# The value of `schema` in the documents.
SCHEMA = 1
# Seconds. A reading that was measured farther from its batch's moment carries a timestamp of its own.
APART = 0.5
# The keys below these are names that users chose; they are not converted to camelCase.
AS_THEY_ARE = ("breakers", "sensors", "buses")


class Named(Protocol):
    """What subscribers see of a quantity."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def step(self) -> float: ...
    @property
    def accuracy(self) -> float | None: ...


class Sensed(Protocol):
    """What subscribers see of a sensor."""

    id: str
    driver: str
    every: float

    @property
    def quantities(self) -> Sequence[Named]: ...
    @property
    def present(self) -> Present: ...


_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a JSON document as UTF-8.

    Raises:
        ValueError: a number is not finite.
    """
    return _dump(document).encode()


def simulated(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document marked as simulated: nothing in it was measured."""
    return {**document, "simulated": True}


def reading(one: Reading, due: float, stamp: Callable[[float], str]) -> dict[str, Any]:
    """Return a reading as it stands in a batch that was due at `due`; attributes that are None are left out."""
    entry: dict[str, Any] = {
        "sensorId": one.sensor,
        "quantity": one.quantity,
        "value": one.value,
        "unit": one.unit,
        "status": one.status,
    }
    if one.age is not None:
        entry["age"] = round(one.age, 3)
    if one.reason is not None:
        entry["reason"] = one.reason
    if one.source is not None:
        entry["source"] = one.source
    if one.measured is not None and not -APART <= one.measured - due <= APART:
        entry["timestamp"] = stamp(one.measured)
    if one.window is not None:
        least, greatest, samples, missed = one.window
        entry |= {"min": least, "max": greatest, "n": samples, "missed": missed}
    return entry


def fault(one: Fault, stamp: Callable[[float], str]) -> dict[str, Any]:
    """Return a fault as it stands in a batch."""
    part = {} if one.quantity is None else {"quantity": one.quantity}
    return {
        "sensorId": one.sensor,
        **part,
        "error": one.error,
        "message": one.message,
        "attempts": one.attempts,
        "breaker": one.breaker,
        "retryAfter": None if one.retry_after is None else round(one.retry_after, 3),
        "since": stamp(one.since),
    }


def batch(
    one: Batch, *, device_id: str, boot_id: str, seq: int, synced: bool, stamp: Callable[[float], str]
) -> dict[str, Any]:
    """Return a batch as published."""
    return {
        "schema": SCHEMA,
        "deviceId": device_id,
        "bootId": boot_id,
        "seq": seq,
        "timestamp": stamp(one.due),
        "clock": "synced" if synced else "unsynced",
        "trigger": one.trigger,
        "interval": one.interval,
        "readings": [reading(r, one.due, stamp) for r in one.readings],
        **({"unchanged": list(one.unchanged)} if one.unchanged else {}),
        "unavailableSensors": list(one.unavailable),
        "degraded": one.degraded,
        "faults": [fault(f, stamp) for f in one.faults],
    }


def historical(body: bytes, timestamp: str | None = None) -> bytes:
    """Return a stored batch as it goes to `backfill`.

    Args:
        timestamp: replaces the time of a batch that was taken while the clock was unsynced. The timestamps of its
            readings and faults move by the same amount.
    """
    document = json.loads(body)
    document["historical"] = True
    if timestamp is not None and document.get("clock") == "unsynced":
        _correct(document, timestamp)
    return encode(document)


def corrected(body: bytes, timestamp: str) -> bytes:
    """Return a stored batch with `timestamp` as its time if it was taken while the clock was unsynced."""
    document = json.loads(body)
    if document.get("clock") == "unsynced":
        _correct(document, timestamp)
    return encode(document)


def _correct(document: dict[str, Any], timestamp: str) -> None:
    shift = datetime.fromisoformat(timestamp).timestamp() - datetime.fromisoformat(document["timestamp"]).timestamp()
    document["timestamp"], document["clock"] = timestamp, "corrected"
    for one in document["faults"]:
        one["since"] = _moved(one["since"], shift)
    for one in document.get("readings", ()):
        if "timestamp" in one:
            one["timestamp"] = _moved(one["timestamp"], shift)


def _moved(stamp: str, seconds: float) -> str:
    return rfc3339(datetime.fromisoformat(stamp).timestamp() + seconds)


def gap(boot_id: str, first: int, last: int, reason: str, timestamp: str) -> bytes:
    """Return a declared hole as published on `gap`."""
    return encode({"bootId": boot_id, "from": first, "to": last, "reason": reason, "timestamp": timestamp})


def state(sensors: Iterable[Sensed], *, now: str, stamp: Callable[[float], str]) -> dict[str, Any]:
    """Return the present of every sensor. A missing value is `null`, never a missing key."""
    entries: dict[str, dict[str, Any]] = {}
    missing, degraded = [], False
    # The sensors of one round were read at one moment.
    stamps: dict[float | None, str | None] = {None: None}
    for one in sensors:
        present = one.present
        values = {r.quantity: r.value for r in present.readings}
        untold = present.status in ("unknown", "unavailable")
        entry: dict[str, Any] = {"status": "unavailable" if untold else present.status}
        if present.measured is not None and present.measured not in stamps:
            stamps[present.measured] = stamp(present.measured)
        entry["timestamp"] = stamps[present.measured]
        for quantity in one.quantities:
            entry[quantity.name] = values.get(quantity.name)
        entries[one.id] = entry
        degraded |= untold or present.degraded
        if untold:
            missing.append(one.id)
    return {"timestamp": now, "degraded": degraded, "unavailableSensors": missing, "sensors": entries}


def info(
    sensors: Iterable[Sensed],
    *,
    device_id: str,
    boot_id: str,
    started: str,
    version: str,
    host: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    calibrated: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None,
) -> dict[str, Any]:
    """Return what this device is and measures.

    Args:
        previous: how the last run ended.
        calibrated: sensor -> quantity -> `due` and `certificate` of its calibration, as far as they are known.
    """
    return {
        "schema": SCHEMA,
        "deviceId": device_id,
        "bootId": boot_id,
        "startedAt": started,
        "version": version,
        "host": dict(host),
        "sensors": [_sensor(one, (calibrated or {}).get(one.id, {})) for one in sensors],
        "previous": None if previous is None else camel(previous),
    }


def _sensor(one: Sensed, calibrated: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return what `info` says of a sensor."""
    sample = getattr(one, "sample", None)
    return {
        "id": one.id,
        "driver": one.driver,
        "every": one.every,
        **({} if sample is None else {"sample": sample}),
        "quantities": [
            {"name": q.name, "unit": q.unit, "kind": q.kind}
            | ({} if q.accuracy is None else {"accuracy": q.accuracy})
            | ({"calibration": dict(calibrated[q.name])} if calibrated.get(q.name) else {})
            for q in one.quantities
        ],
    }


def run_of(payload: bytes) -> str | None:
    """Return the `bootId` of a published document; None if it has none."""
    try:
        found = json.loads(payload)["bootId"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def camel(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with its snake_case keys, at every depth, in camelCase; below `AS_THEY_ARE` keys are names."""
    return {_camel(key): _within(value, key in AS_THEY_ARE) for key, value in document.items()}


def _within(value: Any, names: bool) -> Any:
    if isinstance(value, Mapping):
        return {name: _within(one, False) for name, one in value.items()} if names else camel(value)
    return [_within(one, False) for one in value] if isinstance(value, list | tuple) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
