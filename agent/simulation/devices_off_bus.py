"""Simulated sensors on no I2C bus: what hangs on a pin, on SPI or a UART, or what the kernel shows as files."""

from __future__ import annotations

from collections.abc import Callable, Generator
from random import Random
from typing import Any

from drivers.chip import Driver, Untold
from drivers.errors import AdapterGone, BusError, BusTimeout, ChecksumError, InvalidReading, LostPower, NoAcknowledge

from .devices import DEAF, FLAKY, OF_DEVICES, SLOW, default_weather
from .scenario import OF_SENSORS, Curve, Scenario, ScenarioFault


class DeviceOffBus:
    """A simulated sensor on no I2C bus: what hangs on a pin, on SPI or a UART, or what the kernel shows as files.

    Args:
        fake: has `feel`, `suffer`, `heal`, `senses`, `kinds`.
        bus: the name of what it shares with others: gpio, w1; or of its own: spi0.0, /dev/serial0.
    """

    def __init__(self, fake: Any, elapsed: Callable[[], float], driver: str, bus: str = "gpio") -> None:
        self.fake, self.elapsed, self.driver, self.bus = fake, elapsed, driver, bus
        self._blips: dict[int, int] = {}
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
        is_named = self.driver != "host" and self.bus != "gpio"
        own = [kind for kind in self.fake.kinds if kind in (*OF_SENSORS, "stuck")]
        known = ("unplugged", "nack", "flaky", "slow", "hang", "bug", "frozen", *(OF_DEVICES if is_named else ()), *own)
        return tuple(dict.fromkeys(known))

    def close(self) -> None:
        """Give back what the fake has open."""
        if hasattr(self.fake, "close"):
            self.fake.close()

    def play(self, name: str, scenario: Scenario) -> None:
        """Let this happen to it from now on."""
        self.curves = default_weather(self.fake.senses, name, scenario.seed) | dict(scenario.weather.get(name, {}))
        self.faults = [one for one in scenario.faults if name == one.sensor or self.bus == one.bus]
        self._blips = {id(one): self._times(one) for one in self.faults}
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
            return (yield from (self._pumped(true(), driver) if hasattr(self.fake, "pump") else true()))

        setattr(driver, "reading", reading)  # noqa: B010  (mypy forbids the plain assignment to a method)

    def _pumped(self, steps: Any, driver: Any) -> Generator[float, None, dict[str, float | Untold]]:
        """Run a reading of what talks by itself: before each step it hears and sends what is due.

        Such a reading takes seconds, so faults begin and end during it.
        """
        try:
            while True:
                self._ail()
                self.fake.pump(driver.port.written)
                try:
                    wait = next(steps)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                yield wait
        finally:
            steps.close()

    def feel(self) -> None:
        """Feel the weather of this moment."""
        now = self.elapsed()
        if not any(one.kind == "frozen" and one.active(now) for one in self.faults):
            self.fake.feel(**{name: curve.at(now) for name, curve in self.curves.items()})

    def _suffer(self, wait: Callable[[float | None], object]) -> None:
        """Suffer the faults of this moment: some the fake itself has, the others are raised or waited for here."""
        now = self.elapsed()
        active = self._ail()
        for one in self.faults:
            if one.kind == "power_loss" and not self._is_its_own(one.kind) and self._times(one) != self._blips[id(one)]:
                self._blips[id(one)] = self._times(one)
                if hasattr(self.fake, "lose_power"):
                    self.fake.lose_power()
                    continue
                raise LostPower(f"{self.driver}: it has started again since the last reading")
        for one in active:
            if not self._is_its_own(one.kind):
                self._raise(one, now, wait)

    def _ail(self) -> list[ScenarioFault]:
        """Let the fake have those of its own faults that are due; return all faults of this moment."""
        now = self.elapsed()
        active = [one for one in self.faults if one.active(now)]
        own = next((one.kind for one in active if self._is_its_own(one.kind)), "")
        if own != self.fake.fault:
            self.fake.suffer(own) if own else self.fake.heal()
        return active

    def _times(self, one: ScenarioFault) -> int:
        """Return how often a fault has begun."""
        since = self.elapsed() - one.at
        return 0 if since < 0 else 1 + (int(since // one.every) if one.every else 0)

    def _raise(self, one: ScenarioFault, now: float, wait: Callable[[float | None], object]) -> None:
        """Raise what the driver would, or let it wait."""
        if one.kind == "slow":
            wait(one.delay or SLOW)
        elif one.kind == "hang":
            since = (now - one.at) % one.every if one.every else now - one.at
            wait(None if one.lasts is None else one.lasts - since)
            raise BusTimeout(f"{self.driver}: the transfer did not end in time")
        elif one.kind == "stuck":
            raise BusTimeout(f"{self.driver}: a line is held low; is there a short circuit?")
        elif one.kind == "bug":
            raise TypeError("unsupported operand type(s): a bug in the driver, played by the scenario")
        elif one.kind == "wrong_chip":
            raise InvalidReading(f"{self.driver}: what answers is not this device; check the wiring")
        elif one.kind in ("flaky", "corrupt"):
            if self.dice.random() < (one.rate or (FLAKY if one.kind == "flaky" else 1.0)):
                kind = BusError if one.kind == "flaky" else ChecksumError
                raise kind(f"{self.driver}: the transfer failed on the wire")
        elif one.kind in ("unplugged", "nack"):
            raise self._gone()

    def _is_its_own(self, kind: str) -> bool:
        loose = kind in ("unplugged", "nack") and self.driver in DEAF
        return kind in self.fake.kinds and kind not in ("hang", "flaky") and not loose

    def _gone(self) -> OSError:
        if self.driver in DEAF:
            return AdapterGone(f"{self.driver}: the GPIO line is gone; is the expander plugged in?")
        return NoAcknowledge(f"{self.driver}: no answer; check power and wiring")
