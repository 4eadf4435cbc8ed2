"""The circuit breaker while it is closed, and while it is open; what it refuses to be."""

import asyncio
import math

import pytest

from agent.resilience import AsyncCircuitBreaker, CircuitBreaker, CircuitOpenError, CircuitState

from .steps import fail, opened

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class TestAClosedBreaker:
    def test_returns_what_the_call_returns(self, runner, breaker, awaited):
        assert breaker.call(divmod, 7, 2) == (3, 1)
        assert breaker.call(dict, function=1, self=2) == {"function": 1, "self": 2}

        async def named(**names):
            return names

        assert runner.run(awaited.call(named, function=1, self=2)) == {"function": 1, "self": 2}

    def test_opens_after_threshold_failures_in_a_row(self, runner, awaited, dependency):
        dependency.fail(error := ConnectionError("refused"))
        for failures in (1, 2, 3):
            assert awaited.state is CLOSED
            with pytest.raises(ConnectionError) as caught:
                runner.run(awaited.call(dependency))
            assert caught.value is error
            assert awaited.failure_count == failures
        assert awaited.state is OPEN

    def test_forgets_failures_when_a_call_succeeds(self, breaker, dependency):
        for _ in range(3):
            fail(breaker, 2)
            breaker.call(dependency.blocking)
            assert breaker.failure_count == 0
        assert breaker.state is CLOSED

    @pytest.mark.parametrize("error", [TypeError(), ValueError(), asyncio.CancelledError(), KeyboardInterrupt()])
    def test_does_not_count_what_does_not_speak_against_the_dependency(self, breaker, dependency, error):
        fail(breaker, 2)
        dependency.fail(error)
        for _ in range(5):
            with pytest.raises(type(error)):
                breaker.call(dependency.blocking)
        assert (breaker.state, breaker.failure_count) == (CLOSED, 2)

    def test_counts_only_the_errors_it_was_given(self, clock):
        breaker = CircuitBreaker(exceptions=(LookupError,), clock=clock)
        assert breaker.counts(KeyError())
        assert not breaker.counts(OSError())

    def test_reads_no_clock_and_takes_no_lock(self, runner):
        def no_clock():
            raise AssertionError

        for breaker in (CircuitBreaker(clock=no_clock), AsyncCircuitBreaker(clock=no_clock)):
            breaker._lock = None
            assert breaker.retry_after == 0.0
            if isinstance(breaker, CircuitBreaker):
                assert breaker.call(int) == 0
            else:
                assert runner.run(breaker.call(asyncio.sleep, 0, "well")) == "well"

    def test_counts_a_hang_as_a_timeout(self, runner, clock, dependency):
        breaker = AsyncCircuitBreaker(2, call_timeout_seconds=5.0, exceptions=(LookupError,), clock=clock)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                runner.run(breaker.call(dependency.hang))
        assert breaker.state is OPEN
        assert clock.now == 10.0

    def test_ignores_calls_that_began_before_it_was_open(self, breaker, events):
        old = breaker.admit()
        fail(breaker, 3)
        breaker.reset()
        fail(breaker, 2)
        seen = len(events)
        breaker.failed(old, ConnectionError())
        breaker.succeeded(old)
        assert (breaker.state, breaker.failure_count, len(events)) == (CLOSED, 2, seen)


