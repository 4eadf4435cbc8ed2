"""What one subscriber knows of the devices that it hears: made of messages alone."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agent.broker.subscriber import ConnectionChange, Received

from .ledger import Ledger

REMEMBERED = 200  # events
LATE = "delivered late: the agent had kept what the broker missed"
TOGETHER = 5.0  # seconds
BREAKERS = {  # in plain words
    "open": "left alone for a while (breaker open)",
    "half_open": "being probed (breaker half open)",
    "closed": "trusted again (breaker closed)",
}


BEYOND_RANGE = "beyond_range"


@dataclass(slots=True)
class SensorView:
    """One sensor as last heard.

    Attributes:
        values: quantity -> (value, unit). error: why others are missing, in short.
        status: as in the batch, or as in the state: "unavailable", "partial", "beyond_range".
        breaker: its state. probe_at: wall time of the next probe. since: wall time at which it came into its status.
        told: whether a batch told it, not the retained state.
    """

    values: dict[str, tuple[float, str]] = field(default_factory=dict)
    status: str = "unknown"
    error: str = ""
    breaker: str = "closed"
    probe_at: float | None = None
    since: float = 0.0
    told: bool = True


@dataclass(slots=True)
class DeviceView:
    """One device as last heard.

    Attributes:
        live, late: batches that came at once, and later (`backfill`). heard: wall time of the last message.
        simulated: whether it said that its sensors are.
    """

    name: str
    status: str = "?"
    degraded: bool = False
    sensors: dict[str, SensorView] = field(default_factory=dict)
    health: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    live: int = 0
    late: int = 0
    heard: float = 0.0
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that people want to know. `tone`: good, bad or plain."""

    at: float
    text: str
    tone: str = "plain"


