"""What every sensor really feels and suffers, held against what the agent says of it, batch by batch.

The fakes' weather tells which value is right at which moment; the schedule of faults tells who may fail, since when,
after how many attempts and with which error. Whatever the agent says that neither explains is a broken promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simclock import SimClock

from agent.config import SensorConfig
from agent.simulation.scenario import Curve
from drivers.catalog import find

LONGEST = 2.6  # seconds of a round in which something hangs
SOUND = 0.6  # seconds of a round in which nothing does, the first one with its setting up included
BUS_OPEN = 77.0  # seconds from a bus's last failure to its next probe: its breaker's longest period, and a round
TEN_MINUTES = 600.0
PERIODS = (30.0, 60.0, 120.0)  # seconds that a sensor's breaker stays open: at first, then after each failed probe
JITTER = 1.1
MILLISECOND = 0.0021  # two stamps, each rounded

CERTAIN = ("unplugged", "nack", "hang", "stuck", "bug", "wrong_chip")  # nothing gets through
OF_THE_BUS = ("hang", "stuck")  # whoever else is on the bus suffers, too
DAMAGED = frozenset({"ChecksumError", "LostPower", "InvalidReading", "WrongChip"})
UNPOWERED = ("power_loss", "unplugged", "wrong_chip")
NEVER_RETRIED = ("TypeError", "WrongChip")
ERRORS = {
    "unplugged": {"NoAcknowledge"},
    "nack": {"NoAcknowledge"},
    "flaky": {"NoAcknowledge"},
    "hang": {"BusTimeout", "BusStuck"},
    "stuck": {"BusTimeout", "BusStuck"},
    "bug": {"TypeError"},
    "corrupt": DAMAGED,
    "wrong_chip": DAMAGED,
    "power_loss": {"LostPower", "NotReady"},
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A scheduled fault of a chip, or of a whole bus; on the loop's clock."""

    kind: str
    bus: str
    address: int | None
    begins: float
    ends: float

    def touches(self, since: float, until: float) -> bool:
        """Tell whether it was there at any moment in between."""
        return self.begins <= until and since < self.ends

    def spans(self, since: float, until: float) -> bool:
        """Tell whether it was there all the time."""
        return self.begins <= since and until < self.ends


@dataclass(slots=True)
class Known:
    """One sensor as a subscriber has known it since the run began; moments on the loop's clock.

    Attributes:
        curves: what its fake feels: (since when, quantity -> curve).
        good: quantity -> its last value that was ok, and when. shown: what was told last.
        failures, breaker, openings, until: a model of its breaker.
    """

    spec: SensorConfig
    curves: list[tuple[float, Mapping[str, Curve]]]
    began: float  # of the machine, from which the curves count
    good: dict[str, tuple[float, float]] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)
    status: str = "unknown"
    error: str = ""
    shown_at: float | None = None
    since: float | None = None
    last_ok: float | None = None
    failures: int = 0
    breaker: str = "closed"
    openings: int = 0
    until: float = 0.0

    @property
    def bus(self) -> str:
        return f"i2c-{self.spec.bus}" if self.spec.address else "gpio"

    def feels(self, quantity: str, at: float) -> float:
        """Return what the agent has to publish for what the fake felt at this moment."""
        curves = next(curves for since, curves in reversed(self.curves) if since <= at)
        scale, offset = self.spec.calibrate.get(quantity, (1.0, 0.0))
        return scale * curves[quantity].at(at - self.began) + offset

    def tells(self, quantity: Any, value: float, since: float, until: float) -> bool:
        """Tell whether the fake felt this, within the chip's step, at any moment in between."""
        step = quantity.step * max(1.0, abs(self.spec.calibrate.get(quantity.name, (1.0, 0.0))[0])) + 1e-6
        moments = [since + 0.1 * n for n in range(int((until - since) / 0.1) + 1)]
        return any(abs(value - self.feels(quantity.name, at)) <= step for at in (until, *moments))