class TestAnOpenBreaker:
    def test_refuses_without_calling(self, runner, awaited, breaker, dependency):
        fail(awaited, 3)
        fail(breaker, 3)
        with pytest.raises(CircuitOpenError):
            runner.run(awaited.call(dependency))
        with pytest.raises(CircuitOpenError):
            breaker.call(dependency.blocking)
        assert dependency.calls == 0

    def test_says_its_name_and_when_to_come_again(self, breaker, clock, refused):
        fail(breaker, 3)
        clock.advance(10.0)
        assert (refused(breaker).name, refused(breaker).retry_after) == ("tank", 20.0)
        assert breaker.retry_after == 20.0
        assert str(refused(breaker)) == "circuit 'tank' is open, retry in 20.0 s"
        assert not isinstance(refused(breaker), OSError)

    def test_changes_nothing_but_a_counter_when_it_refuses(self, breaker, clock, events, refused):
        fail(breaker, 3)
        seen = (breaker.state, breaker.failure_count, breaker.retry_after, len(events))
        refusals = [refused(breaker) for _ in range(100)]
        assert (breaker.state, breaker.failure_count, breaker.retry_after, len(events)) == seen
        assert breaker.rejected == 100
        assert len({id(refusal) for refusal in refusals}) == 100
        assert len({_length(refusal.__traceback__) for refusal in refusals}) == 1

    def test_stays_open_until_somebody_calls(self, breaker, clock):
        opened(breaker, clock)
        clock.advance(1000.0)
        for _ in range(3):
            assert (breaker.state, breaker.retry_after) == (OPEN, 0.0)

    def test_is_open_longer_after_each_failed_probe_up_to_the_cap(self, breaker, clock):
        fail(breaker, 3)
        periods = []
        for _ in range(5):
            periods.append(breaker.retry_after)
            clock.advance(breaker.retry_after)
            fail(breaker)
        assert periods == [30.0, 60.0, 120.0, 120.0, 120.0]

    def test_begins_with_the_first_period_again_after_it_was_closed(self, breaker, clock):
        opened(breaker, clock)
        fail(breaker)
        clock.advance(60.0)
        breaker.succeeded(breaker.admit())
        fail(breaker, 3)
        assert breaker.retry_after == 30.0

    def test_is_open_longer_by_chance_but_never_shorter(self, clock):
        breakers = [CircuitBreaker(1, 30.0, reset_jitter=0.5, clock=clock) for _ in range(200)]
        for breaker in breakers:
            fail(breaker)
        periods = {breaker.retry_after for breaker in breakers}
        assert 30.0 <= min(periods) < 33.0
        assert 42.0 < max(periods) <= 45.0
        assert len(periods) > 190

    def test_outlives_thousands_of_failed_probes(self, clock):
        breaker = CircuitBreaker(1, 1.0, reset_jitter=0.0, clock=clock)
        for _ in range(3000):
            fail(breaker)
            clock.advance(breaker.retry_after)
        assert breaker.admit() > 0

    def test_lets_a_late_outcome_change_nothing(self, breaker, clock, events):
        late = [breaker.admit() for _ in range(3)]
        fail(breaker, 3)
        clock.advance(29.0)
        breaker.failed(late[0], ConnectionError())
        breaker.succeeded(late[1])
        breaker.undecided(late[2])
        assert (breaker.state, breaker.retry_after, breaker.failure_count, len(events)) == (OPEN, 1.0, 3, 1)

    def test_does_not_care_for_the_wall_clock(self, monkeypatch, breaker):
        fail(breaker, 3)
        for hours in (-5, 5):
            monkeypatch.setattr("time.time", lambda hours=hours: hours * 3600.0)
            assert breaker.retry_after == 30.0


class TestABreakerWithNonsense:
    @pytest.mark.parametrize("kind", [CircuitBreaker, AsyncCircuitBreaker])
    @pytest.mark.parametrize(
        "nonsense",
        [
            {"failure_threshold": 0},
            {"failure_threshold": 1.5},
            {"failure_threshold": True},
            {"reset_timeout_seconds": 0},
            {"reset_timeout_seconds": -1.0},
            {"reset_timeout_seconds": math.nan},
            {"reset_timeout_seconds": "30"},
            {"reset_timeout_seconds": True},
            {"success_threshold": 0},
            {"success_threshold": True},
            {"multiplier": 0.5},
            {"multiplier": math.inf},
            {"max_reset_timeout_seconds": 0.0},
            {"reset_jitter": -0.1},
            {"exceptions": OSError},
            {"exceptions": (asyncio.CancelledError,)},
            {"exceptions": (OSError, BaseException)},
        ],
    )
    def test_is_refused(self, kind, nonsense):
        with pytest.raises(ValueError, match=next(iter(nonsense))):
            kind(**nonsense)

    @pytest.mark.parametrize("seconds", [0, -1.0, math.nan])
    def test_is_refused_for_the_call_timeout(self, seconds):
        with pytest.raises(ValueError, match="call_timeout_seconds"):
            AsyncCircuitBreaker(call_timeout_seconds=seconds)


def _length(traceback) -> int:
    return 0 if traceback is None else 1 + _length(traceback.tb_next)
