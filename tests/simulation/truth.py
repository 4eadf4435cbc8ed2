"""What the agent says of its sensors, held against what they really feel and suffer.

The fakes' weather tells which value is right at which moment; the schedule tells who may fail, since when, after how
many attempts and with which error. What the agent says and neither explains is a broken promise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from judgement import (
    APART,
    BUS_OPEN,
    LONGEST,
    MILLISECOND,
    TEN_MINUTES,
    Round,
    attempts,
    breaker,
    replacements,
    values,
    within,
)
from known import Known, ScheduledFault, Span

from agent.simulation.clock import SimClock
from agent.simulation.scenario import Curve

SOUND = 0.6  # seconds of a round in which nothing is wrong, the first one with its setting up included
ALWAYS = float("-inf")
FRESH = ("ok", "suspect")


class Truth:
    """The judge of what is told about the sensors of one world.

    Attributes:
        faults: the schedule so far. known: sensor id -> what was told of it in this run.
        awake_since: when the machine woke up last: the first round after that is not judged.
    """

    def __init__(self, clock: SimClock, wrong: Callable[[str], None]) -> None:
        self.clock, self._wrong = clock, wrong
        self.faults: list[ScheduledFault] = []
        self.known: dict[str, Known] = {}
        self.awake_since = ALWAYS
        self._agent: Any = None
        self._machine: Any = None
        self._config: object = None

    def begin(self, agent: Any, machine: Any) -> None:
        """A run of the agent begins."""
        self._agent, self._machine, self._config, self.known = agent, machine, None, {}

    def feel(self, sensor: str, curves: Mapping[str, Curve]) -> None:
        """From now on a sensor's fake feels this."""
        self._follow()
        self.known[sensor].curves.append((self.clock.time(), dict(curves)))

    def _follow(self) -> None:
        """Follow the configuration: what is as it was stays known."""
        config = self._agent.config
        if config is self._config:
            return
        self._config, before, began = config, self.known, self._machine.began
        self.known = {}
        for spec in config.sensors:
            one = before.get(spec.id)
            if one is None or one.spec != spec:
                one = Known(spec, [(ALWAYS, dict(self._machine.devices[spec.id].curves))], began)
            self.known[spec.id] = one

    # ---- batches

    def batch(self, document: dict[str, Any], until: float) -> None:
        """Judge a batch at the moment at which the agent has made it."""
        self._follow()
        if document["trigger"] == "event":
            self._event(document)
            return
        since = self._due(document, until)
        told = dict.fromkeys([one["sensorId"] for one in document["readings"]] + document["unavailableSensors"])
        faults = {fault["sensorId"]: fault for fault in document["faults"]}
        waits = {one.bus for one in self.known.values() if one.breaker != "closed"}
        judged = since > self.awake_since + LONGEST
        if judged:
            self._round(document, since, until, told)
        else:  # the machine slept in it: only the batch itself knows when it was due
            since = self._moment(document["timestamp"])
        # a sensor that another one replaces comes after that one
        for name in sorted(told, key=lambda name: self.known[name].spec.fallback.startswith("sensor")):
            known, fault = self.known[name], faults.get(name)
            readings = {one["quantity"]: one for one in document["readings"] if one["sensorId"] == name}
            measured = {name: self._measured(one, since, until) for name, one in readings.items()}
            if judged:
                near = self._on(known.bus, until - TEN_MINUTES, until)
                self._sensor(known, readings, fault, Round(since, until, near, known.bus in waits, measured))
                if fault is not None:
                    self._since(known, self._moment(fault["since"]), since, until)
            known.learn(readings, fault, measured, fault and self._moment(fault["since"]), until)

    def _due(self, document: dict[str, Any], until: float) -> float:
        """Return when this round was due."""
        interval = document["interval"]
        if interval is None:
            return until - LONGEST
        began = float(self._agent.scheduler.began) + self.clock.booted
        return began + interval * int((until - began) / interval + 1e-6)

    def _on(self, bus: str, since: float, until: float) -> list[ScheduledFault]:
        return [one for one in self.faults if one.bus == bus and one.touches(since, until)]

    def _round(self, document: dict[str, Any], since: float, until: float, told: Mapping[str, None]) -> None:
        """Judge which sensors a round told of, which interval, and how long it took."""
        interval, passed = document["interval"], since - self._agent.scheduler.began - self.clock.booted
        if interval is None:
            return
        if abs(self._moment(document["timestamp"]) - since) > MILLISECOND:
            self._wrong(f"a round that was due at {since:.3f} is dated {self._moment(document['timestamp']):.3f}")
        due = {name: one.spec.every for name, one in self.known.items() if (passed + 1e-3) % one.spec.every < 0.01}
        if set(told) != set(due):
            self._wrong(f"due were {sorted(due)}, told is of {sorted(told)}")
        elif interval != min(due.values()):
            self._wrong(f"the interval is {interval}, not {min(due.values())}")
        ill = any(self._on(self.known[name].bus, since - BUS_OPEN, until) for name in told)
        if until - since > (LONGEST if ill else SOUND):
            self._wrong(f"a round took {until - since:.2f} s")

    def _sensor(self, known: Known, readings: Mapping[str, Any], fault: Any, turn: Round) -> None:
        """Judge what a batch says of one sensor."""
        fresh = {name: one for name, one in readings.items() if one["status"] in FRESH}
        found: list[str] = []
        if bool(fresh) != (fault is None):
            found.append(f"{'no' if fault is None else 'a'} fault beside {readings}")
        elif fault is None:
            found += values(known, readings, turn)
        else:
            source = self.known.get(known.spec.fallback.removeprefix("sensor:"))
            found += replacements(known, readings, source, turn)
            found += attempts(known, fault, turn)
            found += breaker(known, fault, turn.until)
        for one in found:
            self._wrong(f"{known.spec.id}: {one}")

    def _since(self, known: Known, said: float, since: float, until: float) -> None:
        began = (since, until) if known.since is None else (known.since, known.since)
        if not within((said, said), began):
            self._wrong(f"{known.spec.id}: since is {said:.3f}, the outage began at {began}")

    def _measured(self, reading: Mapping[str, Any], since: float, until: float) -> Span:
        """Return when a reading was measured: at the moment that it tells, or about when its round was due."""
        if "timestamp" not in reading:
            return since, min(since + APART, until)
        moment = self._moment(reading["timestamp"])
        if abs(moment - since) <= APART - MILLISECOND:
            self._wrong(f"{reading} was measured when its round was due")
        return moment, moment

    def _moment(self, stamp: str) -> float:
        """Return a stamp's moment on the loop's clock, by today's belief."""
        return datetime.fromisoformat(stamp).timestamp() - self.clock.offset() + self.clock.booted

    def _event(self, document: dict[str, Any]) -> None:
        at = self._moment(document["timestamp"])
        (reading,) = document["readings"]
        known = self.known[reading["sensorId"]]
        changed, curves = known.curves[-1]
        if abs(at - changed) > MILLISECOND or (reading["quantity"], reading["value"]) != (
            "state",
            curves["state"].mean,
        ):
            self._wrong(f"an edge at {at:.3f}: {reading}; the line changed at {changed:.3f}")
        if (reading["status"], document["interval"]) != ("ok", None) or document["degraded"] or document["faults"]:
            self._wrong(f"no event: {document}")
        known.learn({reading["quantity"]: reading}, None, {reading["quantity"]: (at, at)}, None, at)

    # ---- documents

    def state(self, document: dict[str, Any]) -> None:
        """Judge the present at the moment at which it is written down."""
        self._follow()
        for name, entry in document["sensors"].items():
            known = self.known[name]
            right: dict[str, Any] = {quantity.name: known.shown.get(quantity.name) for quantity in known.quantities}
            right["status"] = known.status if known.shown else "unavailable"
            told = {key: value for key, value in entry.items() if key != "timestamp"}
            if told != right or not self._is(entry["timestamp"], known.shown_at):
                self._wrong(f"{name}: state is {entry}, not {right} at {known.shown_at}")
        missing = [name for name, one in self.known.items() if not one.shown]
        degraded = any(one.status != "ok" for one in self.known.values())
        if (document["unavailableSensors"], document["degraded"]) != (missing, degraded):
            self._wrong(f"state: {document['degraded']}, {document['unavailableSensors']}; missing are {missing}")

    def health(self, document: dict[str, Any]) -> None:
        """Judge what `health` says of the sensors."""
        self._follow()
        for name, entry in document["sensors"].items():
            known = self.known[name]
            since = None if known.since is None else (known.since, known.since)
            times = self._is(entry["since"], since) and self._is(entry["lastOk"], known.last_ok)
            error = (entry["error"] or "").partition(":")[0]
            if not times or (entry["status"], error) != (known.status, known.error):
                self._wrong(f"{name}: health is {entry}, not {known}")
        degraded = any(one.status not in ("ok", "unknown") for one in self.known.values())
        if document["degraded"] != degraded:
            self._wrong(f"health: degraded is {document['degraded']}")

    def _is(self, stamp: str | None, span: Span | None) -> bool:
        """Return whether a stamp may tell a moment in this span; none tells none."""
        if stamp is None or span is None:
            return stamp is span
        moment = self._moment(stamp)
        return within((moment, moment), span)
