"""The documents as Prometheus reads them.

Source: Prometheus, "Exposition formats", text format 0.0.4. Metrics without a current value are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

KIND = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("closed", "half_open", "open")

Labels = Mapping[str, str]
Samples = list[tuple[Labels, float | None]]
Document = Mapping[str, Any]


def text(health: Document, state: Document, info: Document) -> str:
    """Return the whole exposition."""
    lines = []
    for name, kind, meaning, samples in _families(health, state, info):
        found = [(labels, value) for labels, value in samples if value is not None]
        if found:
            lines += [f"# HELP limpet_{name} {meaning}", f"# TYPE limpet_{name} {kind}"]
            lines += [f"limpet_{name}{_labels(labels)} {float(value)!r}" for labels, value in found]
    return "\n".join(lines) + "\n"


def _families(health: Document, state: Document, info: Document) -> Iterator[tuple[str, str, str, Samples]]:
    which = {"device": info["deviceId"], "version": info["version"], **_mark(info)}
    yield "info", "gauge", "Which agent this is.", [(which, 1)]
    yield "degraded", "gauge", "1 if any sensor is missing or not ok.", [({}, health["degraded"])]
    yield from _of_sensors(health, state, info)
    yield from _of_breakers(health["breakers"])
    broker, outbox, rounds, process = (health[key] for key in ("broker", "outbox", "rounds", "process"))
    yield "broker_connected", "gauge", "1 while the broker is there.", [({}, broker["connected"])]
    yield "broker_sessions_total", "counter", "Connections so far.", [({}, broker.get("sessions"))]
    yield "outbox_waiting", "gauge", "Batches that wait to be delivered.", [({}, outbox["waiting"])]
    yield "outbox_bytes", "gauge", "Bytes that wait to be delivered.", [({}, outbox["bytes"])]
    yield "outbox_dropped_total", "counter", "Batches that had to be given up.", [({}, outbox["dropped"])]
    yield "outbox_storage_ok", "gauge", "1 while the disk takes what it should.", [({}, outbox["storage"] == "ok")]
    yield "clock_synced", "gauge", "1 if the wall clock can be trusted.", [({}, health["clock"]["synced"])]
    yield "rounds_total", "counter", "Rounds by what became of them.", [({"result": k}, v) for k, v in rounds.items()]
    yield "resident_memory_bytes", "gauge", "Memory of the process.", [({}, process["rss"])]
    yield "cpu_seconds_total", "counter", "CPU time of the process.", [({}, process["cpu"])]
    yield "uptime_seconds", "gauge", "Seconds since the start.", [({}, process["uptime"])]


def _of_sensors(health: Document, state: Document, info: Document) -> Iterator[tuple[str, str, str, Samples]]:
    present = state["sensors"]
    values: Samples = [
        (
            {"sensor": one["id"], "quantity": q["name"], "unit": q["unit"], **_mark(info)},
            present[one["id"]].get(q["name"]),
        )
        for one in info["sensors"]
        for q in one["quantities"]
    ]
    yield "value", "gauge", "What was measured last; absent while there is none.", values
    available: Samples = [({"sensor": name}, one["status"] != "unavailable") for name, one in present.items()]
    yield "sensor_available", "gauge", "1 if the sensor has a usable value.", available
    last: Samples = [({"sensor": name}, _seconds(one["lastOk"])) for name, one in health["sensors"].items()]
    yield "sensor_last_ok_timestamp_seconds", "gauge", "When the sensor was last read well.", last


def _of_breakers(breakers: Mapping[str, Document]) -> Iterator[tuple[str, str, str, Samples]]:
    states: Samples = [
        ({"breaker": name, "state": state}, one["state"] == state) for name, one in breakers.items() for state in STATES
    ]
    yield "breaker_state", "gauge", "1 for the state in which the breaker is.", states
    failures: Samples = [({"breaker": name}, one["failures"]) for name, one in breakers.items()]
    yield "breaker_failures", "gauge", "Failures in a row.", failures


def _mark(info: Document) -> Labels:
    """Return the label of simulated values; measured ones have none."""
    return {"simulated": "true"} if info.get("simulated") else {}


def _seconds(stamp: str | None) -> float | None:
    return None if stamp is None else datetime.fromisoformat(stamp).timestamp()


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
