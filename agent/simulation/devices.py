"""The devices of a simulated machine: fakes that feel the weather of a scenario and suffer its faults."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from random import Random
from typing import Any

from agent.config import SensorConfig
from drivers.chip import Driver, Untold
from drivers.errors import AdapterGone, BusError, BusTimeout, NoAcknowledge
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


def injected(one: ScenarioFault, address: int | None = None) -> InjectedFault:
    """Return a scenario's fault as it is injected into a fake bus."""
    rate = one.rate or (FLAKY if one.kind == "flaky" else 1.0)
    return InjectedFault(one.kind, address, one.at, one.lasts, rate, one.delay or SLOW)


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

    def play(self, name: str, scenario: Scenario) -> None:
        """Let this happen to it from now on."""
        self.curves = default_weather(self.chip.senses, name, scenario.seed) | dict(scenario.weather.get(name, {}))
        mine = [one for one in scenario.faults if one.sensor == name]
        self.frozen = [one for one in mine if one.kind == "frozen"]
        for one in mine:
            # It holds a line low: that is a fault of the whole bus.
            if one.kind == "stuck":
                self.bus.faults.add(injected(one))
            elif one.kind != "frozen":
                self.bus.aim(injected(one, self.address), self)
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


class WeatherBus(FakeBus):
    """A fake bus whose chips feel the weather of the moment of each transfer."""

    def __init__(self, name: str, clock: Callable[[], float], wait: Callable[[float | None], object]) -> None:
        super().__init__(name=name, clock=clock, wait=wait)
        self.aimed = Aimed(Random(0))
        self.faults = self.aimed
        self._felt: dict[int, list[DeviceOnBus]] = {}

    def place(self, device: DeviceOnBus) -> None:
        """Let the weather reach a chip; it takes the place of the one that was there."""
        here = self._felt.setdefault(device.address, [])
        here[:] = [other for other in here if other.mux != device.mux] + [device]

    def aim(self, one: InjectedFault, device: DeviceOnBus) -> None:
        """Add a fault of one chip."""
        self.aimed.targets[id(self.faults.add(one))] = device

    def exchange(self, address: int, data: bytes, length: int | None) -> bytes:
        """Carry one message, as the fake does, in today's weather."""
        for device in self._felt.get(address, ()):
            device.feel()
        return super().exchange(address, data, length)


class DeviceOffBus:
    """A simulated sensor on no bus: what hangs on a pin, or what the kernel shows as files.

    Args:
        fake: has `feel`, `suffer`, `heal`, `senses`, `kinds`.
    """

    def __init__(self, fake: Any, elapsed: Callable[[], float], driver: str) -> None:
        self.fake, self.elapsed, self.driver = fake, elapsed, driver
        self.curves: dict[str, Curve] = {}
        self.faults: list[ScenarioFault] = []
        self.dice = Random(0)

    @property
    def feels(self) -> tuple[str, ...]:
        """The quantities that it feels."""
        return tuple(self.fake.senses)

    @property
    def suffers(self) -> tuple[str, ...]:
        """The faults that it can have."""
        return ("unplugged", "nack", "flaky", "slow", "hang", "bug", *self.fake.kinds)

    def play(self, name: str, scenario: Scenario) -> None:
        """Let this happen to it from now on."""
        self.curves = default_weather(self.fake.senses, name, scenario.seed) | dict(scenario.weather.get(name, {}))
        self.faults = [one for one in scenario.faults if one.sensor == name]
        self.dice = Random(f"{scenario.seed} {name}")
        self.feel()

    def go_below(self, driver: Driver, wait: Callable[[float | None], object]) -> None:
        """Let the driver's readings meet weather and faults.

        Args:
            wait: lets the thread of the bus wait that many seconds, forever if None.
        """
        true = driver.reading

        def reading() -> Generator[float, None, dict[str, float | Untold]]:
            try:
                self._suffer(wait)
                self.feel()
            except BaseException:
                driver.known = False
                raise
            return (yield from true())

        setattr(driver, "reading", reading)  # noqa: B010  (mypy forbids the plain assignment to a method)

    def feel(self) -> None:
        """Feel the weather of this moment."""
        now = self.elapsed()
        self.fake.feel(**{name: curve.at(now) for name, curve in self.curves.items()})

    def _suffer(self, wait: Callable[[float | None], object]) -> None:
        """Suffer the faults of this moment: some the fake itself has, the others are raised or waited for here."""
        now = self.elapsed()
        active = [one for one in self.faults if one.active(now)]
        own = next((one.kind for one in active if self._is_its_own(one.kind)), "")
        if own != self.fake.fault:
            self.fake.suffer(own) if own else self.fake.heal()
        for one in active:
            if one.kind == "slow":
                wait(one.delay or SLOW)
            elif one.kind == "hang":
                wait(None if one.lasts is None else one.at + one.lasts - now)
                raise BusTimeout(f"{self.driver}: the transfer did not end in time")
            elif one.kind == "bug":
                raise TypeError("unsupported operand type(s): a bug in the driver, played by the scenario")
            elif one.kind == "flaky" and self.dice.random() < (one.rate or FLAKY):
                raise BusError(f"{self.driver}: the transfer failed on the wire")
            elif one.kind in ("unplugged", "nack") and not self._is_its_own(one.kind):
                raise self._gone()

    def _is_its_own(self, kind: str) -> bool:
        loose = kind in ("unplugged", "nack") and self.driver in DEAF
        return kind in self.fake.kinds and kind not in ("hang", "flaky") and not loose

    def _gone(self) -> OSError:
        if self.driver in DEAF:
            return AdapterGone(f"{self.driver}: the GPIO line is gone; is the expander plugged in?")
        return NoAcknowledge(f"{self.driver}: no answer; check power and wiring")
