"""Documents as devices publish them."""

from __future__ import annotations

import json

from agent.ingest.harvest import Delivery, gather

TIME = "2026-11-23T12:00:00.123Z"
ROOT = "limpet"


def batch(seq: int, device: str = "greenhouse-1", run: str = "run-a", **more) -> dict:
    reading = {"sensorId": "air", "quantity": "temperature", "value": 21.4, "unit": "°C", "status": "ok"}
    fault = {
        "sensorId": "tank", "error": "NoAcknowledge", "message": "nobody", "attempts": 3,
        "breaker": "open", "retryAfter": 12.5, "since": "2026-11-23T11:58:10.004Z",
    }  # fmt: skip
    return {
        "schema": 1, "deviceId": device, "bootId": run, "seq": seq, "timestamp": TIME, "clock": "synced",
        "trigger": "interval", "interval": 10.0, "readings": [reading], "unavailableSensors": ["tank"],
        "degraded": True, "faults": [fault], **more,
    }  # fmt: skip


def gap(first: int, last: int, run: str = "run-a", **more) -> dict:
    return {"bootId": run, "from": first, "to": last, "reason": "full", "timestamp": TIME, **more}


def info(run: str, previous: dict | None, device: str = "greenhouse-1", **more) -> dict:
    return {
        "schema": 1, "deviceId": device, "bootId": run, "startedAt": TIME, "version": "1", "host": {},
        "sensors": [], "previous": previous, **more,
    }  # fmt: skip


def delivery(document: object, kind: str = "batch", device: str = "greenhouse-1", **more) -> Delivery:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Delivery(f"{ROOT}/{device}/{kind}", payload, **more)


def harvest(*deliveries: Delivery):
    return gather(deliveries, ROOT)


def batches(*numbers: int, **more):
    return harvest(*(delivery(batch(one, **more)) for one in numbers))
