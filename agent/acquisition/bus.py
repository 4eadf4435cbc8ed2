"""One bus as the agent sees it: its worker, its breaker above the sensors' own, and which sensor fell silent first.

Healthy sensors are read first; the others begin when the healthy ones are done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING

from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState
from drivers.bus.worker import Share, Turn, Worker
from drivers.errors import BusStuck, BusTimeout, PermanentError, TransientError

from .turn import Outcome, SensorTurn

if TYPE_CHECKING:
    from drivers.bus.recovery import Recovery

log = logging.getLogger("limpet.bus")

RECOVERING = 5.0  # seconds that one step of a recovery may take
# Shares of one bus in one round. Slow sensors have a share of their own, which the round does not wait for.
MOST_SHARES = 2


class GuardedBus:
    """One bus behind a breaker. Timeouts of two sensors with no success in between open it.

    An open breaker admits one sensor as the probe for all. Public methods are called on the loop; a method that runs
    in the bus's thread says so.

    Attributes:
        recovery: tried once whenever the breaker opens, in the bus's thread, unless that thread hangs.
        silent: sensors that timed out since the last success on this bus, in order. Written by whichever side
            notices: the thread, or the loop where the thread hangs.
    """

    def __init__(self, name: str, worker: Worker, breaker: CircuitBreaker, recovery: Recovery | None = None) -> None:
        self.name, self.worker, self.breaker, self.recovery = name, worker, breaker, recovery
        self.silent: list[str] = []

    def begin(self, turns: Sequence[SensorTurn], on_done: Callable[[], None]) -> int:
        """Start a round's turns; return how many shares will call `on_done`.

        A turn that is refused has its outcome at once. One that has begun before goes on, or has ended.
        """
        if (culprit := self.worker.overdue()) is not None:
            self._refuse(turns, culprit)
            return 0
        new = [turn for turn in turns if turn.share is None and turn.outcome is None]
        if len(new) < len(turns):
            # More is due than the bus can carry. Oldest first, so that no sensor is left out in every round.
            new.sort(key=lambda turn: turn.last)
        admitted, generation = self._admit(new)
        slow: list[Turn] = []
        healthy: list[Turn] = []
        sick: list[Turn] = []
        for turn in admitted:
            turn.steps = self._watched(turn, turn.steps, generation)
            kind = slow if turn.slow else healthy if turn.healthy else sick
            kind.append(turn)
        if slow:
            self.worker.submit(Share(slow, on_done))
        if healthy and sick:
            # A transfer of a sick chip may hang. The healthy ones have finished their conversions by then.
            later = Share(sick, on_done)
            self.worker.submit(Share(healthy, lambda: self.worker.submit(later)))
        elif healthy or sick:
            self.worker.submit(Share(healthy or sick, on_done))
        return bool(slow) + bool(healthy or sick)

    def give_up(self, turns: Iterable[SensorTurn]) -> None:
        """If a transfer hangs, end the turns that cannot finish because of it."""
        culprit = self.worker.overdue()
        if culprit is None:
            return
        for turn in turns:
            if turn.known() is not None:
                continue
            if turn is culprit:
                error = BusTimeout(f"{self.name}: {turn.sensor} ({turn.driver}) has held the bus for {turn.limit:g} s")
                turn.outcome = Outcome(error=error, attempts=1, held=turn.limit)
                self._timed_out(turn.sensor)
            else:
                turn.outcome = Outcome(error=self._stuck(culprit, turn))
            turn.abandoned = True

    def close(self) -> None:
        """Start no further transfer."""
        self.worker.close()

    def _admit(self, turns: Sequence[SensorTurn]) -> tuple[Sequence[SensorTurn], int]:
        """Return the turns that the bus's breaker lets through: all, one probe, or none."""
        if not turns:
            return (), 0
        try:
            generation = self.breaker.admit()
        except CircuitOpenError as error:
            refusal = BusStuck(f"{self._silence()}; it is probed in {error.retry_after:.0f} s")
            for turn in turns:
                turn.outcome = Outcome(error=refusal)
            return (), 0
        if self.breaker.state is not CircuitState.HALF_OPEN:
            return turns, generation
        probe = min(turns, key=lambda turn: not turn.healthy)
        for turn in turns:
            if turn is not probe:
                turn.outcome = Outcome(error=BusStuck(f"{self.name} is being probed by {probe.sensor}"))
        return (probe,), generation

    def _watched(
        self, turn: SensorTurn, steps: Generator[float, None, Outcome], generation: int
    ) -> Generator[float, None, Outcome]:
        """Run a turn and report to the bus's breaker what its outcome says about the bus. In the bus's thread."""
        # The breaker may have opened since the round began.
        if self.breaker.state is CircuitState.OPEN:
            return Outcome(error=BusStuck(self._silence()))
        outcome = yield from steps
        if isinstance(outcome.error, BusTimeout):
            # Another sensor may have opened it meanwhile; the recovery is tried once per opening.
            was_open = self._is_open()
            if self.breaker.state is CircuitState.HALF_OPEN:
                self.breaker.failed(generation, outcome.error)
            self._timed_out(turn.sensor)
            if not was_open and self._is_open() and self.recovery is not None:
                self.worker.submit(Share([Turn(self._recover(self.recovery), RECOVERING)], _not_waited_for))
        elif outcome.attempts:
            # Values or a refusal by the chip: in both cases the bus carried bytes.
            self.silent.clear()
            self.breaker.succeeded(generation)
        else:
            self.breaker.undecided(generation)
        return outcome

    def _silence(self) -> str:
        """Return the text of a refusal. A reading that began before the silence may have cleared `silent`."""
        first = f"; {self.silent[0]} fell silent first" if self.silent else ""
        return f"{self.name} does not answer{first}"

    def _is_open(self) -> bool:
        return self.breaker.state is CircuitState.OPEN

    def _recover(self, recovery: Recovery) -> Generator[float, None, None]:
        """Try to free the bus; the breaker's next probe shows whether it helped. In the bus's thread."""
        try:
            done = yield from recovery.steps()
        except (TransientError, PermanentError) as error:
            log.warning("bus recovery failed", extra={"bus": self.name, "error": str(error)})
        else:
            log.info("bus recovery done", extra={"bus": self.name, "how": done})

    def _timed_out(self, sensor_id: str) -> None:
        if sensor_id not in self.silent:
            self.silent.append(sensor_id)
        if len(self.silent) >= 2 and self.breaker.state is CircuitState.CLOSED:
            log.warning("bus fell silent", extra={"bus": self.name, "first": self.silent[0]})
            self.breaker.trip()

    def _refuse(self, turns: Iterable[SensorTurn], culprit: Turn) -> None:
        """End the turns that cannot begin because the transfer of `culprit` hangs."""
        for turn in turns:
            if turn is culprit or not turn.running:
                turn.outcome = Outcome(error=self._stuck(culprit, turn))

    def _stuck(self, culprit: Turn, turn: SensorTurn) -> BusStuck:
        blamed = culprit.sensor if isinstance(culprit, SensorTurn) else "its recovery"
        if blamed == turn.sensor:
            return BusStuck(f"{self.name}: the transfer of {blamed} has still not come back")
        return BusStuck(f"{self.name} has not come back from a transfer of {blamed}")


def _not_waited_for() -> None:
    """A recovery belongs to no round."""
