"""The load of a bus: how much of its time the sensors on it need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from drivers import catalog

from .devices import SensorConfig

# Seconds for which one reading holds the bus, for drivers that do not say.
UNKNOWN = 0.005


@dataclass(frozen=True, slots=True)
class BusLoad:
    """The sensors of one bus.

    Attributes:
        busy: seconds for which one reading of each holds the bus.
        interval: the shortest of their intervals, or of their samples', in seconds.
        share: the part of the bus's time that they need at their intervals; more than 1 is too much.
    """

    bus: str
    sensors: tuple[SensorConfig, ...]
    busy: float
    interval: float
    share: float

    @property
    def fits(self) -> bool:
        """Whether the bus can read what is due on it."""
        return self.share <= 1.0


def loads(sensors: Iterable[SensorConfig]) -> list[BusLoad]:
    """Return the load of each bus, in the order of the configuration. Imports the drivers."""
    on_bus: dict[str, list[SensorConfig]] = {}
    for sensor in sensors:
        if sensor.is_vote:
            continue
        on_bus.setdefault(bus_of(sensor), []).append(sensor)
    return [_load(bus, together) for bus, together in on_bus.items()]


def bus_of(sensor: SensorConfig) -> str:
    """Return the name of a sensor's bus. Imports its driver."""
    driver = catalog.find(sensor.driver)
    if driver.addresses:
        return sensor.bus_name
    name = str(getattr(driver, "bus_name", sensor.driver))
    if name == "uart":
        return str(sensor.port)
    if name == "spi":
        return f"spi{sensor.options.get('port', 0)}.{sensor.options.get('select', 0)}"
    # Each DHT has a pin of its own, so they do not share a bus.
    return f"{name}-{sensor.device or 0}" if name == "dht" else name


def _load(bus: str, sensors: list[SensorConfig]) -> BusLoad:
    alike: dict[tuple[str, float], int] = {}
    for sensor in sensors:
        alike[sensor.driver, sensor.period] = alike.get((sensor.driver, sensor.period), 0) + 1
    share = sum(_busy(driver, count) / period for (driver, period), count in alike.items())
    counts: dict[str, int] = {}
    for sensor in sensors:
        counts[sensor.driver] = counts.get(sensor.driver, 0) + 1
    busy = sum(_busy(driver, count) for driver, count in counts.items())
    return BusLoad(bus, tuple(sensors), busy, min(sensor.period for sensor in sensors), share)


def _busy(driver: str, count: int) -> float:
    kind = catalog.find(driver)
    return float(kind.busy(count)) if hasattr(kind, "busy") else count * UNKNOWN
