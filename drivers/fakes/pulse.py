"""Fake meter with a pulse output."""

from __future__ import annotations

from typing import Any

from .pins import FakePin


class FakePulse(FakePin):
    """Each `feel` gives the pulses of the time since the last one, at `frequency` Hz; `feel(count=…)` gives what is
    missing to that total.
    """

    name = "pulse"
    senses = {"count": 0.0, "frequency": 2.0}

    def __init__(self, **options: Any) -> None:
        self.given, self.owed, self._last = 0, 0.0, self.clock()
        super().__init__(**options)

    def feel(self, **world: float) -> None:
        now = self.clock()
        if "count" in world:
            self.owed = max(0.0, world["count"] - self.given)
        else:
            self.owed += (now - self._last) * self.world["frequency"]
        self._last = now
        super().feel(**world)

    def apply(self) -> None:
        due, self.owed = int(self.owed), self.owed % 1.0
        if self.pin is not None and self.fault == "":
            self.given += due
            self.pins.pulse(self.pin, due)
