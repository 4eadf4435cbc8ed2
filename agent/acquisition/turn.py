"""A sensor's turn: the value that sensor and bus exchange, and the attempts, which run in the bus's thread."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from typing import NamedTuple

from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState, RetryPolicy
from drivers.bus.worker import Turn
from drivers.chip import Driver, Told
from drivers.errors import BeyondRange, BusTimeout, NotReady, PermanentError

from .counters import ReadCounters

# Errors that count against a sensor. Any other one is a bug in its driver.
COUNTED = (OSError, PermanentError)


class Outcome(NamedTuple):
    """The outcome of a turn: values, or the error that ended it.

    Attributes:
        values: for each quantity its value, or the error that takes its place.
        attempts: how many were made; 0 if the turn was refused.
        at: when the values were measured, or when the first attempt failed, in seconds of the sensor's clock.
        held: seconds that a transfer had held the bus when the turn was given up; 0 if it was not.
        doubts: quantity -> why its value is suspect, where that is known already.
    """

    values: Told | None = None
    error: BaseException | None = None
    attempts: int = 0
    at: float = math.inf
    held: float = 0.0
    doubts: Mapping[str, str] | None = None


class SensorTurn(Turn):
    """A turn that the sensor hands to its bus and that comes back with the outcome.

    Only the loop writes `outcome` (the bus refused the turn or gave it up) and `abandoned`. The bus's thread writes
    `admission` (the breaker's generation) and the fields of the worker's `Turn`.

    Attributes:
        slow: it may take longer than a round waits.
        healthy: the sensor's breaker is closed and counts no failures.
        last: when the sensor was last read, in seconds of its clock.
        earlier: the turn began before its round.
        ahead: it began for a round that is still to come.
    """

    __slots__ = ("admission", "ahead", "driver", "earlier", "healthy", "last", "outcome", "sensor", "slow")

    def __init__(
        self, attempts: Attempts, sensor: str, driver: str, hold: float, slow: bool, healthy: bool, last: float
    ) -> None:
        super().__init__(attempts.run(self), hold)
        self.sensor, self.driver, self.slow, self.healthy, self.last = sensor, driver, slow, healthy, last
        self.admission, self.earlier, self.ahead = 0, False, False
        self.outcome: Outcome | None = None

    @property
    def running(self) -> bool:
        """Whether it was submitted, has not ended and was not given up."""
        return self.share is not None and not self.done and not self.abandoned

    @property
    def begun(self) -> bool:
        """Whether the first attempt has begun; until then the turn waits for others on the bus."""
        return self.admission != 0

    def known(self) -> Outcome | None:
        """Return the outcome, or None while the turn runs."""
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
        within: seconds in which all attempts must end, as far as they take as long as the one before.
        counters: of all attempts so far.
    """

    def __init__(
        self,
        label: str,
        chip: Driver,
        breaker: CircuitBreaker,
        retry: RetryPolicy,
        clock: Callable[[], float],
        limit: float,
        within: float = math.inf,
    ) -> None:
        self.within = within
        self.label, self.chip, self.breaker, self.retry = label, chip, breaker, retry
        self.clock, self.limit, self.counters = clock, limit, ReadCounters()

    def run(self, turn: SensorTurn) -> Generator[float, None, Outcome]:
        """Attempt until one succeeds or the retry policy gives up; yield the waits. Errors are in the outcome."""
        try:
            turn.admission = self.breaker.admit()
        except CircuitOpenError as error:
            return Outcome(error=error)
        probing = self.breaker.state is CircuitState.HALF_OPEN
        began, attempts, failed = self.clock(), 0, math.inf
        while True:
            attempts, tried = attempts + 1, self.clock()
            try:
                values, at = yield from self._counted(began if attempts == 1 else self.clock())
            except COUNTED as error:
                now = self.clock()
                failed = min(failed, now)
                delay = None if probing else self.retry.next_delay(attempts, error, now - began)
                if delay is None or now - began + delay + now - tried > self.within:
                    self._failed(turn, error)
                    return Outcome(error=error, attempts=attempts, at=failed)
            # Every error is caught here, so that a bug in one driver does not end the turns of other sensors.
            except Exception as bug:  # noqa: BLE001
                self.breaker.undecided(turn.admission)
                return Outcome(error=bug, attempts=attempts, at=min(failed, self.clock()))
            except BaseException:
                # The turn was closed: no verdict.
                self.breaker.undecided(turn.admission)
                raise
            else:
                if not turn.abandoned:
                    self.breaker.succeeded(turn.admission)
                return Outcome(values, None, attempts, at)
            yield delay

    def _failed(self, turn: SensorTurn, error: BaseException) -> None:
        # An abandoned turn was reported as failed when it was given up.
        if not turn.abandoned:
            self.breaker.failed(turn.admission, error)

    def _counted(self, began: float) -> Generator[float, None, tuple[Told, float]]:
        """Read the chip once and count the attempt. A transfer that hangs counts as failed when it comes back."""
        self.counters.attempts += 1
        try:
            values, at = yield from self._once(began)
        except Exception as error:
            self.counters.failed(error)
            raise
        self.counters.succeeded(at - began)
        return values, at

    def _once(self, began: float) -> Generator[float, None, tuple[Told, float]]:
        """Read the chip once, within `limit` from `began`; a later answer is discarded. Return values and their moment.

        Where a driver raises `BeyondRange`, the device has answered: it stands for each of its quantities.
        """
        steps, resumed = self.chip.reading(), began
        values: Told | None = None
        while True:
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
                # If the last step took most of the time, it held the bus; otherwise the driver waited for the chip.
                raise BusTimeout(f"{late}; the bus was held") if now - resumed > self.limit / 2 else NotReady(late)
            if values is not None:
                return values, now
            yield wait
            resumed = self.clock()
