"""One configured sensor: its chip behind the stack fallback(breaker(retry(measure))), as a generator of waits.

`read` runs in the bus's thread and yields its waits; `conclude` turns what came of it into readings, on the loop.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from agent.model import Fault, Reading
from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState, RetryPolicy
from drivers.chip import Driver, Quantity, Values
from drivers.chip import Reading as Measuring
from drivers.errors import BusTimeout, NotReady, PermanentError

from .calibration import Calibration, QuantityCalibration

log = logging.getLogger("limpet.sensor")

COUNTED = (OSError, PermanentError)  # what speaks against a sensor; everything else is a bug of ours
COSTLY = 1.0  # seconds: a transfer that holds the bus for longer opens the sensor's breaker at once
SLOW = 2.0  # seconds: a driver that takes longer is slow, where its timeout does not allow for it
SLOW_PATIENCE = 0.5  # seconds that a round waits for a slow sensor: it may be ready at once
ROOM = 1.5  # of the time that a slow sensor takes
HOLD = 0.8  # of the interval: a transfer that takes longer is known to hang before its round leaves
FLAT_READINGS, FLAT_SECONDS = 60, 3600.0  # the same numbers to the last digit, that often and for that long


class Outcome(NamedTuple):
    """What one turn yielded: values, or the error that ended it."""

    values: Values | None = None
    error: BaseException | None = None
    attempts: int = 0
    at: float = math.inf  # when the values were there, on the sensor's clock


def _waits(retry: RetryPolicy) -> float:
    """Return the longest time between the first attempt and the last."""
    delays = (retry.base_delay_seconds * retry.multiplier**n for n in range((retry.max_attempts or 1) - 1))
    return sum(min(retry.max_delay_seconds, delay) for delay in delays)


class Sensor:
    """One sensor and its history.

    Attributes:
        timeout: seconds that one attempt may take; every: its interval.
        hold: seconds that one transfer may hold the bus: its deadline, or less where the next round comes sooner.
        slow: it takes longer than its timeout where it has to wait for its chip; then it goes on beside the rounds.
        patience: seconds that a round waits for this sensor: one attempt and the waits between all of them.
        since: when the present outage began, on `clock`; None while all is well. last_ok: the last good reading.
    """

    def __init__(
        self,
        name: str,
        chip: Driver,
        *,
        every: float,
        timeout: float,
        breaker: CircuitBreaker,
        retry: RetryPolicy,
        clock: Callable[[], float],
        calibration: Calibration | None = None,
        driver: str = "",
    ) -> None:
        self.id, self.chip, self.every, self.timeout = name, chip, every, timeout
        self.breaker, self.retry, self.clock = breaker, retry, clock
        self.calibration = calibration or Calibration()
        self.driver = driver or chip.name
        self.slow = chip.takes > max(timeout, SLOW)
        self.hold = min(timeout, HOLD * every)
        self.patience = SLOW_PATIENCE if self.slow else timeout + _waits(retry)
        self.since: float | None = None
        self.last_ok: float | None = None
        self.status, self.error, self.message = "unknown", "", ""
        self.latest: tuple[Reading, ...] = ()
        self.read_at: float | None = None
        self._good: dict[str, tuple[float, float]] = {}  # quantity -> its last good value, and when that was
        self._before: Values = {}
        self._last: Outcome | None = None  # the last success
        self._noted: tuple[float, Reading] | None = None  # the last edge
        self._same = (0, 0.0)  # how often, and since when, the values have not changed
        self._admission = 0  # the breaker's generation for the turn that runs
        self._turn = 0  # counts turns: one that was given up reports nothing any more
        self._calibrations: tuple[QuantityCalibration, ...] = ()
        self._calibrated_for: Sequence[Quantity] | None = None  # whose calibrations these are

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What it measures; known for certain once it was set up."""
        return self.chip.quantities

    @property
    def healthy(self) -> bool:
        """Whether nothing speaks against it; healthy sensors are read first."""
        return self.breaker.state is CircuitState.CLOSED and not self.breaker.failure_count

    # ---- in the bus's thread

    def read(self) -> Generator[float, None, Outcome]:
        """Take one turn: refused by the breaker, or attempts until one succeeds. Yields its waits; never raises."""
        self._turn += 1
        turn = self._turn
        try:
            self._admission = admission = self.breaker.admit()
        except CircuitOpenError as error:
            return Outcome(error=error)
        probing = self.breaker.state is CircuitState.HALF_OPEN
        began, attempts = self.clock(), 0
        while True:
            attempts += 1
            try:
                values = yield from self._attempt()
            except COUNTED as error:
                delay = None if probing else self.retry.next_delay(attempts, error, self.clock() - began)
                if delay is None:
                    if turn == self._turn:
                        self.breaker.failed(admission, error)
                    return Outcome(error=error, attempts=attempts)
            except Exception as bug:  # the one place where any error is taken: a driver's bug must not end the others
                self.breaker.undecided(admission)
                return Outcome(error=bug, attempts=attempts)
            except BaseException:  # closed: nobody waits any more
                self.breaker.undecided(admission)
                raise
            else:
                if turn == self._turn:
                    self.breaker.succeeded(admission)
                self._last = Outcome(values, attempts=attempts, at=self.clock())
                return self._last
            yield delay

    def _attempt(self) -> Measuring:
        """Read the chip once, with a deadline on the whole; an answer that comes later is thrown away."""
        began, steps = self.clock(), self.chip.reading()
        limit = ROOM * self.chip.takes if self.slow else self.timeout
        values: Values | None = None
        while True:
            resumed = self.clock()
            try:
                wait = next(steps)
            except StopIteration as end:
                wait, values = 0.0, end.value
            now = self.clock()
            if now + wait - began > limit:
                steps.close()
                self.chip.known = False
                late = f"{self.id} ({self.driver}): no reading within {limit:g} s"
                raise BusTimeout(f"{late}; the bus was held") if now - resumed > limit / 2 else NotReady(late)
            if values is not None:
                for value in values.values():
                    if isinstance(value, BaseException):
                        raise value
                return values
            yield wait

    # ---- on the loop

    def latest_of_its_chip(self) -> Outcome | None:
        """Return a slow sensor's last success, for as long as its chip may take for a new one."""
        last = self._last
        if not self.slow or last is None or self.clock() - last.at > ROOM * self.chip.takes:
            return None
        return last

    def overdue(self, error: OSError, held: float) -> Outcome:
        """Give the running turn up: its transfer has held the bus for `held` seconds. What it still says is old."""
        self._turn += 1
        self.breaker.failed(self._admission, error)
        if held >= COSTLY and self.breaker.state is CircuitState.CLOSED:
            self.breaker.trip()
        return Outcome(error=error, attempts=1)

    def conclude(self, outcome: Outcome, now: float) -> tuple[list[Reading], Fault | None]:
        """Return what the outcome means: usable readings (`substituted` ones apart), and the fault if there is one."""
        self.read_at = now
        if outcome.values is not None:
            values = outcome.values
            if self._noted is not None and self._noted[0] >= outcome.at:  # an edge since then is newer
                values = {**values, self._noted[1].quantity: self._noted[1].value}
            readings = self._usable(values, now)
            self._well(now)
            self.latest = tuple(readings)
            return readings, None
        assert outcome.error is not None
        fault = self._unwell(outcome.error, outcome.attempts, now)
        readings = self._stale(now) if self.calibration.fallback == "last" else []
        self.latest = tuple(readings)
        return readings, fault

    def learn(self, error: BaseException) -> None:
        """Take the error of a turn that ended after its round had left: it is why the sensor was late."""
        if self.since is not None and not isinstance(error, CircuitOpenError):
            self.error, self.message = type(error).__name__, str(error) or type(error).__name__

    def note(self, reading: Reading, at: float) -> None:
        """Take a reading that came by itself: an edge."""
        others = tuple(r for r in self.latest if r.quantity != reading.quantity)
        self.latest, self.status, self.read_at, self.last_ok = (*others, reading), "ok", at, at
        self._good[reading.quantity] = (reading.value, at)
        self._noted = (at, reading)

    def substitute(self, source: Sensor) -> list[Reading]:
        """Return the readings of another sensor as this one's own, marked as such."""
        wanted = {q.name for q in self.chip.quantities}
        found = [
            Reading(self.id, r.quantity, r.value, r.unit, "substituted", source=source.id)
            for r in source.latest
            if r.status == "ok" and r.quantity in wanted
        ]
        if found:
            self.latest, self.status = tuple(found), "substituted"
        return found

    def _usable(self, values: Values, now: float) -> list[Reading]:
        if self._calibrated_for is not self.chip.quantities:
            self._calibrated_for = self.chip.quantities
            self._calibrations = tuple(self.calibration.of(quantity) for quantity in self._calibrated_for)
        values = {one.name: one.of(values[one.name]) for one in self._calibrations}
        flat = self._flat(values, now)
        readings, well = [], True
        for one in self._calibrations:
            value = values[one.name]
            if flat is None and one.low <= value <= one.high:
                readings.append(Reading(self.id, one.name, value, one.unit))
                self._good[one.name] = (value, now)
                self.last_ok = now
            else:
                well = False
                reason = flat or f"outside of the limits {one.low:g}..{one.high:g}"
                readings.append(Reading(self.id, one.name, value, one.unit, "suspect", reason=reason))
        self.status = "ok" if well else "suspect"
        return readings

    def _flat(self, values: Values, now: float) -> str | None:
        """Return a reason if several noisy quantities have all stood still for too long to be true."""
        count, since = self._same
        self._same = (count + 1, since) if values == self._before else (1, now)
        self._before = values
        count, since = self._same
        if count < FLAT_READINGS or now - since < FLAT_SECONDS or sum(q.step > 0 for q in self.chip.quantities) < 2:
            return None
        return f"no digit has changed in {(now - since) / 60:.0f} minutes"

    def _stale(self, now: float) -> list[Reading]:
        units = {q.name: q.unit for q in self.chip.quantities}
        stale = [
            Reading(self.id, name, value, units.get(name, ""), "stale", age=now - at)
            for name, (value, at) in self._good.items()
            if now - at <= self.calibration.max_age
        ]
        if stale:
            self.status = "stale"
        return stale

    def _well(self, now: float) -> None:
        if self.since is not None:
            log.info("sensor came back", extra={"sensor": self.id, "silent_for": round(now - self.since, 1)})
        self.since, self.error, self.message = None, "", ""

    def _unwell(self, error: BaseException, attempts: int, now: float) -> Fault:
        refused = isinstance(error, CircuitOpenError)
        if not refused or not self.error:
            name, message = type(error).__name__, str(error) or type(error).__name__
            bug = not isinstance(error, (*COUNTED, CircuitOpenError))
            if self.since is None or (bug and self.error != name):
                self._tell(error, message, bug)
            self.since = now if self.since is None else self.since
            self.error, self.message = name, message
        self.status = "unavailable"
        state = self.breaker.state
        waiting = None if state is CircuitState.CLOSED else self.breaker.retry_after
        return Fault(self.id, self.error, self.message, attempts, state.value, waiting, self.since or now)

    def _tell(self, error: BaseException, message: str, bug: bool) -> None:
        facts = {"sensor": self.id, "driver": self.driver, "error": type(error).__name__, "why": message}
        if bug:
            log.error("driver has a bug", extra=facts, exc_info=error)
        else:
            log.warning("sensor fell silent", extra=facts)
