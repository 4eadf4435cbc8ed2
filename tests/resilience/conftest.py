"""What a breaker or a retry is tried against."""

import asyncio
from collections.abc import Callable

import pytest

from agent.resilience import AsyncCircuitBreaker, BreakerEvent, CircuitBreaker, CircuitOpenError


class Dependency:
    """Something to call: counts its calls, and fails as told."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: BaseException | None = None
        self.healthy_after: int | None = None

    def fail(self, error: BaseException | None = None, times: int | None = None) -> None:
        """Raise `error` from now on, or only `times` times."""
        self.error = error or ConnectionError("refused")
        self.healthy_after = None if times is None else self.calls + times

    def heal(self) -> None:
        self.error = None

    def blocking(self) -> int:
        self.calls += 1
        if self.error is not None and (self.healthy_after is None or self.calls <= self.healthy_after):
            raise self.error
        return self.calls

    async def __call__(self) -> int:
        return self.blocking()

    async def hang(self) -> None:
        self.calls += 1
        await asyncio.Event().wait()


@pytest.fixture
def dependency() -> Dependency:
    return Dependency()


@pytest.fixture
def clock(runner):
    return runner.clock


@pytest.fixture
def events() -> list[BreakerEvent]:
    return []


@pytest.fixture
def refused() -> Callable[[object], CircuitOpenError]:
    """Return a function that says how a breaker refuses; it fails if the breaker admits."""

    def refusal(breaker) -> CircuitOpenError:
        with pytest.raises(CircuitOpenError) as caught:
            breaker.admit()
        return caught.value

    return refusal


@pytest.fixture
def breaker(clock, events) -> CircuitBreaker:
    return CircuitBreaker(3, 30.0, name="tank", reset_jitter=0.0, clock=clock, on_event=events.append)


@pytest.fixture
def awaited(clock, events) -> AsyncCircuitBreaker:
    return AsyncCircuitBreaker(3, 30.0, name="tank", reset_jitter=0.0, clock=clock, on_event=events.append)