class Picture:
    """Takes messages; the attributes are what can be shown.

    Attributes:
        connected: whether the subscriber itself has a broker. changed: wall time of the last change of that.
    """

    def __init__(self, root: str = "limpet") -> None:
        self.root = root
        self.devices: dict[str, DeviceView] = {}
        self.ledger = Ledger()
        self.events: deque[Event] = deque(maxlen=REMEMBERED)
        self.connected, self.why, self.changed = False, "", 0.0

    def line(self, line: ConnectionChange, at: float) -> None:
        """Take a change of our own connection."""
        if line.up != self.connected:
            self.changed = at
            text = "the broker is there" if line.up else f"the broker is gone: {line.why}"
            self.events.append(Event(at, text, "good" if line.up else "bad"))
        self.connected, self.why = line.up, line.why

    def take(self, message: Received) -> dict[str, Any] | None:
        """Take a message; return its document if it is a batch that did not come before."""
        device_id, _, kind = message.topic.removeprefix(f"{self.root}/").partition("/")
        device = self.devices.setdefault(device_id, DeviceView(device_id))
        device.heard = message.at
        if kind == "status":
            self._status(device, message.payload.decode("utf-8", "replace"), message.at)
            return None
        try:
            return self._document(device, kind, json.loads(message.payload), message)
        except (ValueError, TypeError, LookupError, AttributeError):
            self.events.append(Event(message.at, f"{device_id} sent what is no {kind or 'message'} of ours", "bad"))
            return None

    def _document(
        self, device: DeviceView, kind: str, document: dict[str, Any], message: Received
    ) -> dict[str, Any] | None:
        if kind in ("batch", "backfill", "state", "info", "health"):
            device.simulated = document.get("simulated") is True
        if kind in ("batch", "backfill"):
            return self._batch(device, document, kind, message.at)
        if kind == "health":
            device.health = document
        elif kind == "info":
            device.info = document
        elif kind == "state":
            self._state(device, document, message)
        elif kind == "gap":
            first, last = int(document.get("from", 0)), int(document.get("to", -1))
            self.ledger.declare(device.name, str(document.get("bootId")), first, last)
            text = f"{device.name} says that batches {first}..{last} are lost: {document.get('reason')}"
            self.events.append(Event(message.at, text, "bad"))
        return None

    def _status(self, device: DeviceView, status: str, at: float) -> None:
        if status != device.status:
            self.events.append(Event(at, f"{device.name} is {status}", "good" if status == "online" else "bad"))
        device.status = status

    def _state(self, device: DeviceView, document: dict[str, Any], message: Received) -> None:
        """Take the present: it names all sensors, also those of long intervals."""
        device.degraded = bool(document.get("degraded"))
        for name, entry in document.get("sensors", {}).items():
            if name not in device.sensors and isinstance(entry, dict):
                values = {key: (one, "") for key, one in entry.items() if isinstance(one, int | float)}
                device.sensors[name] = SensorView(values, str(entry.get("status")), since=message.at, told=False)

    def _batch(self, device: DeviceView, document: dict[str, Any], kind: str, at: float) -> dict[str, Any] | None:
        boot, seq = document.get("bootId"), document.get("seq")
        if not isinstance(seq, int) or not self.ledger.take(device.name, str(boot), seq):
            return None
        if kind == "backfill":
            device.late += 1
            self._late(at)
            return document
        device.live += 1
        if document.get("trigger") == "interval":
            device.degraded = bool(document.get("degraded"))
        self._readings(device, document, at)
        return document

    def _late(self, at: float) -> None:
        """Count batches that come late, in one line as long as nothing else happens."""
        last = self.events[-1] if self.events else None
        count = 1
        if last is not None and last.text.endswith(LATE) and at - last.at < TOGETHER:
            count += int(last.text.split()[0])
            self.events.pop()
        self.events.append(Event(at, f"{count} {LATE}", "good"))

    def _readings(self, device: DeviceView, document: dict[str, Any], at: float) -> None:
        fresh: dict[str, SensorView] = {}
        for one in document.get("readings", ()):
            view = fresh.setdefault(one["sensorId"], SensorView(status="ok"))
            view.values[one["quantity"]] = (one["value"], one["unit"])
            view.status = one["status"] if view.status == "ok" else view.status
        for name in document.get("unavailableSensors", ()):
            known = device.sensors.get(name, SensorView())
            fresh[name] = SensorView(known.values, "unavailable")
        for one in document.get("faults", ()):
            if "quantity" in one:
                view = fresh.setdefault(one["sensorId"], SensorView(status=BEYOND_RANGE))
                self._part(view, one)
            if one["sensorId"] in fresh:
                view = fresh[one["sensorId"]]
                view.error, view.breaker = one["error"], one["breaker"]
                view.probe_at = None if one["retryAfter"] is None else at + one["retryAfter"]
                view.since = datetime.fromisoformat(one["since"]).timestamp()
        for name, view in fresh.items():
            self._replace(device, name, view, at)

    @staticmethod
    def _part(view: SensorView, fault: dict[str, Any]) -> None:
        """Take a quantity that is missing, unless another value stands in for it."""
        only_beyond = view.status == BEYOND_RANGE and fault["error"] == "BeyondRange"
        if fault["quantity"] not in view.values and view.status != "unavailable" and not only_beyond:
            view.status = "partial"

    def _replace(self, device: DeviceView, name: str, view: SensorView, at: float) -> None:
        before = device.sensors.get(name)
        if before is not None and is_partial(before, view):
            view.values = {**before.values, **view.values}
        if before is None or before.status != view.status:
            view.since = view.since or at
            if before is not None and before.told:
                self.events.append(Event(at, *_change(name, view)))
        else:
            view.since = view.since or before.since
        if before is not None and before.breaker != view.breaker:
            self.events.append(Event(at, f"{name} is {BREAKERS.get(view.breaker, view.breaker)}"))
        device.sensors[name] = view


def _change(name: str, view: SensorView) -> tuple[str, str]:
    if view.status == "ok":
        return f"{name} is back", "good"
    if view.status == "unavailable":
        return f"{name} fell silent: {view.error}", "bad"
    if view.error == "BeyondRange":
        return f"{name} is beyond its range", "plain"
    return f"{name} is {view.status}", "bad"


def is_partial(before: SensorView, view: SensorView) -> bool:
    """Tell whether a batch told fewer quantities than the sensor has, as an edge does."""
    return view.status == "ok" and view.values.keys() < before.values.keys()
