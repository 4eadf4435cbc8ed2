"""A circuit breaker: stop calling what does not answer, and find out at little cost when it answers again.

                  failure_threshold failures in a row
    +--------+ -----------------------------------------> +------+
    | CLOSED |                                            | OPEN | no call passes
    +--------+                                            +------+
    all calls pass                                         |    ^
         ^                                the open period  |    |  the probe fails: the next
         |                     is over, and a call comes:  |    |  open period is longer
         |                              it is the probe    v    |
         |  success_threshold probes in a row             +-----------+
         +----------------------------------------------- | HALF_OPEN | one probe passes
                                                          +-----------+

Only errors that speak against the dependency are failures. A cancellation or a bug is no verdict: in HALF_OPEN the next
call becomes the probe. A probe holds its place for as long as the open period before it lasted, so one that hangs is
replaced. Every admission belongs to a generation, and every change of state starts a new one. An outcome of an earlier
generation is ignored.

The decisions (`admit`, `succeeded`, `failed`, `undecided`) are synchronous and do no I/O. `AsyncCircuitBreaker.call`
and `CircuitBreaker.call` are thin wrappers around them; a generator calls them directly.
"""

import logging
import math
import time
from collections.abc import Callable
from threading import RLock

from .circuit import CLOSED, HALF_OPEN, OPEN, BreakerEvent, CircuitOpenError, CircuitState
from .schedule import ENTROPY, Clock, Rng, check_count, check_exceptions, check_number, check_seconds, grown

log = logging.getLogger(__name__)


SLOTS = """
    name exceptions failure_threshold reset_timeout_seconds success_threshold multiplier max_reset_timeout_seconds
    reset_jitter on_event clock rng
    _lock _state _generation _admits _failures _successes _openings _period _until _rejected __weakref__
"""


