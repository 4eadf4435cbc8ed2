"""A clock in virtual time, whose wall may not know the time yet, or be moved."""

from __future__ import annotations

from typing import Any

from agent.clock import Clock, rfc3339

TRUTH = 1_800_000_000.0  # the wall time at the loop's 0
A_LOOK = 1e-9  # seconds that a look at the clock takes: no wait for what is due in an instant lasts forever
NO_BATTERY = -TRUTH + 3600.0  # how wrong a Pi is before the network tells the time


class SimClock(Clock):
    """The machine's clock over a virtual loop's.

    Attributes:
        error: seconds that the wall is wrong. honest: whether the time was set.
        booted: when the machine was switched on, on the loop's clock: `now()` counts from there.
    """

    def __init__(self, loop: Any) -> None:
        self.loop, self.time = loop, loop.time
        self.booted, self.error, self.honest = 0.0, 0.0, True
        self.kernel_boot = "machine-1"

    def now(self) -> float:
        """Return seconds since the machine was switched on."""
        return self.elapsed() - self.booted

    def elapsed(self) -> float:
        """Return seconds since the world began."""
        self.loop.clock.advance(A_LOOK)
        return float(self.time())

    def offset(self) -> float:
        """Return what the wall believes, minus `now()`."""
        return TRUTH + self.error + self.booted

    def synced(self) -> bool:
        """Tell whether the wall claims to be right."""
        return self.honest

    def power_cycle(self) -> None:
        """Start from 0, in another boot of the machine, and without the time: a Pi has no battery."""
        self.booted = self.time()
        self.kernel_boot = f"machine-{int(self.kernel_boot.split('-')[1]) + 1}"
        self.error, self.honest = NO_BATTERY, False

    def true_stamp(self, taken: float) -> str:
        """Return the stamp that an honest clock gives a moment of `now()`."""
        return rfc3339(taken + TRUTH + self.booted)
