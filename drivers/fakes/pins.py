"""Fake pins: gpiozero's MockFactory below the true pin drivers, and what hangs on the pins, felt as quantities.

>>> from drivers import open_chip
>>> door = fake_chip("contact", pin=17, state=1)  # doctest: +SKIP
>>> open_chip("contact", pin=17).read()  # doctest: +SKIP
{'state': 1}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin

from .device import FakeDevice
from .time import now


class FakeLine(MockPin):  # type: ignore[misc]
    """A pin that can be driven from outside, more strongly than by the Pi's own resistor, as on a real board."""

    driven: int | None = None

    def drive(self, value: int | None, ticks: float | None = None) -> None:
        """Drive the line to 0 or 1, now or at `ticks`; None: let go, so that the resistor pulls it."""
        self.driven = value
        level = (self._pull == "up") if value is None else bool(value)
        heard = self._edges in ("both", "rising" if level else "falling")
        if self._change_state(level) and heard and self._when_changed is not None:
            super(MockPin, self)._call_when_changed(now() if ticks is None else ticks, level)

    def _set_pull(self, value: str) -> None:
        if self.driven is None or self.info.pull not in ("", value):
            super()._set_pull(value)
        else:
            self._pull = value


class MockPins:
    """The pins of a Pi that is not there."""

    def __init__(self, factory: Any) -> None:
        self.factory = factory
        self.parts: dict[object, Any] = {}  # what several fakes share, such as one ADC

    def pin(self, number: int, kind: type[FakeLine] = FakeLine) -> Any:
        """Return a pin by its BCM number."""
        return self.factory.pin(f"GPIO{number}", pin_class=kind)

    def drive(self, number: int, value: int | None) -> None:
        """Drive a pin from outside; None: let go."""
        self.pin(number).drive(value)

    def pulse(self, number: int, times: int = 1, seconds: float = 0.0) -> None:
        """Give pulses, evenly over `seconds` of the edges' time stamps, without waiting."""
        pin, began = self.pin(number), now()
        rest = int(pin.state)
        for i in range(times):
            pin.drive(1 - rest, began + seconds * i / times)
            pin.drive(rest, began + seconds * (i + 0.5) / times)


def mock_pins(*, fresh: bool = False) -> MockPins:
    """Make gpiozero's default factory a fake one, and return its pins: the same each time, unless `fresh`."""
    factory = Device.pin_factory
    if fresh or not isinstance(factory, MockFactory):
        factory = Device.pin_factory = MockFactory(pin_class=FakeLine)
    if not hasattr(factory, "limpet"):
        factory.limpet = MockPins(factory)
    return factory.limpet  # type: ignore[no-any-return]


class FakePin(FakeDevice):
    """What hangs on a pin.

    Attributes:
        wiring: options with which the driver meets this fake.
    """

    clock: Callable[[], float] = staticmethod(now)

    def __init__(self, *, pin: int | None = None, options: Mapping[str, Any] | None = None, **world: Any) -> None:
        self.pin, self.options = pin, {**(options or {})}
        self.options.update({key: world.pop(key) for key in list(world) if key not in self.senses})
        self.pins = mock_pins()
        self.world = {**self.senses}
        self.wiring: dict[str, Any] = {}
        self.feel(**world)
