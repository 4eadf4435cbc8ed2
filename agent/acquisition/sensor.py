"""One configured sensor: it hands a turn to its bus and makes readings and faults of the outcome.

The stack is fallback(breaker(retry(measure))). `Attempts` runs the attempts in the bus's thread; `Conclusions` draws
readings, faults and fallbacks from their outcome, on the loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from agent.model import Present, Reading
from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState, RetryPolicy
from drivers.chip import Driver, Quantity

from .calibration import Calibration
from .conclusion import Conclusions, Told
from .derived import Derivation
from .history import SensorHistory
from .turn import Attempts, Outcome, SensorTurn

# Seconds. A transfer that holds the bus for longer opens its sensor's breaker at once: each further attempt would cost
# the other sensors as much again.
COSTLY = 1.0
# Seconds. A driver that takes longer, and longer than its timeout, is slow: its turn goes on beside the rounds.
SLOW = 2.0
# Seconds that a round waits for a slow sensor: its chip may be ready.
SLOW_WAIT = 0.5
# Of the time that a slow driver takes: oscillators differ.
ROOM = 1.5
# Of the interval. A transfer that takes longer is found to hang before its round leaves.
HOLD = 0.8


def _longest(retry: RetryPolicy) -> float:
    """Return the longest time between the first attempt and the last."""
    delays = (retry.base_delay_seconds * retry.multiplier**n for n in range((retry.max_attempts or 1) - 1))
    return sum(min(retry.max_delay_seconds, delay) for delay in delays)


class Sensor:
    """One sensor. Everything here runs on the loop, except `attempts`, which runs in the bus's thread.

    Attributes:
        every: its interval, in seconds.
        slow: the driver needs longer than the timeout, so a turn goes on beside the rounds.
        hold: seconds that one transfer may hold the bus: the timeout, or less where the next round comes sooner.
        round_wait: seconds that a round waits for this sensor: one attempt and the waits between all attempts.
        lead: seconds before its round at which its turn begins, so that its value is there when the round is due.
        substitute_id: the sensor whose readings stand in for missing ones; "" without one.
        sample: seconds between two samples of a window; None where each reading is one measurement.
        voters: ids of the sensors that it asks in place of a device.

    Args:
        fallback: "none", "last" or "sensor:ID". max_age: seconds that a last value may be old.
    """

    sample: float | None = None
    voters: Sequence[str] = ()

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
        derivation: Derivation | None = None,
    ) -> None:
        self.id, self.chip, self.every, self.driver = name, chip, every, driver or chip.name
        self.slow = chip.takes > max(timeout, SLOW)
        self.hold = min(timeout, HOLD * every)
        self.round_wait = SLOW_WAIT if self.slow else timeout + _longest(retry)
        self.lead = min(chip.lead, every / 2) if self.slow and not self.sample else 0.0
        kind, _, source = fallback.partition(":")
        self.substitute_id = source if kind == "sensor" else ""
        self.history = SensorHistory()
        last_for = max_age if fallback == "last" else None
        self.conclusions = Conclusions(
            name,
            chip,
            self.driver,
            breaker,
            self.history,
            max_age=last_for,
            calibration=calibration or Calibration(),
            derivation=derivation,
            shortest=min(1.0, self.sample or every),
        )
        limit = ROOM * chip.takes if self.slow else timeout
        # A device that is silent for seconds is not asked again before its error is told.
        within = limit if chip.takes > SLOW else math.inf
        self.attempts = Attempts(f"{name} ({self.driver})", chip, breaker, retry, clock, limit, within)
        self._turn: SensorTurn | None = None

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What it measures and derives. Some drivers can only say so after `setup`."""
        conclusions = self.conclusions
        # The same as `conclusions.quantities`, for those that ask all sensors in each round.
        return conclusions.known if self.chip.quantities is conclusions.measured else conclusions.quantities

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker of its attempts."""
        return self.attempts.breaker

    @property
    def present(self) -> Present:
        """What is known of it now."""
        return self.history.present

    # ---- around one turn

    @property
    def first_wait(self) -> float:
        """Seconds that a round waits for a turn that could not begin ahead of it: the first one, or one on request."""
        return self.lead if self._turn is None else 0.0

    def turn_ahead(self) -> SensorTurn | None:
        """Return a turn that begins before its round; None while one runs."""
        if self._turn is not None and self._turn.running:
            return None
        turn = self.turn()
        turn.ahead = True
        return turn

    def turn(self) -> SensorTurn:
        """Return the turn for the round that begins: a new one, or one that began ahead, or earlier and still runs."""
        turn = self._turn
        if turn is not None:
            if turn.ahead:
                turn.ahead, turn.earlier = False, True
                return turn
            if turn.running:
                turn.earlier = True
                return turn
            if (late := turn.known()) is not None:
                self._take_late(late)
        breaker = self.attempts.breaker
        healthy = breaker.state is CircuitState.CLOSED and not breaker.failure_count
        last = self.history.last_at
        turn = self._turn = SensorTurn(self.attempts, self.id, self.driver, self.hold, self.slow, healthy, last)
        return turn

    def abandon(self) -> None:
        """End the turn that runs at its next step: what it opens again would be in the way of what takes its place."""
        if self._turn is not None and self._turn.running:
            self._turn.abandoned = True

    def conclude(self, due: float, now: float) -> Told:
        """Return the readings of the turn, without substituted ones, and the faults of what is missing.

        Args:
            due: the moment for which the round was due.
            now: when it leaves.
        """
        turn, carried = self._turn, self.history.carried
        assert turn is not None, "a round takes the turn first"
        self.history.carried = None
        outcome = turn.known()
        if outcome is not None:
            self._turn = None
            if outcome.held:
                self._gave_up(turn, outcome)
            return self.conclusions.of(outcome, due)
        # The turn goes on beside the rounds. A result since the previous round is at most one interval old.
        outcome = carried or (self.latest_of_its_chip(now) if turn.earlier else None)
        return self._waits(turn, due) if outcome is None else self.conclusions.of(outcome, due)

    def reported(self, due: float, now: float) -> Told:
        """Return what a round that was due at `due` publishes."""
        return self.conclude(due, now)

    def take(self, at: float, now: float) -> None:
        """Take the turn's outcome as a sample that was due at `at`."""
        self.conclude(at, now)

    def latest_of_its_chip(self, now: float) -> Outcome | None:
        """Return a slow sensor's last success, unless its chip should have delivered a newer one by now."""
        last = self.history.last
        return last if self.slow and last is not None and now - last.at <= ROOM * self.chip.takes else None

    # ---- readings without a turn

    def note(self, reading: Reading, at: float) -> Reading | None:
        """Take the value of an edge; return it as published, None if there is none. A line with edges is not silent."""
        before = self.present
        self.conclusions.came_back(at)
        self.history.edge(reading.quantity, reading.value, at)
        told = self.conclusions.edge(reading, at)
        if told is None:
            return None
        others = [one for one in before.readings if one.quantity != reading.quantity]
        lacking = [name for name in before.lacking if name != reading.quantity]
        self.history.tell([*others, told._replace(measured=at)], lacking, measured=at)
        return told

    def substitute(self, source: Sensor) -> Sequence[Reading]:
        """Return readings of `source` for the quantities that are missing here, marked as substituted."""
        before, theirs = self.present, source.present
        found = [
            Reading(self.id, one.quantity, one.value, one.unit, "substituted", source=source.id, measured=one.measured)
            for one in theirs.readings
            if one.status == "ok" and one.quantity in before.lacking
        ]
        if found:
            found += self.conclusions.filled([*before.readings, *found])
            filled = {one.quantity for one in found}
            lacking = [name for name in before.lacking if name not in filled]
            measured = before.measured if before.readings else theirs.measured
            self.history.tell([*before.readings, *found], lacking, measured=measured)
            self.history.present = self.present._replace(since=before.since, error=before.error, message=before.message)
        return found

    # ---- turns that end late

    def _gave_up(self, turn: SensorTurn, outcome: Outcome) -> None:
        """Report to the breaker that a transfer has held the bus; an abandoned turn no longer does so itself."""
        assert outcome.error is not None
        self.breaker.failed(turn.admission, outcome.error)
        if outcome.held >= COSTLY and self.breaker.state is CircuitState.CLOSED:
            self.breaker.trip()

    def _take_late(self, late: Outcome) -> None:
        """Take an outcome that came after its round had left.

        Values count in the next round; an error is the cause of the absence.
        """
        if late.values is not None:
            self.history.carried = self.history.last = late
        elif late.error is not None and not isinstance(late.error, CircuitOpenError):
            fault = self.conclusions.blame(late.error, late.at, late.attempts)
            self.history.present = self.present._replace(since=fault.since, error=fault.error, message=fault.message)

    def _waits(self, turn: SensorTurn, due: float) -> Told:
        """Return what is published while a turn goes on: `NotReady`, or the cause of an earlier silence."""
        history, before, attempts = self.history, self.present, int(turn.begun and not turn.earlier)
        if history.silent is not None:
            fault = self.conclusions.fault(*history.cause, attempts, history.silent)
        else:
            if not turn.begun:
                why = "waits its turn; the bus is busy with other sensors"
            elif self.slow and history.last is None:
                why = f"is starting; the first reading takes up to {self.chip.takes:g} s"
            else:
                why = "was still measuring when the round left"
            since = due if before.since is None else before.since
            fault = self.conclusions.fault("NotReady", f"{self.attempts.label} {why}", attempts, since)
        told = self.conclusions.absent(fault, due)
        if before.status == "unknown" and not told[0]:
            history.present = history.present._replace(status="unknown")
        return told
