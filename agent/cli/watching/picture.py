"""What one subscriber knows of the devices that it hears: made of messages alone."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agent.broker.subscriber import ConnectionChange, Received
from agent.messages import blocks

from .ledger import Ledger
from .views import BEYOND_RANGE, DeviceView, Event, SensorView

REMEMBERED = 200  # events
LATE = "delivered late: the agent had kept what the broker missed"
TOGETHER = 5.0  # seconds
BATCHES = ("batch", "backfill")
BREAKERS = {  # in plain words
    "open": "left alone for a while (breaker open)",
    "half_open": "being probed (breaker half open)",
    "closed": "trusted again (breaker closed)",
}


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
        """Take a message; return its document if it is a batch that did not come before; of a block, the last one."""
        return new[-1] if (new := self.batches(message)) else None

    def batches(self, message: Received) -> list[dict[str, Any]]:
        """Take a message; return its batches that did not come before."""
        device_id, _, kind = message.topic.removeprefix(f"{self.root}/").partition("/")
        device = self.devices.setdefault(device_id, DeviceView(device_id))
        device.heard = message.at
        if kind == "status":
            self._status(device, message.payload.decode("utf-8", "replace"), message.at)
            return []
        try:
            texts = blocks.lines(message.payload) if kind in BATCHES else [message.payload]
            documents = [self._document(device, kind, json.loads(one), message) for one in texts]
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            text = f"{device_id} sent what is no {kind or 'message'} of ours"
            self.events.append(Event(message.at, text, "bad", device_id))
            return []
        return [one for one in documents if one is not None]

    def _document(
        self, device: DeviceView, kind: str, document: dict[str, Any], message: Received
    ) -> dict[str, Any] | None:
        if kind in (*BATCHES, "state", "info", "health"):
            device.simulated = document.get("simulated") is True
        if kind in BATCHES:
            return self._batch(device, document, kind, message.at)
        if kind == "health":
            self._health(device, document)
        elif kind == "info":
            device.describe(document)
        elif kind == "state":
            self._state(device, document, message)
        elif kind == "gap":
            first, last = int(document.get("from", 0)), int(document.get("to", -1))
            self.ledger.declare(device.name, str(document.get("bootId")), first, last)
            text = f"{device.name} says that batches {first}..{last} are lost: {document.get('reason')}"
            self.events.append(Event(message.at, text, "bad", device.name))
        return None

    def _status(self, device: DeviceView, status: str, at: float) -> None:
        if status != device.status:
            self.events.append(
                Event(at, f"{device.name} is {status}", "good" if status == "online" else "bad", device.name)
            )
        device.status = status

    def _state(self, device: DeviceView, document: dict[str, Any], message: Received) -> None:
        """Take the present: it names all sensors, also those of long intervals, and no other."""
        device.degraded = bool(document.get("degraded"))
        sensors = document.get("sensors", {})
        for name, entry in sensors.items():
            if name not in device.sensors and isinstance(entry, dict):
                device.sensors[name] = _present(entry, message.at)
        for name in device.sensors.keys() - sensors.keys():
            del device.sensors[name]

    def _health(self, device: DeviceView, document: dict[str, Any]) -> None:
        """Take what the agent says of itself; of sensors that no batch has told about yet, why they are silent."""
        device.health = document
        breakers, sensors = document.get("breakers", {}), document.get("sensors", {})
        for name, view in device.sensors.items():
            if not view.told and name in sensors:
                view.error = str(sensors[name].get("error") or "")
                view.breaker = str(breakers.get(name, {}).get("state", view.breaker))
                view.since = _seconds(sensors[name].get("since")) or view.since

    def _batch(self, device: DeviceView, document: dict[str, Any], kind: str, at: float) -> dict[str, Any] | None:
        boot, seq = document.get("bootId"), document.get("seq")
        if not isinstance(seq, int) or not self.ledger.take(device.name, str(boot), seq):
            return None
        if kind == "backfill":
            device.late += 1
            self._late(device, at)
            return document
        device.live += 1
        if document.get("trigger") == "interval":
            device.degraded = bool(document.get("degraded"))
        self._readings(device, document, at)
        return document

    def _late(self, device: DeviceView, at: float) -> None:
        """Count batches that come late, in one line as long as nothing else happens."""
        last = self.events[-1] if self.events else None
        count = 1
        if last is not None and last.text.endswith(LATE) and last.device == device.name and at - last.at < TOGETHER:
            count += int(last.text.split()[0])
            self.events.pop()
        self.events.append(Event(at, f"{count} {LATE}", "good", device.name))

    def _readings(self, device: DeviceView, document: dict[str, Any], at: float) -> None:
        fresh: dict[str, SensorView] = {}
        due = _seconds(document.get("timestamp"))
        for one in document.get("readings", ()):
            view = fresh.setdefault(one["sensorId"], SensorView(status="ok"))
            value = float(one["value"])
            view.values[one["quantity"]] = (value, str(one["unit"]))
            view.status = one["status"] if view.status == "ok" else view.status
            view.measured = _measured(one, due, at)
            if one["status"] == "ok":
                device.remember(one["sensorId"], one["quantity"], value)
        self._unchanged(device, document, fresh, at)
        for name in document.get("unavailableSensors", ()):
            known = device.sensors.get(name, SensorView())
            fresh[name] = SensorView(known.values, "unavailable", measured=known.measured)
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
    def _unchanged(device: DeviceView, document: dict[str, Any], fresh: dict[str, SensorView], at: float) -> None:
        """Take the last value of what was measured and not sent, because it has not moved, for the present."""
        for name in document.get("unchanged", ()):
            sensor, _, quantity = name.partition(".")
            known = device.sensors.get(sensor)
            if known is not None and quantity in known.values:
                view = fresh.setdefault(sensor, SensorView(status="ok"))
                view.values[quantity], view.measured = known.values[quantity], at

    @staticmethod
    def _part(view: SensorView, fault: dict[str, Any]) -> None:
        """Take a quantity that is missing, unless another value stands in for it."""
        beyond = fault["error"] == "BeyondRange"
        view.parts[fault["quantity"]] = str(fault.get("message", "beyond its range")) if beyond else fault["error"]
        only_beyond = view.status == BEYOND_RANGE and beyond
        if fault["quantity"] not in view.values and view.status != "unavailable" and not only_beyond:
            view.status = "partial"

    def _replace(self, device: DeviceView, name: str, view: SensorView, at: float) -> None:
        before = device.sensors.get(name)
        if before is not None and is_partial(before, view):
            view.values = {**before.values, **view.values}
        if before is None or before.status != view.status:
            view.since = view.since or at
            if before is not None and before.told:
                self.events.append(Event(at, *_change(name, view), device.name))
        else:
            view.since = view.since or before.since
        if before is not None and before.breaker != view.breaker:
            self.events.append(Event(at, f"{name} is {BREAKERS.get(view.breaker, view.breaker)}", device=device.name))
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


def _present(entry: Mapping[str, Any], at: float) -> SensorView:
    """Return a sensor as the state has it: a number is a value, `null` one that cannot be told."""
    values = {key: (float(one), "") for key, one in entry.items() if isinstance(one, int | float)}
    parts = {key: "" for key, one in entry.items() if one is None and key != "timestamp"}
    measured = _seconds(entry.get("timestamp"))
    return SensorView(values, str(entry.get("status")), since=at, told=False, parts=parts, measured=measured)


def _seconds(stamp: object) -> float | None:
    """Return a stamp as wall time; None where there is none."""
    return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else None


def _measured(reading: Mapping[str, Any], due: float | None, at: float) -> float:
    """Return when a value was measured, by our clock: the device's own may be wrong."""
    if "age" in reading:
        return at - float(reading["age"])
    own = _seconds(reading.get("timestamp"))
    return at if own is None or due is None else at - max(0.0, due - own)
