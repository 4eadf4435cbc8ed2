"""The retained documents `state`, `info` and `health`, ready for `messages.payloads` to encode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from agent.acquisition.scheduler import Rounds
from agent.acquisition.sensor import Sensor
from agent.clock import Clock
from agent.messages import payloads
from agent.outbox import Outbox, Previous
from agent.publisher import BrokerState, Publisher
from agent.resilience import AsyncCircuitBreaker, CircuitBreaker, CircuitState

from . import process
from .breakers import BreakerLog
from .build import Assembly

Breaker = CircuitBreaker | AsyncCircuitBreaker


@dataclass(frozen=True, slots=True)
class Identity:
    """Which run this is.

    Attributes:
        version: of the installed package.
        simulated: whether its sensors are simulated; every document then says so.
    """

    device_id: str
    run_id: str
    version: str
    simulated: bool = False


class AlarmState(NamedTuple):
    """The part of `health` that is reported at once when it changes, and that has no event of its own."""

    degraded: bool
    storage: str
    synced: bool


class Status:
    """Makes the documents as they are published, each time from their sources.

    Args:
        publisher: returns the current publisher; a reload may replace it.
        page: returns the state of the status page; None without one.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        clock: Clock,
        outbox: Outbox,
        assembly: Assembly,
        rounds: Rounds,
        breakers: BreakerLog,
        publisher: Callable[[], Publisher],
        page: Callable[[], dict[str, Any] | None],
    ) -> None:
        self.identity, self._clock, self._outbox, self._assembly = identity, clock, outbox, assembly
        self._rounds, self._breakers, self._publisher, self._page = rounds, breakers, publisher, page
        self.process = process.Process(clock)

    def now(self) -> float:
        """Return the current time in seconds of the agent's clock."""
        return self._clock.now()

    def stamp(self, moment: float) -> str:
        """Return a moment of the agent's clock as the wall time that is published."""
        return self._clock.stamp(moment)

    def connection(self) -> BrokerState:
        """Return the state of the connection to the broker."""
        return self._publisher().state

    @property
    def sensors(self) -> list[Sensor]:
        """All sensors of the current configuration."""
        return self._assembly.sensors

    def state(self) -> dict[str, Any]:
        """Return the present of every sensor."""
        return self._true(payloads.state(self.sensors, now=self.stamp(self._clock.now()), stamp=self.stamp))

    def info(self) -> dict[str, Any]:
        """Return what this device is and measures."""
        document = payloads.info(
            self.sensors,
            device_id=self.identity.device_id,
            boot_id=self.identity.run_id,
            started=self.stamp(self.process.began),
            version=self.identity.version,
            host=process.host(),
            previous=_previous(self._outbox.previous),
            calibrated=self._assembly.certificates(),
        )
        return self._true(document)

    def clock_offset(self) -> float:
        """Return wall time minus the agent's clock, in seconds."""
        return self._clock.offset()

    def alarms(self) -> AlarmState:
        """Return what is reported at once when it changes; breakers and connection have events of their own."""
        degraded = any(sensor.present.degraded for sensor in self.sensors)
        return AlarmState(degraded, self._outbox.storage.state, self._clock.synced())

    def breakers(self) -> dict[str, Breaker]:
        """Return all breakers by name: the sensors' ids, `bus:i2c-1` and so on, `broker`."""
        breakers: dict[str, Breaker] = {sensor.id: sensor.breaker for sensor in self.sensors if not sensor.voters}
        breakers |= {f"bus:{name}": bus.breaker for name, bus in self._assembly.used.items()}
        breakers["broker"] = self._publisher().breaker
        return breakers

    def health(self) -> dict[str, Any]:
        """Return the state of everything: sensors, breakers, buses, broker, outbox, clock, process."""
        page = self._page()
        document = payloads.camel(
            {
                "schema": payloads.SCHEMA,
                "device_id": self.identity.device_id,
                "boot_id": self.identity.run_id,
                "timestamp": self.stamp(self._clock.now()),
                "degraded": any(sensor.present.degraded for sensor in self.sensors),
                "breakers": {name: self._breaker(name, one) for name, one in self.breakers().items()},
                "sensors": {sensor.id: self._sensor(sensor) for sensor in self.sensors},
                "buses": {n: {"silent_first": bus.silent[0]} for n, bus in self._assembly.used.items() if bus.silent},
                "broker": self._broker(),
                "outbox": self._outbox_facts(),
                "clock": {"synced": self._clock.synced(), "offset": round(self._clock.offset(), 3)},
                "process": self.process.facts(),
                "calibration": {"overdue": self._assembly.overdue(self.stamp(self._clock.now())[:10])},
                "rounds": {name: getattr(self._rounds, name) for name in ("finished", "late", "skipped")},
                **({} if page is None else {"web": page}),
            }
        )
        return self._true(document)

    def _true(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document, marked as simulated if the sensors are."""
        return payloads.simulated(document) if self.identity.simulated else document

    def _breaker(self, name: str, one: Breaker) -> dict[str, Any]:
        since = self._breakers.since(name)
        return {
            "state": one.state.value,
            "failures": one.failure_count,
            "retry_after": None if one.state is CircuitState.CLOSED else round(one.retry_after, 3),
            "since": self.stamp(self.process.began if since is None else since),
        }

    def _sensor(self, sensor: Sensor) -> dict[str, Any]:
        present = sensor.present
        return {
            "status": present.status,
            "error": f"{present.error}: {present.message}" if present.error else None,
            "since": self._optional(present.since),
            "last_ok": self._optional(present.last_ok),
        }

    def _outbox_facts(self) -> dict[str, Any]:
        stats = self._outbox.stats()
        return {
            "durability": stats.durability,
            "waiting": stats.waiting,
            "bytes": stats.size,
            "oldest": self._optional(stats.oldest),
            "dropped": stats.dropped,
            "refused": stats.refused,
            "unheard": stats.unheard,
            "storage": stats.storage,
        }

    def _broker(self) -> dict[str, Any]:
        state = self.connection()
        return {
            "connected": state.connected,
            "since": self.stamp(state.since),
            "error": state.error,
            "sessions": state.sessions,
            "duplicate_client_id": state.duplicate,
            "version": state.facts.version if state.facts else None,
            "limits": dict(state.limits),
            "refused": [
                {"topic": one.topic, "reason": one.reason, "since": self.stamp(one.since)} for one in state.refused
            ],
        }

    def _optional(self, moment: float | None) -> str | None:
        return None if moment is None else self.stamp(moment)


def _previous(previous: Previous | None) -> dict[str, Any] | None:
    if previous is None:
        return None
    return {"boot_id": previous.run_id, "last_seq": previous.last_seq, "clean": previous.clean}
