"""One turn of one sensor: the value that sensor and bus exchange, and the attempts made in the bus's thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import NamedTuple

from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState, RetryPolicy
from drivers.bus.worker import Turn
from drivers.chip import Driver, Told
from drivers.chip import Reading as Measuring
from drivers.errors import BeyondRange, BusTimeout, NotReady, PermanentError

# What counts against a sensor. Any other error is a bug in its driver.
COUNTED = (OSError, PermanentError)


class Outcome(NamedTuple):
    """What came of a turn: values, or the error that ended it.

    Attributes:
        values: of each quantity its value, or the error that stands in its place.
        attempts: how many were made; 0 if the turn was refused.
        at: when the values were measured, or when the first attempt failed, in seconds of the sensor's clock.
        held: seconds that a transfer had held the bus when the turn was given up; 0 if it was not.
    """

    values: Told | None = None
    error: BaseException | None = None
    attempts: int = 0
    at: float = math.inf
    held: float = 0.0


class SensorTurn(Turn):
    """A sensor's turn, handed by the sensor to its bus; the outcome comes back in it.

    The sensor fills in who it is, and the loop alone writes `outcome` (the bus refused the turn or gave it up) and
    `abandoned`. The bus's thread writes `admission` (the breaker's generation) and what the worker's `Turn` has.

    Attributes:
        slow: it may take longer than a round waits.
        healthy: nothing speaks against the sensor.
        last: when the sensor was last read, in seconds of its clock.
        earlier: the turn began in an earlier round.
    """

    __slots__ = ("admission", "driver", "earlier", "healthy", "last", "outcome", "sensor", "slow")

    def __init__(
        self, attempts: Attempts, *, sensor: str, driver: str, hold: float, slow: bool, healthy: bool, last: float
    ) -> None:
        super().__init__(attempts.run(self), hold)
        self.sensor, self.driver, self.slow, self.healthy, self.last = sensor, driver, slow, healthy, last
        self.admission, self.earlier = 0, False
        self.outcome: Outcome | None = None

    @property
    def running(self) -> bool:
        """Whether the bus has it and its outcome is still wanted."""
        return self.share is not None and not self.done and not self.abandoned

    @property
    def begun(self) -> bool:
        """Whether the sensor was asked; until then the turn waits for others on the bus."""
        return self.admission != 0

    def known(self) -> Outcome | None:
        """Return what came of it, or None while it runs."""
        if self.outcome is not None or not self.done:
            return self.outcome
        if self.crashed is not None:
            raise self.crashed
        outcome: Outcome = self.result
        return outcome


class Attempts:
    """Reads one chip behind its breaker, as often as its retry policy allows. Everything runs in the bus's thread.

    Attributes:
        label: names the sensor in messages.
        limit: seconds that one attempt may take.
    """

    def __init__(
        self,
        label: str,
        chip: Driver,
        breaker: CircuitBreaker,
        retry: RetryPolicy,
        clock: Callable[[], float],
        limit: float,
    ) -> None:
        self.label, self.chip, self.breaker, self.retry = label, chip, breaker, retry
        self.clock, self.limit = clock, limit

    def run(self, turn: SensorTurn) -> Generator[float, None, Outcome]:
        """Return what came of the turn; yield the waits. Never raises.

        The breaker refuses, or attempts are made until one succeeds. An abandoned turn reports nothing to the breaker:
        it was reported as failed when it was given up.
        """
        try:
            turn.admission = self.breaker.admit()
        except CircuitOpenError as error:
            return Outcome(error=error)
        probing = self.breaker.state is CircuitState.HALF_OPEN
        began, attempts, failed = self.clock(), 0, math.inf
        while True:
            attempts += 1
            try:
                values = yield from self._once()
            except COUNTED as error:
                now = self.clock()
                failed = min(failed, now)
                delay = None if probing else self.retry.next_delay(attempts, error, now - began)
                if delay is None:
                    if not turn.abandoned:
                        self.breaker.failed(turn.admission, error)
                    return Outcome(error=error, attempts=attempts, at=failed)
            # The one place where every error is caught: a bug in one driver must not end the other sensors' turns.
            except Exception as bug:  # noqa: BLE001
                self.breaker.undecided(turn.admission)
                return Outcome(error=bug, attempts=attempts, at=min(failed, self.clock()))
            except BaseException:  # the turn was closed
                self.breaker.undecided(turn.admission)
                raise
            else:
                if not turn.abandoned:
                    self.breaker.succeeded(turn.admission)
                return Outcome(values, attempts=attempts, at=self.clock())
            yield delay

    def _once(self) -> Measuring:
        """Read the chip once, with a deadline on the whole; an answer that comes later is thrown away.

        A driver that raises `BeyondRange` says it of all its quantities: the device has answered.
        """
        began, steps = self.clock(), self.chip.reading()
        values: Told | None = None
        while True:
            resumed = self.clock()
            try:
                wait = next(steps)
            except StopIteration as end:
                wait, values = 0.0, end.value
            except BeyondRange as error:
                wait, values = 0.0, dict.fromkeys((quantity.name for quantity in self.chip.quantities), error)
                if not values:
                    raise
            now = self.clock()
            if now + wait - began > self.limit:
                steps.close()
                self.chip.known = False
                late = f"{self.label}: no reading within {self.limit:g} s"
                # A step that took most of the time held the bus; otherwise the chip was waited for.
                raise BusTimeout(f"{late}; the bus was held") if now - resumed > self.limit / 2 else NotReady(late)
            if values is not None:
                return values
            yield wait
