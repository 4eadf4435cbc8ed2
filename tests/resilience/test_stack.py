"""The patterns together, and what half an hour without a device costs."""

import asyncio

import pytest

from agent.resilience import (
    AsyncCircuitBreaker,
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    read_sensor_with_fallback,
    retry_with_backoff,
)


class TestTheDefaultOrder:
    def test_heals_what_passes_without_opening_the_circuit(self, runner, dependency):
        breaker = AsyncCircuitBreaker(1, clock=runner.clock)
        for _ in range(10):
            dependency.fail(times=2)
            reading = runner.run(read_sensor_with_fallback("tank", retry_with_backoff()(dependency), breaker))
            assert reading["status"] == "ok"
        assert breaker.failure_count == 0

    def test_counts_failed_reads_not_attempts(self, runner, dependency):
        dependency.fail()
        breaker = AsyncCircuitBreaker(3, clock=runner.clock)
        read = retry_with_backoff(4)(dependency)
        for reads in (1, 2, 3):
            assert breaker.state is CircuitState.CLOSED
            runner.run(read_sensor_with_fallback("tank", read, breaker))
            assert dependency.calls == 4 * reads
        assert breaker.state is CircuitState.OPEN


class TestAProbe:
    @pytest.fixture
    def probing(self, clock):
        breaker = AsyncCircuitBreaker(1, 30.0, clock=clock)
        breaker.trip()
        clock.advance(breaker.retry_after)
        return breaker

    def test_is_a_single_attempt(self, runner, probing, clock, dependency):
        dependency.fail()
        began = clock.now
        with pytest.raises(ConnectionError):
            runner.run(probing.call(retry_with_backoff()(dependency)))
        assert (dependency.calls, clock.now) == (1, began)

    def test_is_a_single_attempt_for_functions_that_block(self, clock, dependency):
        breaker = CircuitBreaker(1, clock=clock)
        breaker.trip()
        clock.advance(breaker.retry_after)
        dependency.fail()
        with pytest.raises(ConnectionError):
            breaker.call(retry_with_backoff(sleep=clock.advance)(dependency.blocking))
        assert dependency.calls == 1

    def test_is_a_single_attempt_also_through_a_breaker_inside(self, runner, probing, clock, dependency):
        inside = AsyncCircuitBreaker(1, 1.0, clock=clock)
        inside.trip()
        clock.advance(30.0)

        async def both():
            await inside.call(dependency)
            assert inside.state is CircuitState.CLOSED
            dependency.fail()
            await retry_with_backoff()(dependency)()

        with pytest.raises(ConnectionError):
            runner.run(probing.call(both))
        assert dependency.calls == 2

    def test_leaves_nothing_behind(self, runner, probing, clock, dependency):
        background = []

        async def connect():
            background.append(asyncio.create_task(later()))

        async def later():
            await asyncio.sleep(5.0)
            dependency.fail(times=2)
            return await retry_with_backoff()(dependency)()

        async def session():
            await probing.call(connect)
            dependency.fail(times=2)
            await retry_with_backoff()(dependency)()
            return await background[0]

        assert runner.run(session()) == 6

    def test_of_another_task_does_not_matter(self, runner, probing, dependency):
        async def session():
            probe = asyncio.create_task(probing.call(asyncio.Event().wait))
            await asyncio.sleep(0)
            dependency.fail(times=2)
            assert await retry_with_backoff()(dependency)() == 3
            probe.cancel()

        runner.run(session())


class TestARetryAroundABreaker:
    def test_stops_at_the_first_refusal(self, runner, clock, dependency):
        dependency.fail()
        breaker = AsyncCircuitBreaker(2, clock=clock)

        @retry_with_backoff(9, exceptions=(Exception,), jitter="none")
        async def read():
            return await breaker.call(dependency)

        with pytest.raises(CircuitOpenError):
            runner.run(read())
        assert (dependency.calls, breaker.rejected, clock.now) == (2, 1, 1 + 2)


def outage(clock, guard, refused_after, seconds=1800.0):
    """Return the seconds blocked, attempts on the dead device, records lost, seconds until recovery shows."""
    attempts, blocked = 0, 0.0

    def read():
        nonlocal attempts
        if clock.now < seconds:
            attempts += 1
            clock.advance(refused_after)
            raise OSError(121, "no acknowledge")

    call = guard(read)
    for due in range(10_000):
        began = clock.now = max(clock.now, float(due))
        try:
            call()
            return round(blocked + clock.now - began, 1), attempts, due, round(clock.now - seconds)
        except CircuitOpenError:
            clock.advance(0.001)
        except OSError:
            pass
        blocked += clock.now - began
    raise AssertionError("never noticed")


class TestHalfAnHourWithoutADevice:
    @pytest.mark.parametrize(
        ("attempts", "settings", "blocked", "tried", "lost", "noticed"),
        [
            (5, None, 1801.2, 582, 116, 1),
            (4, None, 1801.4, 974, 243, 1),
            (1, {"multiplier": 1.0}, 7.7, 60, 1800, 0),
            (3, {"multiplier": 1.0}, 17.3, 66, 1807, 7),
            (3, {}, 13.4, 25, 1916, 116),
            (3, {"max_reset_timeout_seconds": 300.0}, 12.7, 17, 1968, 168),
        ],
    )
    def test_costs(self, clock, *, attempts, settings, blocked, tried, lost, noticed):
        def guard(read):
            retrying = retry_with_backoff(attempts, jitter="none", clock=clock, sleep=clock.advance)(read)
            if settings is None:
                return retrying
            breaker = CircuitBreaker(reset_jitter=0.0, clock=clock, **settings)
            return lambda: breaker.call(retrying)

        assert outage(clock, guard, refused_after=0.1) == (blocked, tried, lost, noticed)

    def test_is_cheap_with_hangs_and_jitter_too(self, clock):
        def guard(read):
            breaker = CircuitBreaker(clock=clock)
            retrying = retry_with_backoff(3, clock=clock, sleep=clock.advance)(read)
            return lambda: breaker.call(retrying)

        blocked, tried, _, noticed = outage(clock, guard, refused_after=5.0)
        assert blocked < 150
        assert tried < 30
        assert noticed < 140
