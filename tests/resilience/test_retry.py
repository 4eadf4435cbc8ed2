"""Retry with back-off: how often, after how long, and of what."""

import asyncio
import functools
import gc
import weakref
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.resilience import CircuitOpenError, RetryPolicy, retry_with_backoff


@pytest.fixture
def waits():
    return []


def steps(policy, attempts):
    return [policy.next_delay(attempt, OSError(), 0.0) for attempt in range(1, attempts + 1)]


class TestACallThatFailsForAWhile:
    def test_is_repeated_until_it_succeeds(self, runner, dependency):
        dependency.fail(times=2)
        assert runner.run(retry_with_backoff(jitter="none")(dependency)()) == 3
        assert runner.clock.now == 1 + 2

    def test_is_not_repeated_when_it_succeeds(self, waits, dependency):
        assert retry_with_backoff(sleep=waits.append)(dependency.blocking)() == 1
        assert waits == []

    @pytest.mark.parametrize("error", [OSError(121, ""), OSError(5, ""), ConnectionResetError(), TimeoutError()])
    def test_is_repeated_after_every_failure_of_a_bus_or_a_link(self, waits, dependency, error):
        dependency.fail(error, times=1)
        assert retry_with_backoff(sleep=waits.append)(dependency.blocking)() == 2


class TestACallThatFailsForEver:
    def test_waits_1_2_4_then_gives_up(self, runner, dependency):
        dependency.fail()
        with pytest.raises(ConnectionError):
            runner.run(retry_with_backoff(jitter="none")(dependency)())
        assert (dependency.calls, runner.clock.now) == (4, 1 + 2 + 4)

    @pytest.mark.parametrize(("attempts", "seconds"), [(1, 0), (3, 3), (5, 15), (7, 61), (8, 91)])
    def test_waits_one_time_less_than_it_calls(self, waits, dependency, attempts, seconds):
        dependency.fail()
        with pytest.raises(ConnectionError):
            retry_with_backoff(attempts, jitter="none", sleep=waits.append)(dependency.blocking)()
        assert (dependency.calls, len(waits), sum(waits)) == (attempts, attempts - 1, seconds)

    def test_is_repeated_without_limit_if_told_so(self, waits, dependency):
        dependency.fail(times=3000)
        assert retry_with_backoff(None, sleep=waits.append)(dependency.blocking)() == 3001
        assert max(waits) <= 30.0

    def test_raises_the_last_error_as_it_is(self, runner, waits, dependency):
        errors = [OSError(121, "no acknowledge"), ConnectionError("refused"), cached := OSError(5, "input/output")]
        left = list(errors)

        def read():
            raise left.pop(0)

        with pytest.raises(OSError, match="input/output") as caught:
            retry_with_backoff(3, sleep=waits.append)(read)()
        assert caught.value is cached
        assert (cached.__cause__, cached.__context__) == (None, None)
        assert not hasattr(cached, "__notes__")

    @settings(max_examples=100, deadline=None)
    @given(
        attempts=st.integers(1, 12),
        failures=st.integers(0, 15),
        base=st.floats(0.0, 10.0),
        cap=st.floats(0.0, 60.0),
        multiplier=st.floats(1.0, 4.0),
        jitter=st.sampled_from(["none", "equal", "full"]),
        seed=st.integers(0, 99),
    )
    def test_obeys_its_schedule(self, *, attempts, failures, base, cap, multiplier, jitter, seed):
        waits, raised = [], []

        def read():
            if len(raised) < failures:
                raised.append(OSError(len(raised)))
                raise raised[-1]
            return "well"

        retrying = retry_with_backoff(
            attempts, base, cap, multiplier=multiplier, jitter=jitter, rng=Random(seed), sleep=waits.append
        )(read)
        if failures < attempts:
            assert retrying() == "well"
        else:
            with pytest.raises(OSError, match=str(attempts - 1)) as caught:
                retrying()
            assert caught.value is raised[-1]
        assert len(raised) == min(attempts, failures)
        assert len(waits) == min(attempts - 1, failures)
        least = {"none": 1.0, "equal": 0.5, "full": 0.0}[jitter]
        for k, wait in enumerate(waits):
            step = min(cap, base * multiplier**k)
            assert least * step <= wait <= step


class TestAnErrorThatDoesNotPass:
    @pytest.mark.parametrize(
        "error",
        [ValueError(), TypeError(), asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(), GeneratorExit()],
    )
    def test_is_raised_at_once(self, waits, dependency, error):
        dependency.fail(error)
        with pytest.raises(type(error)):
            retry_with_backoff(sleep=waits.append)(dependency.blocking)()
        assert (dependency.calls, waits) == (1, [])

    def test_is_an_open_circuit_whatever_the_exceptions_say(self, waits, dependency):
        dependency.fail(CircuitOpenError("tank", 3.0))
        with pytest.raises(CircuitOpenError):
            retry_with_backoff(exceptions=(Exception,), sleep=waits.append)(dependency.blocking)()
        assert dependency.calls == 1


class TestACancellation:
    def test_ends_a_wait_at_once(self, runner, dependency):
        dependency.fail()

        async def cancelled():
            task = asyncio.create_task(retry_with_backoff(jitter="none")(dependency)())
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        runner.run(cancelled())
        assert (dependency.calls, runner.clock.now) == (1, 0.5)

    def test_ends_an_attempt_at_once(self, runner, dependency):
        async def cancelled():
            task = asyncio.create_task(retry_with_backoff(attempt_timeout_seconds=9.0)(dependency.hang)())
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        runner.run(cancelled())
        assert (dependency.calls, runner.clock.now) == (1, 0.5)