class Breaker:
    """The state machine of both classes. Thread-safe; holds no lock during a call or a hook.

    Attributes: the parameters, under their own names. They must not be changed later.
    """

    __slots__ = tuple(SLOTS.split())

    _state: CircuitState
    # The current generation while closed, else 0: one read decides whether a call passes.
    _admits: int
    # Calls are refused before this moment: the end of the open period, or of the probe's place.
    _until: float
    _failures: int
    _successes: int
    # Since it was last closed.
    _openings: int

    def __init__(
        self,
        failure_threshold: int = 3,
        reset_timeout_seconds: float = 30.0,
        *,
        name: str = "default",
        exceptions: tuple[type[Exception], ...] = (OSError,),
        success_threshold: int = 1,
        multiplier: float = 2.0,
        max_reset_timeout_seconds: float = 120.0,
        reset_jitter: float = 0.1,
        on_event: Callable[[BreakerEvent], object] | None = None,
        clock: Clock = time.monotonic,
        rng: Rng | None = None,
    ) -> None:
        check_count("failure_threshold", failure_threshold)
        check_count("success_threshold", success_threshold)
        check_seconds("reset_timeout_seconds", reset_timeout_seconds)
        check_seconds("max_reset_timeout_seconds", max_reset_timeout_seconds)
        check_number("multiplier", multiplier, 1.0)
        check_number("reset_jitter", reset_jitter, 0.0)
        check_exceptions(exceptions)
        self.failure_threshold = failure_threshold
        self.reset_timeout_seconds = reset_timeout_seconds
        self.name = name
        self.exceptions = exceptions
        self.success_threshold = success_threshold
        self.multiplier = float(multiplier)
        self.max_reset_timeout_seconds = max_reset_timeout_seconds
        self.reset_jitter = reset_jitter
        self.on_event = on_event
        self.clock = clock
        self.rng = rng or ENTROPY
        # Re-entrant, because the garbage collector may close a coroutine in the middle of a call, which then reports in
        # the thread that holds the lock.
        self._lock = RLock()
        self._generation = self._rejected = 0
        self._period = 0.0
        self._close()

    @property
    def state(self) -> CircuitState:
        """The current state. OPEN until a probe is admitted, even after the open period has ended."""
        return self._state

    @property
    def retry_after(self) -> float:
        """Seconds until a call may be admitted; 0.0 if one may be now."""
        return 0.0 if self._admits else max(0.0, self._until - self.clock())

    @property
    def failure_count(self) -> int:
        """Failures in a row, failed probes included."""
        return self._failures

    @property
    def rejected(self) -> int:
        """Calls refused so far."""
        return self._rejected

    def counts(self, error: BaseException) -> bool:
        """Return whether `error` speaks against the dependency."""
        return isinstance(error, self.exceptions)

    def admit(self) -> int:
        """Admit one call and return its generation, to be reported with one of the three methods below.

        The call is the probe if `state` is HALF_OPEN after this.

        Raises:
            CircuitOpenError: the call is refused, and nothing is to be reported.
        """
        if generation := self._admits:
            return generation
        now = self.clock()
        # Without the lock, because refusals are frequent and have to stay cheap.
        if now < (until := self._until):
            self._rejected += 1
            raise CircuitOpenError(self.name, until - now)
        with self._lock:
            if self._admits:
                return self._admits
            if now < (until := self._until):
                self._rejected += 1
                raise CircuitOpenError(self.name, until - now)
            generation = self._generation = self._generation + 1
            self._until = now + self._period
            old = self._state
            self._state = HALF_OPEN
        if old is OPEN:
            self._announce(old, HALF_OPEN, "open period over")
        return generation

    def succeeded(self, generation: int) -> None:
        """Report that the call admitted as `generation` succeeded."""
        # While it is closed and nothing has failed there is nothing to change, and a look needs no lock.
        if generation == self._admits and not self._failures:
            return
        with self._lock:
            if generation != self._generation:
                return
            if self._state is CLOSED:
                self._failures = 0
                return
            self._successes += 1
            if self._successes < self.success_threshold:
                self._free_the_probes_place()
                return
            self._close()
        self._announce(HALF_OPEN, CLOSED, "probe succeeded")

    def failed(self, generation: int, error: BaseException) -> None:
        """Report that the call admitted as `generation` raised `error`. An error that does not count is no verdict."""
        if not isinstance(error, self.exceptions):
            self.undecided(generation)
            return
        with self._lock:
            if generation != self._generation:
                return
            self._failures += 1
            if self._state is CLOSED and self._failures < self.failure_threshold:
                return
            old = self._state
            period = self._open()
        reason = "failures in a row" if old is CLOSED else "probe failed"
        self._announce(old, OPEN, f"{reason}: {type(error).__name__}", period)

    def undecided(self, generation: int) -> None:
        """Report that the call admitted as `generation` ended without a verdict: it was cancelled, or had a bug."""
        if self._admits:
            return
        with self._lock:
            if generation == self._generation and self._state is HALF_OPEN:
                self._free_the_probes_place()

    def trip(self) -> None:
        """Open now. If the breaker is open already, its period starts again."""
        with self._lock:
            old = self._state
            if old is not CLOSED:
                self._openings -= 1
            period = self._open()
        if old is not OPEN:
            self._announce(old, OPEN, "tripped", period)

    def reset(self) -> None:
        """Close now and forget all failures."""
        with self._lock:
            old = self._state
            self._close()
        if old is not CLOSED:
            self._announce(old, CLOSED, "reset")

    # The generation is written first, so that outcomes which arrive during the change are ignored.

    def _open(self) -> float:
        self._generation += 1
        self._admits = 0
        step = grown(self.reset_timeout_seconds, self.multiplier, self._openings, self.max_reset_timeout_seconds)
        self._period = period = step * (1.0 + self.rng.uniform(0.0, self.reset_jitter))
        self._until = self.clock() + period
        self._openings += 1
        self._successes = 0
        self._state = OPEN
        return period

    def _close(self) -> None:
        self._generation += 1
        self._failures = self._successes = self._openings = 0
        self._until = -math.inf
        self._state = CLOSED
        self._admits = self._generation

    def _free_the_probes_place(self) -> None:
        self._generation += 1
        self._until = -math.inf

    def _announce(self, old: CircuitState, new: CircuitState, reason: str, open_for: float = 0.0) -> None:
        if self.on_event is not None:
            try:
                self.on_event(BreakerEvent(self.name, old, new, reason, open_for))
            except Exception:
                log.exception("breaker hook failed", extra={"breaker": self.name})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self._state} failures={self._failures}>"
