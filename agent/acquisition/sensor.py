"""One configured sensor: it hands a turn to its bus, and concludes on the loop what came of it.

The stack is fallback(breaker(retry(measure))). `Attempts` makes the attempts, in the bus's thread; `Conclusions` says
what their outcome means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.model import Present, Reading
from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState, RetryPolicy
from drivers.chip import Driver, Quantity

from .calibration import Calibration
from .conclusion import Conclusions, Told
from .history import SensorHistory
from .turn import Attempts, Outcome, SensorTurn

COSTLY = 1.0  # seconds: a transfer that holds the bus for longer opens the sensor's breaker at once
SLOW = 2.0  # seconds: a driver that takes longer is slow, where its timeout does not allow for it
SLOW_WAIT = 0.5  # seconds that a round waits for a slow sensor: it may be ready at once
ROOM = 1.5  # of the time that a slow sensor takes
HOLD = 0.8  # of the interval: a transfer that takes longer is known to hang before its round leaves


def _longest(retry: RetryPolicy) -> float:
    """Return the longest time between the first attempt and the last."""
    delays = (retry.base_delay_seconds * retry.multiplier**n for n in range((retry.max_attempts or 1) - 1))
    return sum(min(retry.max_delay_seconds, delay) for delay in delays)


class Sensor:
    """One sensor. Everything here runs on the loop; the bus's thread runs what `attempts` does, and nothing else.

    Attributes:
        every: its interval, in seconds.
        slow: it takes longer than its timeout where it has to wait for its chip; then it goes on beside the rounds.
        hold: seconds that one transfer may hold the bus: the timeout, or less where the next round comes sooner.
        round_wait: seconds that a round waits for this sensor: one attempt and the waits between all of them.
        substitute_id: the sensor whose readings stand in where this one has none; "" without one.

    Args:
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
        self.round_wait = SLOW_WAIT if self.slow else timeout + _longest(retry)
        kind, _, source = fallback.partition(":")
        self.substitute_id = source if kind == "sensor" else ""
        self.history = SensorHistory()
        self.conclusions = Conclusions(
            name,
            chip,
            self.driver,
            breaker,
            self.history,
            max_age=max_age if fallback == "last" else None,
            calibration=calibration or Calibration(),
        )
        limit = ROOM * chip.takes if self.slow else timeout
        self.attempts = Attempts(f"{name} ({self.driver})", chip, breaker, retry, clock, limit)
        self._turn: SensorTurn | None = None

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
        self._turn = SensorTurn(
            self.attempts,
            sensor=self.id,
            driver=self.driver,
            hold=self.hold,
            slow=self.slow,
            healthy=self.breaker.state is CircuitState.CLOSED and not self.breaker.failure_count,
            last=self.history.last_at,
        )
        return self._turn

    def conclude(self, due: float, now: float) -> Told:
        """Return what came of the turn: usable readings (`substituted` ones apart), and why others are missing.

        Args:
            due: the moment for which the round was due. now: when it leaves.
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
        # The turn goes on beside the rounds. What came since the round before is at most one interval old.
        outcome = carried or (self.latest_of_its_chip(now) if turn.earlier else None)
        return self._waits(turn, due) if outcome is None else self.conclusions.of(outcome, due)

    def latest_of_its_chip(self, now: float) -> Outcome | None:
        """Return a slow sensor's last success, for as long as its chip may take for a new one."""
        last = self.history.last
        return last if self.slow and last is not None and now - last.at <= ROOM * self.chip.takes else None

    # ---- what comes without a turn

    def note(self, reading: Reading, at: float) -> None:
        """Take a reading that came by itself: an edge. A line that has edges is not silent."""
        before = self.present
        self.conclusions.came_back(at)
        others = [one for one in before.readings if one.quantity != reading.quantity]
        lacking = [name for name in before.lacking if name != reading.quantity]
        self.history.edge(reading.quantity, reading.value, at)
        self.history.tell([*others, reading._replace(measured=at)], lacking, measured=at)

    def substitute(self, source: Sensor) -> Sequence[Reading]:
        """Return the readings of another sensor in place of those that are lacking here, marked as such."""
        before, theirs = self.present, source.present
        found = [
            Reading(self.id, one.quantity, one.value, one.unit, "substituted", source=source.id, measured=one.measured)
            for one in theirs.readings
            if one.status == "ok" and one.quantity in before.lacking
        ]
        if found:
            filled = {one.quantity for one in found}
            lacking = [name for name in before.lacking if name not in filled]
            measured = before.measured if before.readings else theirs.measured
            self.history.tell([*before.readings, *found], lacking, measured=measured)
            self.history.present = self.present._replace(since=before.since, error=before.error, message=before.message)
        return found

    # ---- the breaker, and turns that end late

    def _gave_up(self, turn: SensorTurn, outcome: Outcome) -> None:
        """Report to the breaker that a transfer has held the bus; the turn itself reports nothing any more."""
        assert outcome.error is not None
        self.breaker.failed(turn.admission, outcome.error)
        if outcome.held >= COSTLY and self.breaker.state is CircuitState.CLOSED:
            self.breaker.trip()

    def _take_late(self, late: Outcome) -> None:
        """Take what came after its round had left: values count in the next round, an error says why it was late."""
        if late.values is not None:
            self.history.carried = self.history.last = late
        elif late.error is not None and not isinstance(late.error, CircuitOpenError):
            fault = self.conclusions.blame(late.error, late.at, late.attempts)
            self.history.present = self.present._replace(since=fault.since, error=fault.error, message=fault.message)

    def _waits(self, turn: SensorTurn, due: float) -> Told:
        """Return what a turn that goes on means: nothing speaks against the sensor unless it was silent before."""
        history, before, attempts = self.history, self.present, int(turn.begun and not turn.earlier)
        if history.silent is not None:
            fault = self.conclusions.fault(before.error, before.message, attempts, history.silent)
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