class TestTheSteps:
    def test_double_up_to_the_cap(self):
        assert steps(RetryPolicy(None, jitter="none"), 7) == [1, 2, 4, 8, 16, 30, 30]

    def test_never_overflow(self):
        for multiplier in (2, 2.0, 1e300):
            policy = RetryPolicy(None, jitter="none", multiplier=multiplier)
            assert policy.next_delay(3_000_000, OSError(), 0.0) == 30.0
        assert RetryPolicy(None, 0.0).next_delay(3000, OSError(), 0.0) == 0.0

    def test_of_different_clients_differ_at_the_cap(self):
        for jitter, least in (("equal", 15.0), ("full", 0.0)):
            delays = {RetryPolicy(None, jitter=jitter).next_delay(100, OSError(), 0.0) for _ in range(1000)}
            assert len(delays) > 990
            assert least <= min(delays) < max(delays) <= 30.0

    def test_of_clients_with_the_same_seed_are_the_same(self):
        assert steps(RetryPolicy(9, rng=Random(1)), 8) == steps(RetryPolicy(9, rng=Random(1)), 8)

    def test_belong_to_the_call(self, runner):
        waited = {}

        async def fails_twice(name, failures=(1, 2)):
            calls[name] = calls.get(name, 0) + 1
            if calls[name] in failures:
                raise OSError
            waited[name] = runner.clock.now

        calls: dict[str, int] = {}
        retrying = retry_with_backoff(jitter="none")(fails_twice)

        async def both():
            await asyncio.gather(retrying("a"), retrying("b"))

        runner.run(both())
        assert waited == {"a": 3.0, "b": 3.0}


class Thing:
    """Something with every kind of callable."""

    def __init__(self):
        self.calls = 0

    @retry_with_backoff(base_delay_seconds=0.0)
    def method(self, add=0):
        """Count."""
        self.calls += 1
        if self.calls < 3:
            raise OSError
        return self.calls + add

    @retry_with_backoff(base_delay_seconds=0.0)
    async def async_method(self, add=0):
        self.calls += 1
        if self.calls < 3:
            raise OSError
        return self.calls + add

    async def __call__(self, add=0):
        self.calls += 1
        if self.calls < 3:
            raise OSError
        return self.calls + add


class TestOneDecorator:
    def test_suits_methods(self, runner):
        assert Thing().method(add=1) == 4
        assert runner.run(Thing().async_method(add=1)) == 4

    def test_suits_objects_and_partials(self, runner, mocker):
        decorate = retry_with_backoff(base_delay_seconds=0.0)
        mock = mocker.AsyncMock(side_effect=[OSError(), OSError(), 3])
        for function in (Thing(), functools.partial(Thing(), 0), functools.partial(Thing().__call__), mock):
            assert runner.run(decorate(function)()) == 3

    def test_suits_a_mock_that_blocks(self, mocker):
        mock = mocker.Mock(side_effect=[OSError(), 3])
        assert retry_with_backoff(base_delay_seconds=0.0)(mock)() == 3

    def test_keeps_name_and_docstring(self):
        assert (Thing.method.__name__, Thing.method.__doc__) == ("method", "Count.")

    def test_waits_by_the_loop(self, runner, mocker, dependency):
        blocked = mocker.patch("time.sleep")
        dependency.fail(times=1)
        runner.run(retry_with_backoff()(dependency)())
        blocked.assert_not_called()

    def test_accepts_a_sleep_of_either_colour(self, runner, waits, dependency):
        async def sleep(seconds):
            waits.append(seconds)

        for each in (sleep, waits.append):
            dependency.fail(times=1)
            runner.run(retry_with_backoff(jitter="none", sleep=each)(dependency)())
        assert (waits, runner.clock.now) == ([1.0, 1.0], 0.0)


class Weighty(ConnectionError):
    """An error that says when it is freed."""

    def __init__(self, freed):
        weakref.finalize(self, freed.append, True)


class TestAnAbsorbedError:
    @pytest.mark.parametrize("options", [{}, {"attempt_timeout_seconds": 5.0}, {"deadline_seconds": 99.0}])
    def test_is_freed_without_the_collector(self, runner, options):
        freed = []

        async def read():
            if len(freed) < 2:
                raise Weighty(freed)
            return len(freed)

        gc.disable()
        try:
            assert runner.run(retry_with_backoff(**options)(read)()) == 2
        finally:
            gc.enable()

    def test_is_freed_when_the_call_ends_at_the_latest(self, runner):
        freed, calls = [], []

        async def read():
            calls.append(1)
            if len(calls) < 4:
                raise Weighty(freed)
            return 1

        gc.disable()
        try:
            assert runner.run(retry_with_backoff()(read)()) == 1
            assert len(freed) == 3
        finally:
            gc.enable()

    def test_is_freed_in_functions_that_block_too(self, waits):
        freed = []

        def read():
            if len(freed) < 2:
                raise Weighty(freed)
            return len(freed)

        gc.disable()
        try:
            assert retry_with_backoff(sleep=waits.append)(read)() == 2
        finally:
            gc.enable()

    def test_is_no_context_of_the_next(self, waits):
        def read():
            raise OSError(len(waits))

        with pytest.raises(OSError, match="3") as caught:
            retry_with_backoff(sleep=waits.append)(read)()
        assert caught.value.__context__ is None
