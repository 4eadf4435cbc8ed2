"""Turns and rounds that a test steps by hand: a chip that follows a script, its sensor, and a bus without a thread."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from agent.acquisition.bus import GuardedBus
from agent.acquisition.sensor import Sensor
from agent.acquisition.turn import COUNTED, SensorTurn
from agent.resilience import CircuitBreaker, RetryPolicy
from drivers.bus.worker import Share, Turn
from drivers.chip import Driver, Quantity


class ScriptedChip(Driver):
    """Yields the waits of its script, raises the first error in it, and otherwise reads 1."""

    name = "scripted"
    quantities = (Quantity("state", "", None, 0, 1, 1),)

    def __init__(self, *script: float | BaseException) -> None:
        self.script, self.known = list(script), True

    def measure(self) -> Generator[float, None, dict[str, float]]:
        for step in self.script:
            if isinstance(step, BaseException):
                raise step
            yield step
        return {"state": 1}


class HandWorker:
    """A bus's worker whose turns run when the test says so.

    Attributes:
        stuck: the turn that holds the bus, if one does.
    """

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.stuck: Turn | None = None

    def submit(self, share: Share) -> None:
        self.turns += share.turns

    def overdue(self) -> Turn | None:
        return self.stuck

    def moving(self) -> bool:
        return False

    def close(self) -> None: ...

    def finish(self) -> None:
        """Run every turn to its end."""
        for turn in self.turns:
            while turn.step() is not None:
                pass
        self.turns.clear()


def sensor(chip: Driver, clock: Any, *, threshold: int = 1, name: str = "s1", **more: Any) -> Sensor:
    """Return a sensor that makes one attempt a turn and opens its breaker for 30 s after `threshold` failed turns."""
    breaker = CircuitBreaker(threshold, 30.0, exceptions=COUNTED, clock=clock, reset_jitter=0.0)
    return Sensor(name, chip, every=10.0, timeout=2.0, breaker=breaker, retry=RetryPolicy(1), clock=clock, **more)


def bus(clock: Any) -> tuple[GuardedBus, HandWorker]:
    """Return a bus, and the worker that takes the place of its thread."""
    worker = HandWorker()
    return GuardedBus("i2c-1", worker, CircuitBreaker(1, 5.0, clock=clock)), worker


def run(turn: SensorTurn) -> SensorTurn:
    """Run a turn to its end without waiting, and return it."""
    while turn.step() is not None:
        pass
    return turn
