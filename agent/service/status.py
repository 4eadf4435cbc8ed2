"""The retained documents: `state`, `info`, `health`. From objects to what `wire` turns into JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent.acquisition.bus import GuardedBus
from agent.acquisition.scheduler import Rounds
from agent.acquisition.sensor import Sensor
from agent.clock import Clock
from agent.messages import payloads
from agent.outbox import Outbox, Previous
from agent.publisher import BrokerState
from agent.resilience import AsyncCircuitBreaker, CircuitBreaker, CircuitState

from . import process


class Status:
    """Knows whom to ask. Each method returns a document as published.

    Attributes:
        sensors, buses: as configured now.
        broker: returns the connection's breaker and state.
        web: returns how the status page is; None without one.
        since: breaker name -> when it came into its state, on the clock.
    """

    def __init__(self, device_id: str, boot_id: str, version: str, clock: Clock, outbox: Outbox) -> None:
        self.device_id, self.boot_id, self.version, self.clock, self.outbox = device_id, boot_id, version, clock, outbox
        self.process = process.Process(clock)
        self.sensors: Sequence[Sensor] = ()
        self.buses: Mapping[str, GuardedBus] = {}
        self.broker: Callable[[], tuple[AsyncCircuitBreaker, BrokerState]] | None = None
        self.rounds = Rounds()
        self.since: dict[str, float] = {}
        self.web: Callable[[], dict[str, Any]] | None = None

    def state(self) -> dict[str, Any]:
        """Return the present of every sensor."""
        return payloads.state(self.sensors, now=self._stamp(self.clock.now()), stamp=self._stamp)

    def info(self) -> dict[str, Any]:
        """Return what this device is and measures."""
        return payloads.info(
            self.sensors,
            device_id=self.device_id,
            boot_id=self.boot_id,
            started=self._stamp(self.process.began),
            version=self.version,
            host=process.host(),
            previous=_previous(self.outbox.previous),
        )

    def breakers(self) -> dict[str, CircuitBreaker | AsyncCircuitBreaker]:
        """Return all breakers by name: the sensors' ids, `bus:i2c-1` and so on, `broker`."""
        breakers: dict[str, CircuitBreaker | AsyncCircuitBreaker] = {s.id: s.breaker for s in self.sensors}
        breakers |= {f"bus:{name}": bus.breaker for name, bus in self.buses.items()}
        if self.broker is not None:
            breakers["broker"] = self.broker()[0]
        return breakers

    def health(self) -> dict[str, Any]:
        """Return how all of it is."""
        broker = self.broker()[1] if self.broker is not None else None
        return payloads.camel(
            {
                "schema": payloads.SCHEMA,
                "device_id": self.device_id,
                "boot_id": self.boot_id,
                "timestamp": self._stamp(self.clock.now()),
                "degraded": any(sensor.present.degraded for sensor in self.sensors),
                "breakers": {name: self._breaker(name, one) for name, one in self.breakers().items()},
                "sensors": {sensor.id: self._sensor(sensor) for sensor in self.sensors},
                "buses": {name: {"silent_first": bus.silent[0]} for name, bus in self.buses.items() if bus.silent},
                "broker": self._broker(broker),
                "outbox": self._outbox(),
                "clock": {"synced": self.clock.synced(), "offset": round(self.clock.offset(), 3)},
                "process": self.process.facts(),
                "rounds": {name: getattr(self.rounds, name) for name in ("finished", "late", "skipped")},
                **({} if self.web is None else {"web": self.web()}),
            }
        )

    def _breaker(self, name: str, one: Any) -> dict[str, Any]:
        return {
            "state": one.state.value,
            "failures": one.failure_count,
            "retry_after": None if one.state is CircuitState.CLOSED else round(one.retry_after, 3),
            "since": self._stamp(self.since.get(name, self.process.began)),
        }

    def _sensor(self, sensor: Sensor) -> dict[str, Any]:
        present = sensor.present
        return {
            "status": present.status,
            "error": f"{present.error}: {present.message}" if present.error else None,
            "since": self._optional(present.since),
            "last_ok": self._optional(present.last_ok),
        }

    def _outbox(self) -> dict[str, Any]:
        stats = self.outbox.stats()
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

    def _stamp(self, moment: float) -> str:
        return self.clock.stamp(moment)

    def _optional(self, moment: float | None) -> str | None:
        return None if moment is None else self._stamp(moment)

    def _broker(self, state: BrokerState | None) -> dict[str, Any]:
        if state is None:
            return {"connected": False, "since": self._stamp(self.process.began), "error": "not connected yet"}
        return {
            "connected": state.connected,
            "since": self._stamp(state.since),
            "error": state.error,
            "sessions": state.sessions,
            "duplicate_client_id": state.duplicate,
            "version": state.facts.version if state.facts else None,
        }


def _previous(previous: Previous | None) -> dict[str, Any] | None:
    if previous is None:
        return None
    return {"boot_id": previous.run_id, "last_seq": previous.last_seq, "clean": previous.clean}
