"""What the page shows: the documents as published, and what only a person at this device wants to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.acquisition.sensor import Sensor
from agent.messages import payloads
from agent.messages.homeassistant import digits
from agent.model import Present
from agent.publisher import NOT_YET
from agent.resilience import CircuitState
from agent.web.metrics import Reads
from agent.web.recent_faults import Cause, Failing, RecentFaults
from drivers.chip import Quantity

from .build import Assembly
from .status import Status

STUCK = ("BusStuck", "BusTimeout")


class PageDocuments:
    """The documents of one run, for the page.

    Attributes:
        faults: the last ones; `note_faults` keeps them up to date.
    """

    def __init__(self, status: Status, assembly: Assembly) -> None:
        self._status, self._assembly = status, assembly
        self.health, self.state, self.info = status.health, status.state, status.info
        self.faults = RecentFaults()

    def reads(self) -> dict[str, Reads]:
        """Return what was counted of each sensor's reads; a vote has no bus and is never read."""
        return {one.id: one.attempts.counters for one, bus in self._assembly.due if bus}

    def parts(self) -> dict[str, Any]:
        """Return the parts of the page by name; which of them has changed is for the page to find out."""
        health = self.health()
        del health["sensors"]
        health["breakers"] = {name: one for name, one in health["breakers"].items() if one["state"] != "closed"}
        return {
            "info": self.info(),
            "quantities": {
                one.id: [_quantity(quantity) for quantity in one.quantities] for one in self._status.sensors
            },
            "health": health,
            **payloads.camel(
                {
                    "sensors": {one.id: self._sensor(one, bus) for one, bus in self._assembly.due},
                    "buses": {name: self._bus(cause) for name, cause in self._stuck()},
                }
            ),
            "faults": [payloads.camel(one) for one in self._faults()],
        }

    def note_faults(self) -> None:
        """Tell the recent faults what fails at this moment."""
        self.faults.update(dict(self._causes()), self._status.now())

    def _sensor(self, sensor: Sensor, bus: str) -> dict[str, Any]:
        present, stamp = sensor.present, self._status.stamp
        due = present.measured or 0.0
        return {
            "status": present.status,
            "bus": bus,
            "measured": self._optional(present.measured),
            "last_ok": self._optional(present.last_ok),
            "since": self._optional(present.since),
            "error": present.error,
            "message": present.message,
            "readings": [payloads.reading(one, due, stamp) for one in present.readings],
            "faults": [payloads.fault(one, stamp) for one in sensor.history.missing.values()],
        }

    def _bus(self, cause: Cause) -> dict[str, Any]:
        sensors = [one.name for one in cause.covers]
        return {"since": self._status.stamp(cause.since), "message": cause.message, "sensors": sensors}

    def _stuck(self) -> Iterator[tuple[str, Cause]]:
        """Yield the buses that do not answer, with the sensors that are silent because of it."""
        for name, bus in self._assembly.used.items():
            silent = [one for one, its in self._assembly.due if its == name and one.present.error in STUCK]
            stuck = [one for one in silent if one.present.error == "BusStuck"]
            if silent and (bus.breaker.state is not CircuitState.CLOSED or len(stuck) > 1):
                present = (stuck or silent)[0].present
                since = min(one.present.since or present.since or 0.0 for one in silent)
                yield name, Cause(present.error, present.message, since, tuple(Failing(one.id) for one in silent))

    def _causes(self) -> Iterator[tuple[Failing, Cause]]:
        """Yield everything that fails at this moment, a stuck bus instead of its sensors."""
        stuck = dict(self._stuck())
        yield from ((Failing(f"bus:{name}"), cause) for name, cause in stuck.items())
        covered = {one for cause in stuck.values() for one in cause.covers}
        for sensor in self._status.sensors:
            if Failing(sensor.id) not in covered:
                yield from _causes_of(sensor)
        broker = self._status.connection()
        # Until the first try has ended nothing is wrong.
        if not broker.connected and broker.error and broker.error != NOT_YET:
            yield Failing("broker"), Cause("", broker.error, broker.since)

    def _faults(self) -> Iterator[Mapping[str, Any]]:
        for one in self.faults.entries():
            yield {
                "name": one.failing.name,
                "quantity": one.failing.quantity,
                "error": one.error,
                "message": one.message,
                "began": self._status.stamp(one.began),
                "ended": self._optional(one.ended),
            }

    def _optional(self, moment: float | None) -> str | None:
        return None if moment is None else self._status.stamp(moment)


def _causes_of(sensor: Sensor) -> Iterator[tuple[Failing, Cause]]:
    """Yield why a sensor fails, or which of its quantities."""
    present: Present = sensor.present
    missing = sensor.history.missing
    if present.error and not missing:
        yield Failing(sensor.id), Cause(present.error, present.message, present.since or 0.0)
    for name, fault in missing.items():
        if not fault.harmless:
            yield Failing(sensor.id, name), Cause(fault.error, fault.message, fault.since)


def _quantity(one: Quantity) -> dict[str, Any]:
    known = {"name": one.name, "unit": one.unit, "step": one.step, "words": list(one.words)}
    return known | {"digits": digits(one.step) if one.step > 0 else None}
