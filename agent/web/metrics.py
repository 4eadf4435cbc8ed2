"""The documents as metrics of Prometheus: the agent, its broker, its outbox and its breakers.

Source: Prometheus, "Metric and label naming": base units, `_total` for counters, one meaning for all labels of a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import sensor_metrics
from .exposition import KIND, Family, Sample, exposed, one, seconds
from .sensor_metrics import Reads

__all__ = ["KIND", "Reads", "text"]

STATES = ("closed", "half_open", "open")

Document = Mapping[str, Any]


def text(health: Document, state: Document, info: Document, reads: Mapping[str, Reads]) -> str:
    """Return the whole exposition.

    Args:
        reads: what was counted of each sensor's reads.
    """
    return exposed(
        [
            *_of_agent(health, info),
            *sensor_metrics.families(health, state, info, reads),
            *_of_breakers(health["breakers"]),
            *_of_broker(health["broker"]),
            *_of_outbox(health["outbox"]),
            *_of_process(health["process"]),
        ]
    )


def _of_agent(health: Document, info: Document) -> Iterator[Family]:
    which = {"device": info["deviceId"], "version": info["version"], **sensor_metrics.mark(info)}
    yield Family("info", "gauge", "Which agent this is.", [Sample(which, 1)])
    yield one("simulated", "gauge", "1 if nothing here was measured.", bool(info.get("simulated")))
    yield one("degraded", "gauge", "1 if any sensor is missing or not ok.", health["degraded"])
    yield one("clock_synced", "gauge", "1 if the wall clock can be trusted.", health["clock"]["synced"])
    rounds = [Sample({"result": name}, count) for name, count in health["rounds"].items()]
    yield Family("rounds_total", "counter", "Rounds by what became of them.", rounds)


def _of_breakers(breakers: Mapping[str, Document]) -> Iterator[Family]:
    states = [
        Sample({"breaker": name, "state": state}, found["state"] == state)
        for name, found in breakers.items()
        for state in STATES
    ]
    yield Family("breaker_state", "gauge", "1 for the state in which the breaker is.", states)
    failures = [Sample({"breaker": name}, found["failures"]) for name, found in breakers.items()]
    yield Family("breaker_failures", "gauge", "Failures in a row.", failures)


def _of_broker(broker: Document) -> Iterator[Family]:
    yield one("broker_connected", "gauge", "1 while the broker is there.", broker["connected"])
    yield one("broker_sessions_total", "counter", "Connections so far.", broker.get("sessions"))
    yield one("broker_refused_topics", "gauge", "Topics that the broker refuses.", len(broker.get("refused", ())))
    limits = [Sample({"limit": name}, value) for name, value in broker.get("limits", {}).items()]
    yield Family("broker_limit", "gauge", "What the broker lacks: 0 for a missing feature, else the bound.", limits)


def _of_outbox(outbox: Document) -> Iterator[Family]:
    yield one("outbox_waiting", "gauge", "Batches that wait to be delivered.", outbox["waiting"])
    yield one("outbox_bytes", "gauge", "Bytes that wait to be delivered.", outbox["bytes"])
    oldest = seconds(outbox.get("oldest"))
    yield one("outbox_oldest_timestamp_seconds", "gauge", "When the oldest waiting batch was taken.", oldest)
    yield one("outbox_dropped_total", "counter", "Batches that had to be given up.", outbox["dropped"])
    yield one("outbox_refused_total", "counter", "Batches that the broker refused.", outbox.get("refused"))
    yield one("outbox_unheard_total", "counter", "Batches delivered without a subscriber.", outbox.get("unheard"))
    yield one("outbox_storage_ok", "gauge", "1 while the disk takes what it should.", outbox["storage"] == "ok")


def _of_process(process: Document) -> Iterator[Family]:
    yield one("resident_memory_bytes", "gauge", "Memory of the process.", process["rss"])
    yield one("cpu_seconds_total", "counter", "CPU time of the process.", process["cpu"])
    yield one("uptime_seconds", "gauge", "Seconds since the start.", process["uptime"])
    written, up = process.get("written"), process["uptime"]
    yield one("storage_written_bytes_total", "counter", "Bytes written to the disk or card.", written)
    per_day = written / up * 86400.0 if written is not None and up else None
    yield one("storage_written_bytes_per_day", "gauge", "Bytes written a day, on average since the start.", per_day)
