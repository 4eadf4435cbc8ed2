"""The door to the hardware: a configured sensor becomes a driver on its bus, a bus becomes a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from agent.config import BusConfig, SensorConfig
from drivers.bus.i2c import LastingBus, open_bus
from drivers.bus.worker import BusWorker, Worker
from drivers.catalog import find, open_chip
from drivers.chip import Driver

if TYPE_CHECKING:
    from drivers.bus.recovery import Recovery


class Hardware(Protocol):
    """Where chips and workers come from: this machine, or a simulated one."""

    def driver(self, spec: SensorConfig) -> tuple[str, Driver]: ...
    def worker(self, bus: str) -> Worker: ...
    def recovery(self, bus: BusConfig) -> Recovery | None: ...
    def close(self) -> None: ...


class RealHardware:
    """Real buses, real pins, a thread for each bus."""

    def __init__(self) -> None:
        self._buses: dict[int, LastingBus] = {}

    def driver(self, spec: SensorConfig) -> tuple[str, Driver]:
        """Return the name of the sensor's bus and its driver, without any I/O."""
        return build(spec, self.bus(spec.bus))

    def bus(self, number: int) -> Any:
        """Return the lasting bus of /dev/i2c-`number`."""
        if number not in self._buses:
            self._buses[number] = LastingBus(f"i2c-{number}", lambda: open_bus(number))
        return self._buses[number]

    def worker(self, bus: str) -> Worker:
        """Return a new worker for a bus."""
        return BusWorker(bus)

    def recovery(self, bus: BusConfig) -> Recovery | None:
        """Return what is configured to free a stuck bus, without any I/O."""
        from drivers.bus.recovery import recovery, run_pinctrl

        return recovery(bus.recovery, scl=bus.scl, sda=bus.sda, power=bus.power, pinctrl=run_pinctrl)

    def close(self) -> None:
        """Nothing: the buses belong to their threads, and a thread that hangs must not hold the end up."""


def build(spec: SensorConfig, bus: Any) -> tuple[str, Driver]:
    """Return the bus and the driver of a configured sensor, on `bus` if it is an I2C chip."""
    kind = find(spec.driver)
    if kind.addresses:
        if spec.mux is not None:
            from drivers.bus.mux import Mux

            bus = Mux(bus, spec.mux.address, spec.mux.channel)
        return f"i2c-{spec.bus}", open_chip(spec.driver, bus, spec.address, **spec.options)
    driver = open_chip(spec.driver, **spec.arguments())
    return getattr(driver, "bus_name", spec.driver), driver
