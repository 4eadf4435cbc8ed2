"""Retry with exponential back-off and jitter: call again after a transient failure, later each time.

`RetryPolicy.next_delay` decides, synchronously; `retry_with_backoff` waits, in functions and coroutine functions alike.
"""

import asyncio
import functools
import inspect
import logging
import time
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, ParamSpec, TypeVar, cast

from .budget import RetryBudget
from .circuit import CircuitOpenError, probing
from .schedule import ENTROPY, Clock, Rng, check_count, check_exceptions, check_number, check_seconds, grown

P = ParamSpec("P")
T = TypeVar("T")
Jitter = Literal["none", "equal", "full"]
log = logging.getLogger(__name__)

# A wait is drawn between this part of the step and the whole step.
LEAST_OF_STEP = {"none": 1.0, "equal": 0.5, "full": 0.0}


class RetryEvent(NamedTuple):
    """Attempt number `attempt` failed with `error`; the next follows in `delay` seconds."""

    attempt: int
    delay: float
    error: BaseException


class RetryPolicy:
    """When to call again. It keeps no state of a call, so it may be shared.

    Attributes:
        max_attempts: calls, the first included; None: no limit.
        base_delay_seconds: the step after the first failure; each further step is `multiplier` times longer,
            up to `max_delay_seconds`.
        exceptions: what is worth another attempt. A CircuitOpenError never is.
        jitter: the wait is the step ("none"), or drawn from its upper half ("equal"), or from all of it ("full").
        deadline_seconds: bounds the whole call: no wait begins that would end later, and coroutines are cancelled then.
        attempt_timeout_seconds: coroutines only; a longer attempt becomes a TimeoutError, and is retried.
        budget: shared tokens; without one the retry is given up at once.
        on_retry: called before each wait.
        sleep: waits instead of `time.sleep` or `asyncio.sleep`.

    Raises:
        ValueError: a parameter makes no sense.
    """

    def __init__(
        self,
        max_attempts: int | None = 4,
        base_delay_seconds: float = 1.0,
        max_delay_seconds: float = 30.0,
        *,
        exceptions: tuple[type[Exception], ...] = (OSError,),
        multiplier: float = 2.0,
        jitter: Jitter = "equal",
        deadline_seconds: float | None = None,
        attempt_timeout_seconds: float | None = None,
        budget: RetryBudget | None = None,
        on_retry: Callable[[RetryEvent], object] | None = None,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        rng: Rng | None = None,
    ) -> None:
        if max_attempts is not None:
            check_count("max_attempts", max_attempts)
        check_seconds("base_delay_seconds", base_delay_seconds, zero=True)
        check_seconds("max_delay_seconds", max_delay_seconds, zero=True)
        check_exceptions(exceptions)
        check_number("multiplier", multiplier, 1.0)
        if jitter not in LEAST_OF_STEP:
            raise ValueError(f"jitter must be one of {', '.join(LEAST_OF_STEP)}, not {jitter!r}")
        check_seconds("deadline_seconds", deadline_seconds, none=True)
        check_seconds("attempt_timeout_seconds", attempt_timeout_seconds, none=True)
        if attempt_timeout_seconds is not None and not issubclass(TimeoutError, exceptions):
            exceptions = (*exceptions, TimeoutError)
        self.max_attempts: Final = max_attempts
        self.base_delay_seconds: Final = base_delay_seconds
        self.max_delay_seconds: Final = max_delay_seconds
        self.exceptions: Final = exceptions
        # A float overflows, which `grown` handles; an int to the power of the attempt would grow without bound.
        self.multiplier: Final = float(multiplier)
        self.jitter: Final = jitter
        self.deadline_seconds: Final = deadline_seconds
        self.attempt_timeout_seconds: Final = attempt_timeout_seconds
        self.budget: Final = budget
        self.on_retry: Final = on_retry
        self.clock: Final = clock
        self.sleep: Final = sleep
        self.rng: Final = rng

    def next_delay(self, attempt: int, error: BaseException, elapsed: float) -> float | None:
        """Return the seconds to wait after call number `attempt` raised `error`; None: give up and raise it.

        `elapsed` is the time in seconds since the first call began. A delay costs a token of the budget.
        """
        if isinstance(error, CircuitOpenError) or not isinstance(error, self.exceptions) or probing():
            return None
        if self.max_attempts is not None and attempt >= self.max_attempts:
            return None
        delay = grown(self.base_delay_seconds, self.multiplier, attempt - 1, self.max_delay_seconds)
        if self.jitter != "none":
            delay = (self.rng or ENTROPY).uniform(LEAST_OF_STEP[self.jitter] * delay, delay)
        if self.deadline_seconds is not None and elapsed + delay >= self.deadline_seconds:
            return None
        if self.budget is not None and not self.budget.take(self.clock()):
            return None
        return delay

    def after_failure(self, attempt: int, error: BaseException, started: float) -> float | None:
        """Return `next_delay` for a call that began at `started`, and call `on_retry` if there is a delay."""
        elapsed = 0.0 if self.deadline_seconds is None else self.clock() - started
        delay = self.next_delay(attempt, error, elapsed)
        if delay is not None and self.on_retry is not None:
            try:
                self.on_retry(RetryEvent(attempt, delay, error))
            except Exception:
                log.exception("retry hook failed", extra={"attempt": attempt})
        return delay

    def bound(self, started: float) -> float | None:
        """Return the seconds that an attempt which begins now may take; None: no limit."""
        if self.deadline_seconds is None:
            return self.attempt_timeout_seconds
        left = max(0.0, started + self.deadline_seconds - self.clock())
        return left if self.attempt_timeout_seconds is None else min(left, self.attempt_timeout_seconds)


