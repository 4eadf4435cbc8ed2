"""What came of each fault: when the agent noticed it, when it was over, and what subscribers saw meanwhile."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .scenario import ScenarioFault

FRESH = ("ok", "suspect")
# How a batch reached subscribers.
LIVE, LATER, NEVER = "live", "later as history", "never"


@dataclass(slots=True)
class Coming:
    """One time that a fault comes; moments in seconds from the start.

    Attributes:
        ends: infinite where it lasts until the end.
        sensors: the ids of those that it concerns; empty where it is none of a sensor or bus.
        noticed: when the agent first said so. recovered: when all was as before.
        made: batches while it was there. seen: what they said, or how they came, and how often.
    """

    fault: ScenarioFault
    began: float
    ends: float
    sensors: frozenset[str] = frozenset()
    noticed: float | None = None
    recovered: float | None = None
    made: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    well: set[str] = field(default_factory=set)


def told(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what a batch says of each sensor: `ok`, `suspect`, `stale`, `unavailable (NoAcknowledge)` and so on."""
    said: dict[str, str] = {}
    for reading in document["readings"]:
        sensor, status = reading["sensorId"], reading["status"]
        said[sensor] = status if said.get(sensor, "ok") == "ok" else said[sensor]
    for entry in document.get("unchanged", ()):
        said.setdefault(entry.rpartition(".")[0], "ok")
    for fault in document["faults"]:
        sensor, error = fault["sensorId"], fault["error"]
        if error == "BeyondRange":
            said.setdefault(sensor, "ok")
        elif sensor in document["unavailableSensors"]:
            said[sensor] = f"unavailable ({error})"
        else:
            status = said.get(sensor, "ok")
            said[sensor] = f"{'partial' if status == 'ok' else status} ({error})"
    return said


class Observer:
    """Watches a run from outside.

    Args:
        faults: what is played. buses: sensor id -> the bus that it is on.
        ends: seconds that the run takes; what is made later counts for recoveries only.

    Attributes:
        comings: each time that a fault came, in order.
        delivered: sensor id -> its rounds of which a measured value arrived. made: how many batches were.
    """

    def __init__(self, faults: Iterable[ScenarioFault], buses: Mapping[str, str], ends: float) -> None:
        self.ends = ends
        self.comings: list[Coming] = []
        self.delivered: Counter[str] = Counter()
        self.made = 0
        self._buses = dict(buses)
        self._next: list[tuple[Coming, Iterator[tuple[float, float]]]] = []
        self._open: list[Coming] = []
        self._under_way: dict[tuple[str, int], list[Coming]] = {}
        self._connected, self._stored = False, True
        for one in faults:
            self._line_up(one, one.times(ends))

    # ---- what happens

    def batch(self, document: Mapping[str, Any], at: float) -> None:
        """The agent has made a batch."""
        self._begin(at)
        said = told(document)
        for one in self._open:
            if one.sensors:
                self._said(one, said, at)
            else:
                self._went_on(one, at)
        self._open = [one for one in self._open if one.recovered is None]
        if at >= self.ends:
            return
        self.made += 1
        for one in self._open:
            one.made += 1
        self._under_way[document["bootId"], document["seq"]] = list(self._open)

    def heard(self, document: Mapping[str, Any], at: float) -> None:
        """A batch has reached the subscribers."""
        concerned = self._under_way.pop((document["bootId"], document["seq"]), None)
        if concerned is None:
            return
        said = told(document)
        for one in concerned:
            if one.sensors:
                one.seen.update(said[sensor] for sensor in sorted(one.sensors) if sensor in said)
            else:
                one.seen[LATER if document.get("historical") else LIVE] += 1
        if document["trigger"] == "interval":
            fresh = {one["sensorId"] for one in document["readings"] if one["status"] in FRESH}
            self.delivered.update(fresh | {name for name, status in said.items() if status == "ok"})
        self._over("broker", at, self._connected)

    def connection(self, at: float, *, up: bool) -> None:
        """The agent has reached a broker, or lost it, or failed to reach one."""
        self._begin(at)
        self._connected = up
        if not up:
            self._notice("broker", at)

    def health(self, document: Mapping[str, Any], at: float) -> None:
        """The agent tells of its health."""
        self._begin(at)
        self._stored = document["outbox"]["storage"] == "ok"
        if not self._stored:
            self._notice("disk", at)
        self._over("disk", at, self._stored)

    def started(self, at: float) -> None:
        """An agent starts."""
        self._begin(at)
        self._connected = False
        self._notice("process", at)

    # ---- the book

    def _line_up(self, fault: ScenarioFault, times: Iterator[tuple[float, float]]) -> None:
        """Wait for the next time of a fault."""
        if (moment := next(times, None)) is not None:
            self._next.append((Coming(fault, *moment, self._concerned(fault)), times))
            self._next.sort(key=lambda pair: pair[0].began)

    def _begin(self, at: float) -> None:
        """Open what has begun by now."""
        while self._next and self._next[0][0].began <= at:
            one, times = self._next.pop(0)
            self.comings.append(one)
            self._open.append(one)
            self._line_up(one.fault, times)

    def _concerned(self, one: ScenarioFault) -> frozenset[str]:
        target, value = one.target
        if target == "sensor" and one.kind == "stuck":
            # It holds the lines of its whole bus.
            target, value = "bus", self._buses.get(str(value), "")
        if target == "bus":
            return frozenset(sensor for sensor, bus in self._buses.items() if bus == value)
        return frozenset([str(value)]) if target == "sensor" else frozenset()

    def _said(self, one: Coming, said: Mapping[str, str], at: float) -> None:
        mine = [sensor for sensor in said if sensor in one.sensors]
        if one.noticed is None and any(said[sensor] != "ok" for sensor in mine):
            one.noticed = at
        if at >= one.ends:
            one.well |= {sensor for sensor in mine if said[sensor] in FRESH}
            one.well -= {sensor for sensor in mine if said[sensor] not in FRESH}
            if one.well >= one.sensors:
                one.recovered = at

    def _went_on(self, one: Coming, at: float) -> None:
        """A batch was made: a process that was dead works again, a clock shows in its stamp."""
        target, _ = one.fault.target
        if target == "process" and one.noticed is not None:
            one.recovered = at
        elif target == "clock":
            one.noticed = one.noticed or at
            if at >= one.ends:
                one.recovered = at
        elif target == "disk" and at >= one.ends and one.noticed is None and self._stored:
            one.recovered = at

    def _notice(self, target: str, at: float) -> None:
        for one in self._open:
            if one.fault.target[0] == target and one.noticed is None:
                one.noticed = at

    def _over(self, target: str, at: float, well: bool) -> None:
        for one in self._open:
            if one.fault.target[0] == target and well and at >= one.ends:
                one.recovered = one.recovered or at

    def due(self, every: float) -> int:
        """Return how many rounds of a sensor were due."""
        return math.ceil(self.ends / every - 1e-9)
