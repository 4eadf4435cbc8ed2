"""One configured sensor: it hands a turn to its bus, and concludes on the loop what came of it.

The stack is fallback(breaker(retry(measure))): the inner two are `Attempts`, in the bus's thread; the fallback is here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from agent.model import Fault, Present, Reading
from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState, RetryPolicy
from drivers.chip import Driver, Quantity, Values
from drivers.errors import NotReady

from .calibration import Calibration, QuantityCalibration
from .history import History
from .turn import COUNTED, Attempts, Outcome, SensorTurn

log = logging.getLogger("limpet.sensor")

COSTLY = 1.0  # seconds: a transfer that holds the bus for longer opens the sensor's breaker at once
SLOW = 2.0  # seconds: a driver that takes longer is slow, where its timeout does not allow for it
SLOW_WAIT = 0.5  # seconds that a round waits for a slow sensor: it may be ready at once
ROOM = 1.5  # of the time that a slow sensor takes
HOLD = 0.8  # of the interval: a transfer that takes longer is known to hang before its round leaves


def _waits(retry: RetryPolicy) -> float:
    """Return the longest time between the first attempt and the last."""
    delays = (retry.base_delay_seconds * retry.multiplier**n for n in range((retry.max_attempts or 1) - 1))
    return sum(min(retry.max_delay_seconds, delay) for delay in delays)


class Sensor:
    """One sensor. Everything here runs on the loop; what the bus's thread runs is `attempts`.

    Attributes:
        every: its interval, in seconds.
        slow: it takes longer than its timeout where it has to wait for its chip; then it goes on beside the rounds.
        hold: seconds that one transfer may hold the bus: the timeout, or less where the next round comes sooner.
        round_wait: seconds that a round waits for this sensor: one attempt and the waits between all of them.
        fallback: "none", "last" or "sensor:ID". max_age: seconds that a last value may be old.
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
        driver: str = "",
        fallback: str = "none",
        max_age: float = 300.0,
        calibration: Calibration | None = None,
    ) -> None:
        self.id, self.chip, self.every, self.driver = name, chip, every, driver or chip.name
        self.slow = chip.takes > max(timeout, SLOW)
        self.hold = min(timeout, HOLD * every)
        self.round_wait = SLOW_WAIT if self.slow else timeout + _waits(retry)
        self.fallback, self.max_age = fallback, max_age
        self.history = History()
        limit = ROOM * chip.takes if self.slow else timeout
        self.attempts = Attempts(f"{name} ({self.driver})", chip, breaker, retry, clock, limit)
        self._turn: SensorTurn | None = None
        self._calibrate = calibration or Calibration()
        self._calibrated: tuple[Sequence[Quantity], tuple[QuantityCalibration, ...]] = (), ()

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What it measures; known for certain once it was set up."""
        return self.chip.quantities

    @property
    def breaker(self) -> CircuitBreaker:
        """What stops its attempts while it fails."""
        return self.attempts.breaker

    @property
    def present(self) -> Present:
        """What is known of it now."""
        return self.history.present

    # ---- around one turn

    def turn(self) -> SensorTurn:
        """Return the turn for the round that begins: a new one, or that of an earlier round if it still runs."""
        turn = self._turn
        if turn is not None and turn.running:
            turn.earlier = True
            return turn
        if turn is not None and (late := turn.known()) is not None:
            self._take_late(late)
        healthy = self.breaker.state is CircuitState.CLOSED and not self.breaker.failure_count
        self._turn = SensorTurn(
            self.attempts, sensor=self.id, driver=self.driver, hold=self.hold, slow=self.slow, healthy=healthy
        )
        return self._turn

    def outcome(self, now: float) -> Outcome:
        """Return what came of the turn, or what counts in its place because it still runs when the round leaves."""
        carried, self.history.carried = self.history.carried, None
        assert self._turn is not None, "turn() comes first"
        turn = self._turn
        if (known := turn.known()) is not None:
            self._turn = None
            if known.held:
                self._gave_up(turn, known)
            return known
        if turn.earlier:
            return self.latest_of_its_chip(now) or Outcome(error=self._not_ready("still starting"))
        # What it brought since the round before is at most one interval old.
        return carried or Outcome(error=self._not_ready("still starting when the round left"), attempts=1)

    def conclude(self, outcome: Outcome, now: float) -> tuple[Sequence[Reading], Fault | None]:
        """Return what the outcome means: usable readings (`substituted` ones apart), and the fault if there is one."""
        if outcome.values is None:
            return self._failed(outcome, now)
        return self._succeeded(outcome.values, outcome, now), None

    def latest_of_its_chip(self, now: float) -> Outcome | None:
        """Return a slow sensor's last success, for as long as its chip may take for a new one."""
        last = self.history.last
        return last if self.slow and last is not None and now - last.at <= ROOM * self.chip.takes else None

    # ---- what comes without a turn

    def note(self, reading: Reading, at: float) -> None:
        """Take a reading that came by itself: an edge."""
        before = self.present
        others = tuple(one for one in before.readings if one.quantity != reading.quantity)
        self.history.edge(reading.quantity, reading.value, at)
        self.history.present = before._replace(status="ok", readings=(*others, reading), measured=at, last_ok=at)

    def substitute(self, source: Sensor) -> Sequence[Reading]:
        """Return the readings of another sensor as this one's own, marked as such."""
        wanted = {quantity.name for quantity in self.quantities}
        found = tuple(
            Reading(self.id, one.quantity, one.value, one.unit, "substituted", source=source.id)
            for one in source.present.readings
            if one.status == "ok" and one.quantity in wanted
        )
        if found:
            self.history.present = self.present._replace(status="substituted", readings=found)
        return found

    # ---- conclusions

    def _succeeded(self, values: Values, outcome: Outcome, now: float) -> Sequence[Reading]:
        history, before = self.history, self.present
        if before.since is not None:
            log.info("sensor came back", extra={"sensor": self.id, "silent_for": round(now - before.since, 1)})
        history.last = outcome
        calibrations = self._calibrations()
        raw = history.newest(values, outcome.at)
        values = {one.name: one.of(raw[one.name]) for one in calibrations}
        flat = history.flat(values, now) if self._many_are_noisy() else None
        readings, last_ok = [], before.last_ok
        for one in calibrations:
            value = values[one.name]
            reason = flat
            if reason is None and not one.low <= value <= one.high:
                reason = f"outside of the limits {one.low:g}..{one.high:g}"
            if reason is None:
                readings.append(Reading(self.id, one.name, value, one.unit))
                history.good(one.name, value, now)
                last_ok = now
            else:
                readings.append(Reading(self.id, one.name, value, one.unit, "suspect", reason=reason))
        well = all(one.status == "ok" for one in readings)
        history.present = Present("ok" if well else "suspect", tuple(readings), measured=now, last_ok=last_ok)
        return readings

    def _failed(self, outcome: Outcome, now: float) -> tuple[Sequence[Reading], Fault]:
        assert outcome.error is not None
        before = self.present
        since, name, message = self._blame(outcome.error, now)
        readings: list[Reading] = []
        if self.fallback == "last":
            units = {quantity.name: quantity.unit for quantity in self.quantities}
            readings = self.history.stale(self.id, units, self.max_age, now)
        status = "stale" if readings else "unavailable"
        self.history.present = Present(status, tuple(readings), now, before.last_ok, since, name, message)
        state = self.breaker.state
        waiting = None if state is CircuitState.CLOSED else self.breaker.retry_after
        return readings, Fault(self.id, name, message, outcome.attempts, state.value, waiting, since)

    def _blame(self, error: BaseException, now: float) -> tuple[float, str, str]:
        """Return since when the outage lasts, the error's name, and its message; log what is new.

        A refusal by the breaker says nothing about the cause: the error that opened it stays.
        """
        before = self.present
        if isinstance(error, CircuitOpenError) and before.error:
            return before.since or now, before.error, before.message
        name, message = type(error).__name__, str(error) or type(error).__name__
        facts = {"sensor": self.id, "driver": self.driver, "error": name, "why": message}
        if not isinstance(error, (*COUNTED, CircuitOpenError)):
            if before.since is None or before.error != name:
                log.error("driver has a bug", extra=facts, exc_info=error)
        elif before.since is None:
            log.warning("sensor fell silent", extra=facts)
        return now if before.since is None else before.since, name, message

    def _gave_up(self, turn: SensorTurn, outcome: Outcome) -> None:
        """Report to the breaker that a transfer has held the bus; the turn itself reports nothing any more."""
        assert outcome.error is not None
        self.breaker.failed(turn.admission, outcome.error)
        if outcome.held >= COSTLY and self.breaker.state is CircuitState.CLOSED:
            self.breaker.trip()

    def _take_late(self, late: Outcome) -> None:
        """Take what came after its round had left: values count in the next round, an error says why it was late."""
        before, error = self.present, late.error
        if late.values is not None:
            self.history.carried = self.history.last = late
        elif before.since is not None and error is not None and not isinstance(error, CircuitOpenError):
            name = type(error).__name__
            self.history.present = before._replace(error=name, message=str(error) or name)

    def _not_ready(self, why: str) -> NotReady:
        return NotReady(f"{self.attempts.label}: {why}")

    def _calibrations(self) -> tuple[QuantityCalibration, ...]:
        """Return what is done with each quantity; a driver may learn its quantities when it sees the device."""
        quantities, calibrations = self._calibrated
        if quantities is not self.chip.quantities:
            calibrations = self._calibrate.of_each(self.chip.quantities)
            self._calibrated = self.chip.quantities, calibrations
        return calibrations

    def _many_are_noisy(self) -> bool:
        return sum(quantity.step > 0 for quantity in self.quantities) > 1