class Truth:
    """The judge of what is told about the sensors of one world.

    Attributes:
        troubles: the schedule so far. known: sensor id -> what was told of it in this run.
        awake_since: when the machine woke up or stood still last: the first round after that is not judged.
    """

    def __init__(self, clock: SimClock, wrong: Callable[[str], None]) -> None:
        self.clock, self._wrong = clock, wrong
        self.troubles: list[Trouble] = []
        self.known: dict[str, Known] = {}
        self.awake_since = float("-inf")
        self._agent: Any = None
        self._machine: Any = None
        self._arranged: object = None
        self._waiting: set[str] = set()  # buses on which a sensor's own breaker was open before this round

    def begin(self, agent: Any, machine: Any) -> None:
        """A run of the agent begins."""
        self._agent, self._machine, self._arranged, self.known = agent, machine, None, {}

    def feel(self, sensor: str, curves: Mapping[str, Curve]) -> None:
        """From now on a sensor's fake feels this."""
        self._arrange()
        self.known[sensor].curves.append((self.clock.time(), dict(curves)))

    def _arrange(self) -> None:
        """Follow the configuration: what is as it was stays known."""
        config = self._agent.config
        if config is self._arranged:
            return
        self._arranged, before = config, self.known
        began = self._machine.began + self.clock.booted
        self.known = {
            spec.id: before[spec.id]
            if spec.id in before and before[spec.id].spec == spec
            else Known(spec, [(float("-inf"), dict(self._machine.parts[spec.id].curves))], began)
            for spec in config.sensors
        }

    # ---- a batch

    def batch(self, document: dict[str, Any], taken: float) -> None:
        """Judge a batch at the moment at which the agent has made it; `taken` on the agent's clock."""
        self._arrange()
        until = taken + self.clock.booted
        if document["trigger"] == "event":
            self._event(document, until)
            return
        since = self._due(document, until)
        judged = since > self.awake_since + LONGEST
        told = dict.fromkeys([r["sensorId"] for r in document["readings"]] + document["unavailableSensors"])
        faults = {fault["sensorId"]: fault for fault in document["faults"]}
        self._waiting = {one.bus for one in self.known.values() if one.breaker != "closed"}
        if judged:
            self._round(document, since, until, told)
        for name in sorted(told, key=lambda name: self.known[name].spec.fallback.startswith("sensor")):
            one = self.known[name]
            readings = {r["quantity"]: r for r in document["readings"] if r["sensorId"] == name}
            if judged:
                self._judge(one, readings, faults.get(name), since, until, document["timestamp"])
            self._learn(one, readings, faults.get(name), until)

    def _due(self, document: dict[str, Any], until: float) -> float:
        """Return when this round was due."""
        interval = document["interval"]
        if interval is None:
            return until - LONGEST
        began = float(self._agent.scheduler.began) + self.clock.booted
        return began + interval * int((until - began) / interval + 1e-6)

    def _round(self, document: dict[str, Any], since: float, until: float, told: Mapping[str, None]) -> None:
        interval = document["interval"]
        if interval is None:
            return
        number = round((since - self._agent.scheduler.began - self.clock.booted) / interval)
        due = {
            name: one.spec.every
            for name, one in self.known.items()
            if (number * interval + 1e-3) % one.spec.every < 0.01
        }
        if set(told) != set(due):
            self._wrong(f"due were {sorted(due)}, told is of {sorted(told)}")
        elif interval != min(due.values()):
            self._wrong(f"the interval is {interval}, not {min(due.values())}")
        ill = any(self._near(self.known[name], since - BUS_OPEN, until) for name in told)
        if until - since > (LONGEST if ill else SOUND):
            self._wrong(f"a round took {until - since:.2f} s")

    def _near(self, one: Known, since: float, until: float) -> list[Trouble]:
        """Return the troubles on a sensor's bus in between."""
        return [trouble for trouble in self.troubles if trouble.bus == one.bus and trouble.touches(since, until)]

    # ---- a sensor in a batch

    def _judge(
        self, one: Known, readings: Mapping[str, Any], fault: Any, since: float, until: float, timestamp: str
    ) -> None:
        name, near = one.spec.id, self._near(one, since, until)
        own = [trouble for trouble in near if trouble.address in (None, one.spec.address)]
        for wrong in self._values(one, readings, own, since, until):
            self._wrong(f"{name}: {wrong}")
        well = bool(readings) and all(r["status"] in ("ok", "suspect") for r in readings.values())
        if well != (fault is None):
            self._wrong(f"{name}: {'a' if fault else 'no'} fault beside {readings}")
        elif fault is None:
            if any(trouble.kind in CERTAIN and trouble.spans(since, until) for trouble in own):
                self._wrong(f"{name}: is ok, but has {[trouble.kind for trouble in own]}")
        else:
            outage = until + _seconds(fault["since"]) - _seconds(timestamp)
            if abs(outage - (until if one.since is None else one.since)) > MILLISECOND:
                self._wrong(f"{name}: since is {outage:.3f}, the outage began at {one.since}")
            for wrong in (*self._attempts(one, fault, near, own, since), *self._breaker(one, fault, until)):
                self._wrong(f"{name}: {wrong}")

    def _values(
        self, one: Known, readings: Mapping[str, Any], own: Sequence[Trouble], since: float, until: float
    ) -> Iterator[str]:
        """Yield what is wrong with the readings of a sensor."""
        quantities = {quantity.name: quantity for quantity in find(one.spec.driver).quantities}
        blind = one.spec.driver == "lm75" and any(trouble.kind == "corrupt" for trouble in own)  # it has no checksum
        fresh = {name: r for name, r in readings.items() if r["status"] in ("ok", "suspect")}
        if fresh and fresh.keys() != quantities.keys():
            yield f"only {list(fresh)} is told"
        for name, reading in fresh.items():
            low, high = one.spec.limits.get(name, (float("-inf"), float("inf")))
            right = "ok" if low <= reading["value"] <= high else "suspect"
            if not blind and not one.tells(quantities[name], reading["value"], since, until):
                yield f"{name} is {reading['value']}, the fake feels {one.feels(name, until):.3f}"
            if reading["status"] != right or (right == "suspect") != ("reason" in reading):
                yield f"{name} of {reading['value']} is {reading['status']}, not {right}"
        if any(r["unit"] != quantities[name].unit for name, r in readings.items()):
            yield f"a unit is wrong: {readings}"
        if not fresh:
            yield from self._instead(one, readings, until)

    def _instead(self, one: Known, readings: Mapping[str, Any], until: float) -> Iterator[str]:
        """Yield what is wrong with that which takes the place of readings."""
        kind, _, source = one.spec.fallback.partition(":")
        right: dict[str, dict[str, Any]] = {}
        if kind == "last":
            right = {
                name: {"status": "stale", "value": value, "age": round(until - at, 3)}
                for name, (value, at) in one.good.items()
                if until - at <= one.spec.max_age
            }
        elif kind == "sensor":
            other = self.known[source]
            right = {
                name: {"status": "substituted", "value": other.shown[name], "source": source}
                for name in {quantity.name for quantity in find(one.spec.driver).quantities} & other.shown.keys()
                if other.status == "ok"
            }
        found = {name: {key: r.get(key) for key in right.get(name, r)} for name, r in readings.items()}
        for name in right.keys() | found.keys():
            here, there = found.get(name), right.get(name)
            if here is None or there is None or any(not _same(here[key], there[key]) for key in there):
                yield f"{name} is replaced by {here}, not by {there}"

    def _attempts(
        self, one: Known, fault: Mapping[str, Any], near: Sequence[Trouble], own: Sequence[Trouble], since: float
    ) -> Iterator[str]:
        """Yield what is wrong with the attempts and the error of a fault."""
        attempts, error, probes = fault["attempts"], fault["error"], one.breaker != "closed"
        bus = [trouble for trouble in near if trouble.kind in OF_THE_BUS]
        refused = probes and since < one.until
        if attempts == 0:
            stuck = error == "BusStuck" and (bus or self._bus_was_dead(one, since))
            if not stuck and not (refused and error == one.error):
                yield f"was not asked because of {error}, before that {one.error or 'nothing'}; refused: {refused}"
            return
        if refused:
            yield f"was asked {one.until - since:.1f} s before its breaker lets it"
        if not any(error in ERRORS[trouble.kind] for trouble in own) and not self._lost_power(one, error, since):
            yield f"{error} after {attempts} attempts, but it has {[trouble.kind for trouble in own]}"
        hangs = any(trouble.kind == "hang" for trouble in own)
        once = probes or hangs or error in NEVER_RETRIED
        if attempts > (1 if probes else 3) or (attempts != (1 if once else 3) and not self._changed(own, error)):
            yield f"{attempts} attempts, {error}, breaker {one.breaker}"

    @staticmethod
    def _changed(own: Sequence[Trouble], error: str) -> bool:
        """Tell whether one attempt may have met another error than the next."""
        return error == "WrongChip" or any(trouble.kind == "hang" for trouble in own)

    def _lost_power(self, one: Known, error: str, since: float) -> bool:
        """Tell whether the chip has been without power since its last reading, which its first probe finds out."""
        before = self._near(one, one.last_ok or 0.0, since)
        return error == "LostPower" and any(
            trouble.address == one.spec.address and trouble.kind in UNPOWERED for trouble in before
        )

    def _bus_was_dead(self, one: Known, since: float) -> bool:
        """Tell whether the bus's breaker may still be open: all of it was silent, or two of its sensors hung in turn.

        A sensor whose own breaker is open cannot probe its bus before that has ended, too; a hang prolongs all of it.
        """
        earliest = since - BUS_OPEN - (one.bus in self._waiting) * PERIODS[-1] * JITTER
        before = [trouble for trouble in self._near(one, earliest - TEN_MINUTES, since) if trouble.kind in OF_THE_BUS]
        dead = any(trouble.kind == "stuck" for trouble in before) or len({trouble.address for trouble in before}) > 1
        return dead and any(trouble.touches(earliest, since) for trouble in before)

    def _breaker(self, one: Known, fault: Mapping[str, Any], until: float) -> Iterator[str]:
        """Yield what is wrong with a breaker after a fault; hangs may open it at once."""
        state, left = fault["breaker"], fault["retryAfter"]
        if (left is None) != (state == "closed"):
            yield f"a breaker that is {state} is asked again in {left} s"
            return
        if fault["attempts"] == 0:
            if state != one.breaker or (left and abs(until + left - one.until) > MILLISECOND):
                yield f"its breaker was {one.breaker} until {one.until:.3f}, now {state} for {left} s"
            return
        if fault["error"] == "TypeError":
            if state != ("closed" if one.breaker == "closed" else "half_open"):
                yield f"a bug has made the breaker {state}"
            return
        opens = one.breaker != "closed" or one.failures + 1 >= one.spec.breaker.failure_threshold
        if fault["error"] != "BusTimeout" and (state == "open") != opens:
            yield f"its breaker is {state} after {one.failures + 1} failures"
        if state == "open":
            period = PERIODS[min(one.openings, len(PERIODS) - 1)]
            if not period - LONGEST <= left <= period * JITTER + MILLISECOND:
                yield f"opening {one.openings + 1} of its breaker is for {left} s, not {period:g} s"

    def _learn(self, one: Known, readings: Mapping[str, Any], fault: Any, until: float) -> None:
        """Take what was told as known."""
        one.shown = {name: reading["value"] for name, reading in readings.items()}
        one.shown_at = until
        statuses = {reading["status"] for reading in readings.values()} or {"unavailable"}
        one.status = next(iter(statuses)) if len(statuses) == 1 else "suspect"
        for name, reading in readings.items():
            if reading["status"] == "ok":
                one.good[name] = (reading["value"], until)
                one.last_ok = until
        if fault is None:
            one.since, one.error, one.failures, one.openings, one.breaker = None, "", 0, 0, "closed"
            return
        one.since = until if one.since is None else one.since
        one.error = fault["error"]
        counted = fault["attempts"] > 0 and fault["error"] != "TypeError"
        one.failures += counted
        one.openings += counted and fault["breaker"] == "open"
        one.breaker, one.until = fault["breaker"], until + (fault["retryAfter"] or 0.0)

    # ---- edges, and the present

    def _event(self, document: dict[str, Any], at: float) -> None:
        (reading,) = document["readings"]
        one = self.known[reading["sensorId"]]
        changed, curves = one.curves[-1]
        if abs(at - changed) > MILLISECOND or reading["value"] != curves["state"].mean:
            self._wrong(f"an edge to {reading['value']} at {at:.3f}, the line changed at {changed:.3f}: {curves}")
        if document["interval"] is not None or document["unavailableSensors"] or document["faults"]:
            self._wrong(f"no event: {document}")
        self._learn(one, {reading["quantity"]: reading}, None, at)

    def state(self, document: dict[str, Any]) -> None:
        """Judge the present at the moment at which it is written down."""
        self._arrange()
        for name, entry in document["sensors"].items():
            one = self.known[name]
            right: dict[str, Any] = {q.name: one.shown.get(q.name) for q in find(one.spec.driver).quantities}
            right["status"] = one.status if one.shown else "unavailable"
            right["timestamp"] = self._stamp(one.shown_at)
            if entry != right:
                self._wrong(f"{name}: state is {entry}, not {right}")
        missing = [name for name, one in self.known.items() if not one.shown]
        odd = any(one.status != "ok" for one in self.known.values())
        if (document["unavailableSensors"], document["degraded"]) != (missing, odd):
            self._wrong(f"state: {document['degraded']}, {document['unavailableSensors']}; missing are {missing}")

    def health(self, document: dict[str, Any]) -> None:
        """Judge what `health` says of the sensors."""
        self._arrange()
        for name, entry in document["sensors"].items():
            one = self.known[name]
            right = {"status": one.status, "since": self._stamp(one.since), "lastOk": self._stamp(one.last_ok)}
            found = {key: entry[key] for key in right}
            if found != right or (entry["error"] or "").partition(":")[0] != one.error:
                self._wrong(f"{name}: health is {entry}, not {right}")
        odd = any(one.status not in ("ok", "unknown") for one in self.known.values())
        if document["degraded"] != odd:
            self._wrong(f"health: degraded is {document['degraded']}")

    def _stamp(self, moment: float | None) -> str | None:
        return None if moment is None else self.clock.stamp(moment - self.clock.booted)


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _same(one: Any, other: Any) -> bool:
    numbers = isinstance(one, float) and isinstance(other, float)
    return abs(one - other) < MILLISECOND if numbers else bool(one == other)
