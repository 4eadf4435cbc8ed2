"""Fake contact, motion sensor and button: they drive a line, and let go of it when they are unplugged."""

from __future__ import annotations

from typing import ClassVar

from .pins import FakePin


class FakeContact(FakePin):
    """A contact to ground: closed is 1."""

    name = "contact"
    senses = {"state": 0.0}
    rests_high: ClassVar[bool] = True

    def apply(self) -> None:
        if self.pin is None:
            return
        low_means_1 = self.options.get("active_low")
        if low_means_1 is None:
            low_means_1 = self.options.get("pull", "up" if self.rests_high else "down") == "up"
        level = int(round(self.world["state"]) != bool(low_means_1))
        self.pins.drive(self.pin, None if self.fault in ("unplugged", "nack") else level)


class FakeButton(FakeContact):
    """A button to ground."""

    name = "button"

    def press(self, times: int = 1) -> None:
        """Press and let go."""
        for _ in range(times):
            self.feel(state=1)
            self.feel(state=0)


class FakeMotion(FakeContact):
    """A PIR: drives its line high while it sees movement."""

    name = "motion"
    rests_high = False
