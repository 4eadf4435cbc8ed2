"""Simulated chips on buses: fakes that feel the weather of a scenario and suffer its faults."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from agent.config import SensorConfig
from drivers.fakes import FakeBus, FakeChip, Faults, InjectedFault, fake_chip

from .scenario import OF_SENSORS, Curve, Scenario, ScenarioFault

FLAKY = 0.7  # the share of transfers that fail when a scenario does not say
SLOW = 0.3  # seconds
# What is not here swings by a part of its mean.
SWINGS = {"temperature": 1.5, "humidity": 4.0, "pressure": 1.5}
PART = 0.05
# These change only where a scenario says so.
CONSTANT = ("state", "count", "throttled", "under_voltage")
PERIODS = (180.0, 900.0)  # seconds: the shortest and the longest of the default weather
# Drivers that cannot notice a loose wire.
DEAF = ("contact", "motion", "button", "pulse")
# What any device has that answers in bytes and by a name.
OF_DEVICES = ("corrupt", "wrong_chip", "power_loss", "stuck")


def default_weather(senses: Mapping[str, float], name: str, seed: int) -> dict[str, Curve]:
    """Return a gentle, plausible curve for each quantity; each sensor has its own, the same with the same seed."""
    curves = {}
    for quantity, mean in senses.items():
        if quantity == "count":
            continue
        dice = Random(f"{seed} {name} {quantity}")
        swing = 0.0 if quantity in CONSTANT else SWINGS.get(quantity, abs(mean) * PART)
        curves[quantity] = Curve(mean=mean, swing=swing, period=dice.uniform(*PERIODS), phase=dice.random())
    return curves


def injected(one: ScenarioFault, address: int | None, at: float, ends: float) -> InjectedFault:
    """Return one coming of a scenario's fault as it is injected into a fake bus."""
    rate = one.rate or (FLAKY if one.kind == "flaky" else 1.0)
    lasts = None if math.isinf(ends) else ends - at
    return InjectedFault(one.kind, address, at, lasts, rate, one.delay or SLOW)


class DeviceOnBus:
    """A simulated chip on a bus, or behind a multiplexer of that bus."""

    suffers = (*OF_SENSORS, "stuck")

    def __init__(self, chip: FakeChip, spec: SensorConfig, bus: WeatherBus, elapsed: Callable[[], float]) -> None:
        self.chip, self.bus, self.mux, self.elapsed = chip, bus, spec.mux, elapsed
        self.address = spec.address or chip.addresses[0]
        self.curves: dict[str, Curve] = {}
        self.frozen: list[ScenarioFault] = []
        self.switch: Any = None
        if spec.mux is None:
            bus.plug(self.address, chip)
        else:
            if spec.mux.address not in bus.chips:
                bus.plug(spec.mux.address, fake_chip("tca9548a"))
            self.switch = bus.chips[spec.mux.address]
            self.switch.plug(spec.mux.channel, self.address, chip)
        bus.place(self)

    @property
    def feels(self) -> tuple[str, ...]:
        """The quantities that it feels."""
        return tuple(self.chip.senses)

    @property
    def connected(self) -> bool:
        """Whether a transfer with its address reaches it, and not a chip with the same address on another channel."""
        return self.mux is None or bool(self.switch.control >> self.mux.channel & 1)

    def close(self) -> None:
        """Nothing: it is part of its bus."""

    def play(self, name: str, scenario: Scenario) -> None:
        """Let this happen to it from now on."""
        self.curves = default_weather(self.chip.senses, name, scenario.seed) | dict(scenario.weather.get(name, {}))
        mine = [one for one in scenario.faults if one.sensor == name]
        self.frozen = [one for one in mine if one.kind == "frozen"]
        for one in mine:
            # It holds a line low: that is a fault of the whole bus.
            if one.kind == "stuck":
                self.bus.schedule(one)
            elif one.kind != "frozen":
                self.bus.schedule(one, self)
        self.feel(anyway=True)

    def feel(self, *, anyway: bool = False) -> None:
        """Feel the weather of this moment."""
        now = self.elapsed()
        if anyway or not any(one.active(now) for one in self.frozen):
            self.chip.feel(**{name: curve.at(now) for name, curve in self.curves.items()})


class Aimed(Faults):
    """The faults of a bus; one aimed at a chip spares those with the same address on other channels."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self.targets: dict[int, DeviceOnBus] = {}

    def at(self, now: float, address: int) -> Iterator[InjectedFault]:
        """Yield the faults that a transfer with `address` meets at `now`."""
        for one in super().at(now, address):
            target = self.targets.get(id(one))
            if target is None or target.connected:
                yield one


@dataclass(slots=True)
class _Coming:
    """A fault of a bus or of a chip on it, with the next begin and end, and all times after that."""

    fault: ScenarioFault
    device: DeviceOnBus | None
    times: Iterator[tuple[float, float]]
    at: float
    ends: float

    @property
    def address(self) -> int | None:
        """The chip that has it; None: the whole bus."""
        return None if self.device is None else self.device.address


class WeatherBus(FakeBus):
    """A fake bus whose chips feel the weather of each transfer's moment, and whose faults come when they are due."""

    suffers = (*OF_SENSORS, "stuck")

    def __init__(self, name: str, clock: Callable[[], float], wait: Callable[[float | None], object]) -> None:
        super().__init__(name=name, clock=clock, wait=wait)
        self.aimed = Aimed(Random(0))
        self.faults = self.aimed
        self._felt: dict[int, list[DeviceOnBus]] = {}
        self._coming: list[_Coming] = []

    def place(self, device: DeviceOnBus) -> None:
        """Let the weather reach a chip; it takes the place of the one that was there."""
        here = self._felt.setdefault(device.address, [])
        here[:] = [other for other in here if other.mux != device.mux] + [device]

    def schedule(self, one: ScenarioFault, device: DeviceOnBus | None = None) -> None:
        """Let a fault of one chip, or of the whole bus, come from now on."""
        now, times = self.clock() - self.began, one.times(math.inf)
        for at, ends in times:
            # What was over before, or came once, is no news to a machine that starts later.
            if ends >= now and (at >= now or one.kind != "power_loss"):
                self._coming.append(_Coming(one, device, times, at, ends))
                return

    def cancel(self) -> None:
        """End what there is, and let nothing come."""
        self._coming.clear()
        self.faults.clear()

    def _turn(self, now: float) -> None:
        for one in self._coming:
            while one.at <= now:
                fault = self.faults.add(injected(one.fault, one.address, one.at, one.ends))
                if one.device is not None:
                    self.aimed.targets[id(fault)] = one.device
                one.at, one.ends = next(one.times, (math.inf, math.inf))
        super()._turn(now)
        for fault in self.faults.all:
            if fault.ended or (fault.begun and fault.kind == "power_loss"):
                fault.lifted = True
                self.aimed.targets.pop(id(fault), None)

    def exchange(self, address: int, data: bytes, length: int | None) -> bytes:
        """Carry one message, as the fake does, in today's weather."""
        for device in self._felt.get(address, ()):
            device.feel()
        return super().exchange(address, data, length)
