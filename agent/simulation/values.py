"""Whether what an agent says of any sensor is what its fake feels: the judge for configurations of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from .clock import TRUTH, SimClock
from .machine import SimulatedMachine
from .promises import Promise
from .scenario import ScenarioFault

# What a conversion may show of the past, in seconds; a chip that converts more seldom has its own line.
LAG = 6.0
LAGS = {"ds3231": 65.0, "sgp30": 20.0}
# A reading is measured this many seconds after its batch's moment at most, or tells its own.
APART = 0.5
# Of two units in the last place, and of a coarse word's rounding, as a share of the value.
STEPS, SHARE = 2.5, 0.003
# Meanwhile, and shortly after, a value may stick, or be damaged without a checksum to tell.
UNTRUE = ("frozen", "corrupt", "wrong_chip")
AFTERWARDS = 130.0
# What is counted or summed up between two readings, and what an edge may change at any moment.
COUNTED = ("count", "frequency", "state", "energy", "charge_passed")
# An unknown one has not had its first chance, and is well unless it says why.
WELL = ("ok", "unknown", "beyond_range")


class ValueJudge:
    """Holds values against the weather of the fakes that were asked.

    Attributes:
        judged: how many values were. spared: how many came while their sensor was frozen or damaged.
    """

    def __init__(
        self, clock: SimClock, wrong: Callable[[str, Promise], None], faults: tuple[ScenarioFault, ...] = ()
    ) -> None:
        self.clock, self._wrong = clock, wrong
        self._faults = [one for one in faults if one.kind in UNTRUE]
        self.judged = self.spared = 0
        self._agent: Any = None
        self._machine: SimulatedMachine | None = None
        self._specs: dict[str, Any] = {}
        self._buses: dict[str, str] = {}
        self._units: dict[str, dict[str, Any]] = {}
        self._told: dict[str, dict[str, Any]] = {}
        # The runs in their order; what subscribers have, and of which batch; and what the last state says.
        self._runs: dict[str, int] = {}
        self._known: dict[tuple[str, str], tuple[tuple[int, int], float]] = {}
        self._present: dict[str, dict[str, Any]] = {}
        # Sensor and quantity of what the last batch left out.
        self._near: set[tuple[str, str]] = set()

    def begin(self, agent: Any, machine: SimulatedMachine) -> None:
        """A run of the agent begins."""
        self._agent, self._machine = agent, machine
        self._specs = {spec.id: spec for spec in agent.config.sensors}
        self._buses = machine.buses_of_sensors
        self._units, self._told, self._near = {}, {}, set()

    def batch(self, document: dict[str, Any], at: float) -> None:  # noqa: ARG002
        """Judge a batch that was made at this moment."""
        self._runs.setdefault(document["bootId"], len(self._runs))
        told: dict[str, dict[str, Any]] = {name: {} for name in document["unavailableSensors"]}
        for reading in document["readings"]:
            told.setdefault(reading["sensorId"], {})[reading["quantity"]] = reading["value"]
            if reading["status"] in ("ok", "suspect"):
                for what in self._reading(reading, document):
                    self._wrong(what, Promise.TRUE)
        self._told |= self._with_unchanged(told, document.get("unchanged", ()))

    def _with_unchanged(self, told: dict[str, dict[str, Any]], names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what a batch says, with the last value of what it leaves out, which may have moved by its deadband."""
        self._near = {pair for pair in self._near if pair[0] not in told}
        for sensor, _, quantity in (name.partition(".") for name in names):
            value = self._told.get(sensor, {}).get(quantity)
            if value is None:
                self._wrong(f"{sensor}'s {quantity} is unchanged, but was never sent", Promise.TRUE)
            told.setdefault(sensor, {})[quantity] = value
            self._near.add((sensor, quantity))
        return told

    def state(self, document: dict[str, Any]) -> None:
        """Judge the present: each sensor's value is the one that was told last."""
        self._present = document["sensors"]
        for sensor, entry in document["sensors"].items():
            for quantity, value in self._told.get(sensor, {}).items():
                band = self._specs[sensor].deadband[quantity] if (sensor, quantity) in self._near else 0.0
                now = entry.get(quantity)
                if now != value and (now is None or value is None or abs(now - value) > band):
                    said = f"state has {sensor}'s {quantity} as {entry.get(quantity)}, the last batch as {value}"
                    self._wrong(said, Promise.PRESENT)

    def heard(self, document: dict[str, Any]) -> None:
        """Judge what a subscriber takes for the present when a batch arrives: its last values, where they are named."""
        order = self._runs[document["bootId"]], document["seq"]
        for one in document["readings"]:
            key = one["sensorId"], one["quantity"]
            if self._known.get(key, ((0, 0), 0.0))[0] < order:
                self._known[key] = order, one["value"]
        for name in () if document.get("historical") else document.get("unchanged", ()):
            sensor, _, quantity = name.partition(".")
            known, now = self._known.get((sensor, quantity)), self._present.get(sensor, {}).get(quantity)
            band = self._specs[sensor].deadband[quantity] + self._quantities(sensor)[quantity].step
            if known is None or (now is not None and abs(known[1] - now) > band):
                said = f"{sensor}'s {quantity} is unchanged and is {now}, but a subscriber has {known and known[1]}"
                self._wrong(said, Promise.PRESENT)

    def health(self, document: dict[str, Any]) -> None:
        """Judge whether the health is as degraded as its sensors."""
        sensors = document["sensors"].values()
        odd = [one for one in sensors if one["status"] not in WELL or (one["status"] == "unknown" and one["error"])]
        if document["degraded"] != bool(odd):
            self._wrong(f"health: degraded is {document['degraded']}, not ok are {len(odd)} sensors", Promise.DEGRADED)

    def _reading(self, reading: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
        assert self._machine is not None
        sensor, name, value = reading["sensorId"], reading["quantity"], reading["value"]
        quantity = self._quantities(sensor).get(name)
        device = self._machine.devices.get(sensor)
        if quantity is None or device is None or name not in device.curves:
            return
        if reading["unit"] != quantity.unit:
            yield f"{sensor}: {name} is in {reading['unit']!r}, not in {quantity.unit!r}"
        if name in COUNTED:
            return
        moment = self._moment(reading.get("timestamp", document["timestamp"]))
        correction = self._correction(sensor, name)
        if correction is None or self._untrue(sensor, moment):
            self.spared += 1
            return
        self.judged += 1
        scale, offset = correction
        low, high = sorted(scale * felt + offset for felt in self._felt(device, sensor, name, moment))
        slack = STEPS * quantity.step * max(1.0, abs(scale)) + SHARE * abs(value) + 1e-6
        if not low - slack <= value <= high + slack:
            yield f"{sensor}: {name} of {moment:.1f} s is {value}, but {low:.4g}..{high:.4g} was felt"

    def _felt(self, device: Any, sensor: str, name: str, moment: float) -> tuple[float, float]:
        """Return the least and the most that its fake felt at about this moment."""
        spec = self._specs[sensor]
        past = LAGS.get(spec.driver, LAG) + (spec.every if getattr(spec, "sample", None) else 0.0)
        curve = device.curves[name]
        if curve.swing == 0:
            return curve.mean, curve.mean
        felt = [curve.at(moment + APART - (past + APART) * part / 4) for part in range(5)]
        return min(felt), max(felt)

    def _correction(self, sensor: str, name: str) -> tuple[float, float] | None:
        """Return scale and offset, or None where the calibration is a curve, which is not judged."""
        one = self._specs[sensor].calibrations.get(name)
        if one is None:
            return 1.0, 0.0
        return None if one.points else (one.scale, one.offset)

    def _untrue(self, sensor: str, moment: float) -> bool:
        assert self._machine is not None
        bus = self._buses[sensor]
        return any(
            (one.sensor == sensor or one.bus == bus) and one.touches(moment - AFTERWARDS, moment + APART)
            for one in self._faults
        )

    def _quantities(self, sensor: str) -> dict[str, Any]:
        """Return what a sensor measures; some find that out at their first reading."""
        found = self._units.get(sensor)
        if not found:
            one = next(one for one in self._agent.assembly.sensors if one.id == sensor)
            found = self._units[sensor] = {quantity.name: quantity for quantity in one.quantities}
        return found

    def _moment(self, stamp: str) -> float:
        """Return a stamp's moment on the loop's clock, by today's belief."""
        return datetime.fromisoformat(stamp).timestamp() - TRUTH - self.clock.error
