"""Values, times and counts in words, for people: without colours, the same on a terminal and in a log."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from .picture import Picture
from .views import DeviceView, SensorView

SHOWN = 3  # values of one sensor


def number(value: float) -> str:
    """Return a number with as many digits as people can use."""
    size = abs(value)
    if not math.isfinite(value):
        return str(value)
    if value == int(value) or size >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"


def values(view: SensorView) -> str:
    """Return what a sensor measures, as `21.4 °C  43.1 %`; a dash where nothing can be used."""
    if view.status == "unavailable":
        return "–"
    parts = [f"{number(value)} {unit}" if unit else f"{name} {number(value)}" for name, (value, unit) in shown(view)]
    return "  ".join(parts) or "–"


def shown(view: SensorView) -> list[tuple[str, tuple[float, str]]]:
    """Return the first few quantities."""
    return list(view.values.items())[:SHOWN]


def ago(seconds: float) -> str:
    """Return a time span as `4 s`, `3 min`, `2 h`, `5 d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def simulated(device: DeviceView) -> str:
    """Return what is said of a device whose sensors are simulated."""
    return " (simulated)" if device.simulated else ""


def breaker(view: SensorView, now: float) -> str:
    """Return a breaker's state; of an open one, in how many seconds it probes."""
    if view.breaker == "open" and view.probe_at is not None:
        return f"open ({ago(view.probe_at - now)})"
    return view.breaker.replace("_", " ")


def broker(picture: Picture, now: float) -> str:
    """Return how our own connection is."""
    if picture.connected:
        return f"connected for {ago(now - picture.changed)}"
    if not picture.changed:
        return f"not reached yet ({picture.why})" if picture.why else "connecting"
    return f"gone for {ago(now - picture.changed)}: {picture.why}"


def batches(picture: Picture, device: DeviceView) -> str:
    """Return what came, what came later, what is missing."""
    ledger = picture.ledger
    kept = waiting(device.health) if picture.connected else None
    parts = [
        f"{ledger.received} received",
        f"{device.late} late",
        f"{ledger.missing} missing",
        f"{ledger.duplicates} twice",
        *([f"{ledger.declared} declared lost"] if ledger.declared else []),
        *([f"{kept} waiting"] if kept is not None else []),
    ]
    return " · ".join(parts)


def batch(document: Mapping[str, Any], at: float, missing: int) -> str:
    """Return a batch in one line."""
    sensors: dict[str, list[str]] = {}
    for one in document["readings"]:
        mark = "" if one["status"] == "ok" else f" ({one['status']})"
        sensors.setdefault(one["sensorId"], []).append(f"{number(one['value'])} {one['unit']}".rstrip() + mark)
    parts = [f"{name} {' '.join(values)}" for name, values in sensors.items()]
    parts += [f"{name} unavailable" for name in document["unavailableSensors"]]
    if unchanged := document.get("unchanged"):
        parts.append(f"{len(unchanged)} unchanged")
    told = {(one["sensorId"], one["quantity"]) for one in document["readings"]}
    for one in document.get("faults", ()):
        if "quantity" in one and (one["sensorId"], one["quantity"]) not in told:
            what = "is beyond its range" if one["error"] == "BeyondRange" else "is missing"
            parts.append(f"{one['sensorId']} {one['quantity']} {what}")
    marks = " late" if document.get("historical") else ""
    marks += " simulated" if document.get("simulated") else ""
    lacking = f"  [{missing} missing]" if missing else ""
    state = "degraded" if document["degraded"] else "ok"
    return f"{clock(at)}  {document['deviceId']} #{document['seq']}{marks} {state}: {', '.join(parts)}{lacking}"


def waiting(health: Mapping[str, object]) -> object:
    """Return how many batches wait, as the agent says; None where it does not."""
    outbox = health.get("outbox")
    return outbox.get("waiting") if isinstance(outbox, dict) else None


def buses(device: DeviceView) -> list[str]:
    """Return the names of the buses that do not answer."""
    known = device.health.get("breakers")
    if not isinstance(known, dict):
        return []
    return [name[4:] for name, one in known.items() if name.startswith("bus:") and one.get("state") != "closed"]


def clock(at: float) -> str:
    """Return local wall time as `12:00:01`."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def clean(said: object) -> str:
    """Return what was received as one line that a terminal takes for nothing but text."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(said))