def retry_with_backoff(
    max_attempts: int | None = 4,
    base_delay_seconds: float = 1.0,
    max_delay_seconds: float = 30.0,
    *,
    exceptions: tuple[type[Exception], ...] = (OSError,),
    multiplier: float = 2.0,
    jitter: Jitter = "equal",
    deadline_seconds: float | None = None,
    attempt_timeout_seconds: float | None = None,
    budget: RetryBudget | None = None,
    on_retry: Callable[[RetryEvent], object] | None = None,
    clock: Clock = time.monotonic,
    sleep: Callable[[float], object] | None = None,
    rng: Rng | None = None,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator that calls again after a failure, for functions, methods and coroutine functions.

    The parameters are those of `RetryPolicy`. When it gives up, the last error is raised as it is. Nothing is retried
    inside a breaker's probe.

    Raises:
        ValueError: at decoration: a parameter makes no sense, or not with this function.
    """
    policy = RetryPolicy(
        max_attempts,
        base_delay_seconds,
        max_delay_seconds,
        exceptions=exceptions,
        multiplier=multiplier,
        jitter=jitter,
        deadline_seconds=deadline_seconds,
        attempt_timeout_seconds=attempt_timeout_seconds,
        budget=budget,
        on_retry=on_retry,
        clock=clock,
        sleep=sleep,
        rng=rng,
    )

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        if is_async(function):
            return cast(Callable[P, T], _async_face(policy, function))
        return _blocking_face(policy, function)

    return decorate


def is_async(function: Callable[..., Any]) -> bool:
    """Return whether calling `function` gives a coroutine: `async def`, a partial of one, `async __call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(cast(Any, function).__call__)


def _async_face(policy: RetryPolicy, function: Callable[..., Any]) -> Callable[..., Any]:
    retried, clock, sleep = policy.exceptions, policy.clock, policy.sleep
    timed = policy.deadline_seconds is not None
    bounded = timed or policy.attempt_timeout_seconds is not None

    @functools.wraps(function)
    async def retrying(*args: Any, **kwargs: Any) -> Any:
        attempt, started = 0, clock() if timed else 0.0
        while True:
            try:
                if not bounded:
                    return await function(*args, **kwargs)
                async with asyncio.timeout(policy.bound(started)):
                    return await function(*args, **kwargs)
            except retried as error:
                attempt += 1
                delay = policy.after_failure(attempt, error, started)
                if delay is None:
                    raise
            # Outside of `except`, so that the error is freed and does not become the context of the next one.
            if sleep is None:
                await asyncio.sleep(delay)
            elif inspect.isawaitable(pause := sleep(delay)):
                await pause

    return retrying


def _blocking_face(policy: RetryPolicy, function: Callable[P, T]) -> Callable[P, T]:
    if policy.attempt_timeout_seconds is not None:
        raise ValueError(f"attempt_timeout_seconds cannot stop {function!r}, which blocks; it is for coroutines only")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ValueError(f"{function!r} is a generator function, which fails after its call; use RetryPolicy inside it")
    retried, clock, sleep = policy.exceptions, policy.clock, policy.sleep
    timed = policy.deadline_seconds is not None

    @functools.wraps(function)
    def retrying(*args: P.args, **kwargs: P.kwargs) -> T:
        attempt, started = 0, clock() if timed else 0.0
        while True:
            try:
                return function(*args, **kwargs)
            except retried as error:
                attempt += 1
                delay = policy.after_failure(attempt, error, started)
                if delay is None:
                    raise
            (sleep or time.sleep)(delay)

    return retrying
