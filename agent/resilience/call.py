"""The breaker around a call: one that blocks, or one that is awaited."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from .breaker import Breaker
from .circuit import BreakerEvent, begin_probe
from .schedule import Clock, Rng, check_seconds

P = ParamSpec("P")
T = TypeVar("T")


class CircuitBreaker(Breaker):
    """A breaker around blocking calls; see `AsyncCircuitBreaker` for the parameters."""

    __slots__ = ()

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return `function(*args, **kwargs)` if the circuit lets it through.

        Raises:
            CircuitOpenError: it did not; nothing was called.
        """
        generation = self._admits or self.admit()
        lease = None if self._admits else begin_probe()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self.failed(generation, error)
            raise
        finally:
            if lease is not None:
                lease.clear()
        if self._failures or not self._admits:
            self.succeeded(generation)
        return result


class AsyncCircuitBreaker(Breaker):
    """A breaker around coroutine functions.

    It opens after `failure_threshold` failures in a row, for `reset_timeout_seconds`, lengthened by a random part of up
    to `reset_jitter`; each failed probe multiplies the period by `multiplier`, up to `max_reset_timeout_seconds`. Only
    `exceptions` are failures. A call that takes longer than `call_timeout_seconds` is a TimeoutError, which counts even
    if it is not in `exceptions`. `on_event` is called once for each transition.

    Raises:
        ValueError: a parameter makes no sense.
    """

    __slots__ = ("call_timeout_seconds",)

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
        call_timeout_seconds: float | None = None,
        on_event: Callable[[BreakerEvent], object] | None = None,
        clock: Clock = time.monotonic,
        rng: Rng | None = None,
    ) -> None:
        check_seconds("call_timeout_seconds", call_timeout_seconds, none=True)
        super().__init__(
            failure_threshold,
            reset_timeout_seconds,
            name=name,
            exceptions=exceptions,
            success_threshold=success_threshold,
            multiplier=multiplier,
            max_reset_timeout_seconds=max_reset_timeout_seconds,
            reset_jitter=reset_jitter,
            on_event=on_event,
            clock=clock,
            rng=rng,
        )
        self.call_timeout_seconds = call_timeout_seconds
        if call_timeout_seconds is not None and not issubclass(TimeoutError, exceptions):
            self.exceptions = (*exceptions, TimeoutError)

    async def call(self, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `function(*args, **kwargs)` if the circuit lets it through.

        Raises:
            CircuitOpenError: it did not; nothing was called.
            TimeoutError: it took longer than `call_timeout_seconds`.
        """
        generation = self._admits or self.admit()
        lease = None if self._admits else begin_probe()
        try:
            if self.call_timeout_seconds is None:
                result = await function(*args, **kwargs)
            else:
                async with asyncio.timeout(self.call_timeout_seconds):
                    result = await function(*args, **kwargs)
        except BaseException as error:
            self.failed(generation, error)
            raise
        finally:
            if lease is not None:
                lease.clear()
        if self._failures or not self._admits:
            self.succeeded(generation)
        return result
