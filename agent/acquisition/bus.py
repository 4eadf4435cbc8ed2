"""One bus as the agent sees it: its worker, its breaker above the sensors' own, and who fell silent first.

Healthy sensors are read first; those that something speaks against begin when the healthy ones are done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState
from drivers.bus.worker import Share, Turn
from drivers.errors import BusStuck, BusTimeout, NotReady, PermanentError, TransientError

from .sensor import Outcome, Sensor

if TYPE_CHECKING:
    from drivers.bus.recovery import Recovery

log = logging.getLogger("limpet.bus")

RECOVERING = 5.0  # seconds that one step of a recovery may take
MOST_SHARES = 2  # of one bus in one round: those that are slow, and the others


class Worker(Protocol):
    """What runs turns: a thread, or the event loop in virtual time."""

    def submit(self, share: Share) -> None: ...
    def overdue(self) -> Turn | None: ...
    def moving(self) -> bool: ...
    def close(self) -> None: ...


class GuardedBus:
    """One bus. Timeouts at two addresses without a success in between open its breaker: then one probe for all.

    Args:
        recovery: tried once whenever the breaker opens, in the bus's thread; not while that thread hangs.
    """

    def __init__(self, name: str, worker: Worker, breaker: CircuitBreaker, recovery: Recovery | None = None) -> None:
        self.recovery = recovery
        self.name, self.worker, self.breaker = name, worker, breaker
        self.silent: list[str] = []  # sensors that timed out, in order, since the last success on this bus
        self._running: dict[str, Turn] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._carried: dict[str, Outcome] = {}

    def begin(self, sensors: Sequence[Sensor], on_done: Callable[[], None]) -> int:
        """Start a round's shares of this bus; return how many will call `on_done`. What is refused is known at once."""
        self._outcomes = {}
        ready = [sensor for sensor in sensors if not self._still_running(sensor)]
        culprit = self.worker.overdue()
        if culprit is not None:
            self._refuse(ready, BusStuck(f"{self.name} has not come back from a transfer of {self._name(culprit)}"))
            return 0
        admitted, generation = self._admit(ready)
        slow: list[Turn] = []
        healthy: list[Turn] = []
        sick: list[Turn] = []
        for sensor in admitted:
            kind = slow if sensor.slow else healthy if sensor.healthy else sick
            kind.append(self._turn(sensor, generation))
        if slow:
            self.worker.submit(Share(slow, on_done))
        if healthy and sick:  # one that hangs must not meet the others in the middle of a conversion
            self.worker.submit(Share(healthy, lambda: self.worker.submit(Share(sick, on_done))))
        elif healthy or sick:
            self.worker.submit(Share(healthy or sick, on_done))
        return bool(slow) + bool(healthy or sick)

    def outcome(self, sensor: Sensor) -> Outcome | None:
        """Return what is known of a sensor's turn in this round; None while it runs."""
        if sensor.id in self._outcomes:
            return self._outcomes[sensor.id]
        turn = self._running.get(sensor.id)
        if turn is None or not turn.done:
            return None
        del self._running[sensor.id]
        self._carried.pop(sensor.id, None)
        if turn.crashed is not None:
            raise turn.crashed
        outcome: Outcome = turn.result
        self._outcomes[sensor.id] = outcome
        return outcome

    def give_up(self, sensors: Iterable[Sensor]) -> None:
        """Give up what cannot come any more because a transfer hangs, if one does."""
        culprit = self.worker.overdue()
        if culprit is None:
            return
        for sensor in sensors:
            turn = self._running.get(sensor.id)
            if turn is None or turn.done or sensor.id in self._outcomes:
                continue
            if turn is culprit:
                error = BusTimeout(f"{self.name}: {sensor.id} ({sensor.driver}) has held the bus for {turn.limit:g} s")
                self._outcomes[sensor.id] = sensor.overdue(error, turn.limit)
                self._timed_out(sensor.id)
            else:
                del self._running[sensor.id]
                refusal = BusStuck(f"{self.name} has not come back from a transfer of {self._name(culprit)}")
                self._outcomes[sensor.id] = Outcome(error=refusal)
            turn.abandoned = True

    def too_late(self, sensor: Sensor) -> Outcome:
        """Return the outcome of a sensor that is still at work when its round leaves; it goes on meanwhile.

        What it brought since the round before is at most one interval old, and counts.
        """
        if sensor.id in self._carried:
            return self._carried.pop(sensor.id)
        return Outcome(error=NotReady(f"{sensor.id} ({sensor.driver}): still starting when the round left"), attempts=1)

    def close(self) -> None:
        """Start nothing more."""
        self.worker.close()

    def _turn(self, sensor: Sensor, generation: int) -> Turn:
        turn = self._running[sensor.id] = Turn(self._watched(sensor, generation), sensor.hold)
        return turn

    def _still_running(self, sensor: Sensor) -> bool:
        turn = self._running.get(sensor.id)
        if turn is None:
            return False
        if turn.done:  # it came after its round had left
            del self._running[sensor.id]
            if turn.crashed is None and not turn.abandoned:
                if turn.result.values is not None:
                    self._carried[sensor.id] = turn.result
                else:
                    sensor.learn(turn.result.error)
            return False
        if self.worker.overdue() is turn:
            error: OSError = BusStuck(f"{self.name}: the transfer of {sensor.id} has still not come back")
        elif turn.abandoned:  # its thread is back, it will be closed at its next step
            del self._running[sensor.id]
            return False
        elif (latest := sensor.latest_of_its_chip()) is not None:
            self._outcomes[sensor.id] = latest
            return True
        else:
            error = NotReady(f"{sensor.id} ({sensor.driver}): still starting")
        self._outcomes[sensor.id] = Outcome(error=error)
        return True

    def _admit(self, sensors: Sequence[Sensor]) -> tuple[Sequence[Sensor], int]:
        """Return whom the bus's breaker lets through: everybody, one probe, or nobody."""
        if not sensors:
            return (), 0
        try:
            generation = self.breaker.admit()
        except CircuitOpenError as error:
            who = f"; {self.silent[0]} fell silent first" if self.silent else ""
            self._refuse(
                sensors, BusStuck(f"{self.name} does not answer{who}; it is probed in {error.retry_after:.0f} s")
            )
            return (), 0
        if self.breaker.state is not CircuitState.HALF_OPEN:
            return sensors, generation
        probe = min(sensors, key=lambda sensor: not sensor.healthy)
        self._refuse(
            [sensor for sensor in sensors if sensor is not probe],
            BusStuck(f"{self.name} is being probed by {probe.id}"),
        )
        return (probe,), generation

    def _refuse(self, sensors: Iterable[Sensor], error: OSError) -> None:
        for sensor in sensors:
            self._outcomes[sensor.id] = Outcome(error=error)

    def _watched(self, sensor: Sensor, generation: int) -> Generator[float, None, Outcome]:
        """Run a sensor's turn and learn from it about the bus. In the bus's thread."""
        if self.breaker.state is CircuitState.OPEN:  # opened since the round began
            return Outcome(error=BusStuck(f"{self.name} does not answer; {self.silent[0]} fell silent first"))
        outcome = yield from sensor.read()
        if isinstance(outcome.error, BusTimeout):
            was_open = self._is_open()  # another sensor may have opened it meanwhile
            if self.breaker.state is CircuitState.HALF_OPEN:
                self.breaker.failed(generation, outcome.error)
            self._timed_out(sensor.id)
            if not was_open and self._is_open() and self.recovery is not None:
                self.worker.submit(Share([Turn(self._recover(self.recovery), RECOVERING)], _nobody_waits))
        elif outcome.attempts:  # an answer, or a refusal by the chip: the bus moves
            self.silent.clear()
            self.breaker.succeeded(generation)
        else:
            self.breaker.undecided(generation)
        return outcome

    def _is_open(self) -> bool:
        return self.breaker.state is CircuitState.OPEN

    def _recover(self, recovery: Recovery) -> Generator[float, None, None]:
        """Try to free the bus; the breaker's next probe shows whether it helped."""
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

    def _name(self, turn: Turn) -> str:
        return next((name for name, running in self._running.items() if running is turn), "another sensor")


def _nobody_waits() -> None:
    """A recovery belongs to no round."""
