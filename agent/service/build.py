"""From the configuration to sensors with retry, breaker and fallback, and to buses with their breakers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from random import Random
from typing import TYPE_CHECKING, Any

from agent.acquisition.bus import GuardedBus
from agent.acquisition.calibration import Calibration
from agent.acquisition.derived import Derivation
from agent.acquisition.sensor import Sensor
from agent.acquisition.turn import COUNTED
from agent.config import BusConfig, Config, SensorConfig
from agent.resilience import BreakerEvent, CircuitBreaker, RetryPolicy
from drivers.chip import Driver

from .hardware import Hardware

if TYPE_CHECKING:
    from agent.acquisition.deadband import Deadbands

BUS_RESET, BUS_MAX_RESET = 5.0, 60.0  # seconds between two probes of a silent bus


class Assembly:
    """The sensors and buses of the present configuration.

    Args:
        on_event: called with every change of a breaker, also in the thread of a bus.

    Attributes:
        buses: by name, also those that no longer have sensors.
        due: each sensor with the name of its bus, "" without one, in the order of the configuration.
    """

    def __init__(
        self, hardware: Hardware, clock: Callable[[], float], rng: Random, on_event: Callable[[BreakerEvent], None]
    ) -> None:
        self.hardware, self.clock, self.rng, self.on_event = hardware, clock, rng, on_event
        self.buses: dict[str, GuardedBus] = {}
        self.due: list[tuple[Sensor, str]] = []
        self._specs: dict[str, SensorConfig] = {}
        self._buses: dict[str, BusConfig] = {}

    @property
    def sensors(self) -> list[Sensor]:
        """All sensors, in the order of the configuration."""
        return [sensor for sensor, _ in self.due]

    def find(self, sensor: str) -> Sensor | None:
        """Return the sensor with this id, if there is one."""
        return next((one for one, _ in self.due if one.id == sensor), None)

    @property
    def used(self) -> dict[str, GuardedBus]:
        """The buses that have sensors, by name."""
        return {name: self.buses[name] for _, name in self.due if name}

    def arrange(self, config: Config) -> list[Sensor]:
        """Build new and changed sensors, keep the others, close those that are gone; return what was built.

        A bus stays even without sensors: a round that is under way may still use it.
        """
        gone = {sensor.id: (sensor, bus) for sensor, bus in self.due}
        pairs = {spec.id: gone.pop(spec.id) for spec in config.sensors if self._specs.get(spec.id) == spec}
        # Before new sensors are built, since they may need the same pins.
        for sensor, _ in gone.values():
            sensor.abandon()
            sensor.chip.close()
        built = []
        for spec in config.sensors:
            if spec.id not in pairs:
                bus, driver = self._driver(spec)
                sensor = self._sensor(spec, driver)
                if spec.id in gone:
                    # A counter never falls while the agent runs.
                    sensor.attempts.counters = gone[spec.id][0].attempts.counters
                pairs[spec.id] = (sensor, bus)
                built.append(sensor)
        self.due = [pairs[spec.id] for spec in config.sensors]
        self._specs = {spec.id: spec for spec in config.sensors}
        self._arrange_recoveries({bus.name: bus for bus in config.buses})
        return built

    def certificates(self) -> dict[str, dict[str, dict[str, str]]]:
        """Return sensor -> quantity -> `due` and `certificate` of its calibration, as far as they are configured."""
        found: dict[str, dict[str, dict[str, str]]] = {}
        for spec in self._specs.values():
            for name, one in spec.calibrations.items():
                known = {"due": one.due, "certificate": one.certificate}
                found.setdefault(spec.id, {})[name] = {key: value for key, value in known.items() if value is not None}
        return found

    def overdue(self, today: str) -> list[str]:
        """Return `sensor.quantity` of each calibration that was due before today, as in "2027-05-01"; sorted."""
        return sorted(
            f"{spec.id}.{name}"
            for spec in self._specs.values()
            for name, one in spec.calibrations.items()
            if one.due is not None and one.due < today
        )

    def close(self) -> None:
        """Give pins back and end the buses' threads, without waiting for them."""
        for bus in self.buses.values():
            bus.close()
        for sensor, _ in self.due:
            if not sensor.chip.addresses:
                sensor.chip.close()
        self.hardware.close()

    def _arrange_recoveries(self, buses: dict[str, BusConfig]) -> None:
        """Replace the recovery of each bus whose configuration has changed."""
        for name, bus in self.buses.items():
            if buses.get(name) != self._buses.get(name):
                if bus.recovery is not None:
                    bus.recovery.close()
                bus.recovery = self.hardware.recovery(buses[name]) if name in buses else None
        self._buses = {name: bus for name, bus in buses.items() if name in self.buses}

    def _driver(self, spec: SensorConfig) -> tuple[str, Driver]:
        """Return the name of a sensor's bus and its driver; a vote has no bus."""
        if spec.is_vote:
            from drivers.chip.vote import Vote

            return "", Vote(**spec.options)
        bus, driver = self.hardware.driver(spec)
        self._bus(bus)
        return bus, driver

    def _bus(self, name: str) -> None:
        if name not in self.buses:
            breaker = CircuitBreaker(
                1,
                BUS_RESET,
                name=f"bus:{name}",
                max_reset_timeout_seconds=BUS_MAX_RESET,
                on_event=self.on_event,
                clock=self.clock,
                rng=self.rng,
            )
            self.buses[name] = GuardedBus(name, self.hardware.worker(name), breaker)

    def _sensor(self, spec: SensorConfig, driver: Driver) -> Sensor:
        breaker = CircuitBreaker(
            spec.breaker.failure_threshold,
            spec.breaker.reset_timeout,
            name=spec.id,
            exceptions=COUNTED,
            multiplier=spec.breaker.multiplier,
            max_reset_timeout_seconds=spec.breaker.max_reset_timeout,
            on_event=self.on_event,
            clock=self.clock,
            rng=self.rng,
        )
        retry = RetryPolicy(
            spec.retry.attempts, spec.retry.base_delay, spec.retry.max_delay, clock=self.clock, rng=self.rng
        )
        more: dict[str, Any] = {}
        kind: type[Sensor] = Sensor
        # Windows, votes and deadbands are imported where they are configured.
        if spec.is_vote:
            from agent.acquisition.vote import VoteSensor

            kind, more = VoteSensor, {"find": self.find}
        elif spec.sample is not None:
            from agent.acquisition.window import WindowedSensor

            kind, more = WindowedSensor, {"sample": spec.sample}
        return kind(
            spec.id,
            driver,
            every=spec.every,
            timeout=spec.timeout,
            breaker=breaker,
            retry=retry,
            clock=self.clock,
            driver=spec.driver,
            fallback=spec.fallback,
            max_age=spec.max_age,
            calibration=_calibration(spec),
            derivation=Derivation(spec.derive, spec.derive_altitude or 0.0) if spec.derive else None,
            **more,
        )


def _calibration(spec: SensorConfig) -> Calibration:
    corrections = spec.calibrations
    pairs = {name: (one.scale, one.offset) for name, one in corrections.items()}
    curves = {name: one.points for name, one in corrections.items() if one.points}
    return Calibration(pairs, spec.limits, curves, spec.rate)


def deadbands(sensors: Iterable[SensorConfig], connection: Callable[[], Hashable]) -> Deadbands | None:
    """Return the deadbands of the sensors; None where there is none.

    Args:
        connection: see `Deadbands`.
    """
    concerned = [spec for spec in sensors if spec.deadband]
    if not concerned:
        return None
    from agent.acquisition.deadband import Deadband, Deadbands

    return Deadbands({spec.id: Deadband(spec.deadband, spec.heartbeat) for spec in concerned}, connection)
