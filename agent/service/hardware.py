"""The hardware as the agent sees it: it makes a driver for a configured sensor, and a worker for a bus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent.clock import Clock
from agent.config import BusConfig, Config, SensorConfig, load
from drivers.bus.i2c import find_bus, open_bus
from drivers.bus.lasting import LastingBus
from drivers.bus.worker import BusWorker, Worker
from drivers.catalog import find, open_chip
from drivers.chip import Driver

if TYPE_CHECKING:
    from drivers.bus.recovery import Recovery


class Hardware(Protocol):
    """What makes drivers and workers: this machine, or a simulated one.

    Attributes:
        simulated: whether its readings are simulated; every document then says so.
    """

    simulated: bool

    def driver(self, spec: SensorConfig) -> tuple[str, Driver]: ...
    def worker(self, bus: str) -> Worker: ...
    def recovery(self, bus: BusConfig) -> Recovery | None: ...
    def close(self) -> None: ...


class RealWorld:
    """This machine and its configuration.

    Args:
        file: the configuration; None: where `agent.config.find` finds one.
    """

    def __init__(self, file: str | Path | None) -> None:
        self._file = file

    def load(self) -> Config:
        """Read the configuration; raises ConfigError."""
        return load(self._file)

    def doors(self, config: Config) -> tuple[Clock, Hardware]:  # noqa: ARG002
        """Return the machine's clock, and its buses and pins."""
        return Clock(), RealHardware()

    def watch(self, agent: object) -> None:
        """Nothing: it is watched from outside."""


class RealHardware:
    """Real buses, real pins, a thread for each bus."""

    simulated = False

    def __init__(self) -> None:
        self._buses: dict[str, LastingBus] = {}

    def driver(self, spec: SensorConfig) -> tuple[str, Driver]:
        """Return the name of the sensor's bus and its driver, without any I/O."""
        return build(spec, self._bus(spec))

    def _bus(self, spec: SensorConfig) -> LastingBus:
        if spec.bus_name not in self._buses:
            self._buses[spec.bus_name] = LastingBus(spec.bus_name, lambda: open_bus(find_bus(spec.bus)))
        return self._buses[spec.bus_name]

    def worker(self, bus: str) -> Worker:
        """Return a new worker for a bus."""
        return BusWorker(bus)

    def recovery(self, bus: BusConfig) -> Recovery | None:
        """Return the configured recovery of a stuck bus, without any I/O."""
        from drivers.bus.recovery import recovery, run_pinctrl

        return recovery(bus.recovery, scl=bus.scl, sda=bus.sda, power=bus.power, pinctrl=run_pinctrl)

    def close(self) -> None:
        """Do nothing: the buses belong to their threads, and waiting for one that hangs would delay the end."""


def build(spec: SensorConfig, bus: Any) -> tuple[str, Driver]:
    """Return the bus and the driver of a configured sensor, on `bus` if it is an I2C chip."""
    kind = find(spec.driver)
    if kind.addresses:
        if spec.mux is not None:
            from drivers.bus.mux import Mux

            bus = Mux(bus, spec.mux.address, spec.mux.channel)
        return spec.bus_name, open_chip(spec.driver, bus, spec.address, **spec.arguments())
    driver = open_chip(spec.driver, **spec.arguments())
    return getattr(driver, "bus_name", spec.driver), driver
