"""A simulated machine: a fake for every configured chip and pin below the true drivers, moved by a scenario.

Nothing runs by itself: weather and faults are looked up from the clock when a sensor is read.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.clock import Clock
from agent.config import BusConfig, Config, ConfigError, Mistake, SensorConfig
from agent.service.hardware import build
from drivers.bus.recovery import Recovery, recovery
from drivers.bus.worker import BusWorker, Worker
from drivers.catalog import find
from drivers.chip import Driver
from drivers.fakes import fake_chip

from .devices import DeviceOnBus, WeatherBus
from .devices_off_bus import DeviceOffBus
from .scenario import Scenario
from .scenario_file import Suffering, load


def simulated(
    config: Config,
    file: str | Path | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    ends: float = math.inf,
) -> tuple[Clock, SimulatedMachine]:
    """Return clock and machine for a configuration, with the scenario in `file`, for a run of `ends` seconds.

    Raises:
        ConfigError: the scenario has mistakes, or a driver has no fake.
    """
    machine = SimulatedMachine(config, clock=clock)
    if file is not None:
        machine.play(load(file, machine.devices, machine.places, (), ends))
    return SimulatedClock(machine.scenario, machine.elapsed), machine


class SimulatedClock(Clock):
    """The machine's clock, whose wall time jumps when the scenario says so.

    Args:
        elapsed: seconds since the start.
    """

    def __init__(self, scenario: Scenario, elapsed: Callable[[], float]) -> None:
        super().__init__()
        self.steps = [one for one in scenario.faults if one.kind == "clock_step"]
        self.elapsed = elapsed

    def offset(self) -> float:
        """Return wall time minus `now()`, in seconds, as the machine believes at this moment."""
        return super().offset() + sum(one.by or 0.0 for one in self.steps if one.active(self.elapsed()))


class SimulatedMachine:
    """Fakes for all sensors of a configuration.

    Args:
        clock: seconds, monotonic: the fakes' time.
        began: when the scenario began; None: now.
        worker: what runs the turns of a bus; one that has `occupy` learns when a transfer takes its time.

    Attributes:
        devices: sensor id -> its fake.
        buses: `i2c-1` -> fake bus.

    Raises:
        ConfigError: a driver has no fake.
    """

    simulated = True

    def __init__(
        self,
        config: Config,
        scenario: Scenario | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        began: float | None = None,
        worker: Callable[[str], Worker] = BusWorker,
    ) -> None:
        self.clock, self.began, self._worker = clock, clock(), worker
        self.scenario = scenario or Scenario()
        self.buses: dict[str, WeatherBus] = {}
        self.devices: dict[str, DeviceOnBus | DeviceOffBus] = {}
        self._places: dict[str, tuple[object, ...]] = {}
        self._workers: dict[str, Worker] = {}
        self._pins_are_ours = False
        self._folder: TemporaryDirectory[str] | None = None
        self._released = threading.Event()
        self._furnish(config)
        # Only now: what was imported took its time.
        self.began = clock() if began is None else began
        for bus in self.buses.values():
            bus.began = self.began
        self.play(self.scenario)

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return self.clock() - self.began

    def play(self, scenario: Scenario) -> None:
        """Let this happen from now on."""
        self.scenario = scenario
        for name, bus in self.buses.items():
            bus.cancel()
            bus.faults.rng.seed(f"{scenario.seed} {name}")
            for one in scenario.faults:
                if one.bus == name:
                    bus.schedule(one)
        for name, device in self.devices.items():
            device.play(name, scenario)

    def driver(self, spec: SensorConfig) -> tuple[str, Driver]:
        """Return the name of the sensor's bus and its true driver, with a fake below.

        Raises:
            ConfigError: it has no fake.
        """
        # Another device than at the start: the configuration was read again. One that only has another interval or
        # deadline keeps its fake, with what that has felt and suffered.
        if self._places.get(spec.id) != _place(spec):
            if spec.id in self.devices:
                self.devices[spec.id].close()
            self.devices[spec.id] = self._device(spec)
            self.devices[spec.id].play(spec.id, self.scenario)
        device = self.devices[spec.id]
        if isinstance(device, DeviceOnBus):
            return build(spec, device.bus)
        bus, driver = _above(device.fake, spec)
        device.go_below(driver, partial(self._wait, bus))
        return bus, driver

    @property
    def places(self) -> dict[str, Suffering]:
        """Everything that several sensors share, by the name that a scenario calls it: I2C buses, pins, 1-Wire."""
        shared: dict[str, Suffering] = dict(self.buses)
        for device in self.devices.values():
            if isinstance(device, DeviceOffBus):
                shared.setdefault(device.bus, device)
        return shared

    @property
    def buses_of_sensors(self) -> dict[str, str]:
        """Sensor id -> the name of the bus that it is on."""
        return {
            name: device.bus.name if isinstance(device, DeviceOnBus) else device.bus
            for name, device in self.devices.items()
        }

    def bus(self, where: int | str) -> WeatherBus:
        """Return the fake of an I2C bus, by its number or by what the configuration calls it."""
        name = f"i2c-{where}" if isinstance(where, int) else where
        if name not in self.buses:
            bus = WeatherBus(name, self.clock, partial(self._wait, name))
            bus.began = self.began
            self.buses[name] = bus
        return self.buses[name]

    def worker(self, bus: str) -> Worker:
        """Return a new worker for a bus."""
        self._workers[bus] = self._worker(bus)
        return self._workers[bus]

    def recovery(self, bus: BusConfig) -> Recovery | None:
        """Return what is configured to free a stuck bus, on fake pins that free the fake one."""
        if bus.recovery == "off":
            return None
        from drivers.fakes.wires import FakeWires

        self._mock_pins()
        FakeWires(self.bus(bus.name), bus.scl, bus.sda, bus.power)
        return recovery(bus.recovery, scl=bus.scl, sda=bus.sda, power=bus.power)

    def close(self) -> None:
        """Release what hangs, and remove what was written."""
        self._released.set()
        for bus in self.buses.values():
            bus.close()
        for device in self.devices.values():
            device.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _furnish(self, config: Config) -> None:
        mistakes: list[Mistake] = []
        for spec in config.sensors:
            if spec.is_vote:
                continue
            try:
                self.devices[spec.id] = self._device(spec)
            except ConfigError as error:
                mistakes += error.mistakes
        if mistakes:
            raise ConfigError(mistakes)

    def _device(self, spec: SensorConfig) -> DeviceOnBus | DeviceOffBus:
        self._places[spec.id] = _place(spec)
        try:
            if not find(spec.driver).addresses:
                fake = self._fake_off_bus(spec)
                return DeviceOffBus(fake, self.elapsed, spec.driver, _above(fake, spec)[0])
            return DeviceOnBus(fake_chip(spec.driver), spec, self.bus(spec.bus), self.elapsed)
        except LookupError:
            what = f'the driver "{spec.driver}" of sensor "{spec.id}" has no fake, so it cannot be simulated'
            fix = "run without --simulate, or install a fake for it (entry point group limpet.fakes)"
            raise ConfigError([Mistake("simulation", 0, spec.id, what, fix)]) from None

    def _fake_off_bus(self, spec: SensorConfig) -> Any:
        """Return the fake of what is on no I2C bus: a pin, SPI, a UART, a kernel sensor."""
        kind = getattr(find(spec.driver), "bus_name", "")
        if kind in ("gpio", "spi"):
            self._mock_pins()
            fake: Any = fake_chip(spec.driver, pin=spec.pin, options=spec.options)
            if kind == "spi":
                fake.clock = self.clock
            return fake
        if self._folder is None:
            # In memory where there is such a folder: a card is not worn by what the kernel would only show.
            memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
            self._folder = TemporaryDirectory(prefix="limpet-simulated-", dir=memory, ignore_cleanup_errors=True)
        if kind == "uart":
            return fake_chip(spec.driver, root=self._folder.name, options=spec.options, clock=self.clock)
        device = spec.device and Path(spec.device).name
        return fake_chip(spec.driver, root=self._folder.name, device=device, options=spec.options)

    def _mock_pins(self) -> None:
        from drivers.fakes.pins import mock_pins

        mock_pins(fresh=not self._pins_are_ours)
        self._pins_are_ours = True

    def _wait(self, bus: str, seconds: float | None) -> None:
        """Let the thread of a bus wait, forever if None; it is released when the machine is closed."""
        occupy = getattr(self._workers.get(bus), "occupy", None)
        if occupy is None:
            self._released.wait(seconds)
        else:
            occupy(seconds)


def _above(fake: Any, spec: SensorConfig) -> tuple[str, Driver]:
    """Return the name of its bus and the true driver above a fake on no I2C bus."""
    options = {name: value for name, value in spec.options.items() if name != "path"}
    bus, driver = build(replace(spec, device=None, port=None, options={**options, **fake.wiring}), None)
    # The fake has a port of its own, but everybody calls it as the configuration does.
    return spec.port or bus, driver


def _place(spec: SensorConfig) -> tuple[object, ...]:
    """Return what makes a device another one: its kind and where it is connected."""
    return spec.driver, spec.bus_name, spec.address, spec.mux, spec.pin, spec.device, spec.port, dict(spec.options)
