"""Fake HC-SR04, from its data sheet: after the trigger falls, the echo line is high as long as the sound is on its way.

It does not wait: the edges carry the time stamps that the kernel would give them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .pins import FakeLine, FakePin
from .time import now

SOUND = 343.2e3  # mm/s at 20 °C
NOTHING = 0.038  # seconds that the line is high when no echo comes
REACH = 4000.0  # mm


class FakeTrigger(FakeLine):
    """The trigger: a pulse of 10 µs starts a ping when it ends."""

    ping: Callable[[], None] | None = None

    def _set_state(self, value: float) -> None:
        was = self._state
        super()._set_state(value)
        if was and not value and self.ping:
            self.ping()


class FakeDistance(FakePin):
    """Feels distance in mm. `unplugged`: no echo; `stuck`: echo stays high; `flaky`: each second ping is lost."""

    name = "distance"
    senses = {"distance": 800.0}
    kinds = ("unplugged", "nack", "stuck", "flaky", "frozen")

    def __init__(self, **options: Any) -> None:
        self.pings = 0
        self.lines: tuple[Any, Any] | None = None
        super().__init__(**options)

    def apply(self) -> None:
        if self.lines is None and "echo" in self.options:
            trigger = self.pins.pin(self.options["trigger"], FakeTrigger)
            trigger.ping = self.answer
            self.lines = trigger, self.pins.pin(self.options["echo"])
        if self.lines:
            self.lines[1].drive(1 if self.fault == "stuck" else 0)

    def answer(self) -> None:
        """Answer one ping."""
        self.pings += 1
        if not self.lines or self.fault in ("unplugged", "nack") or (self.fault == "flaky" and self.pings % 2):
            return
        distance = self.world["distance"]
        rises = now() + 0.0005
        self.lines[1].drive(1, rises)
        self.lines[1].drive(0, rises + (NOTHING if distance > REACH else 2 * distance / SOUND))
