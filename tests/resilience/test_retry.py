"""Retry with back-off: how often, after how long, and of what."""

import asyncio
import functools
import gc
import logging
import math
import weakref
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.resilience import CircuitOpenError, RetryBudget, RetryEvent, RetryPolicy, retry_with_backoff


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


class TestADeadline:
    def test_lets_no_wait_begin_that_would_end_at_or_after_it(self, clock, dependency):
        dependency.fail()
        retrying = retry_with_backoff(None, jitter="none", deadline_seconds=7.0, clock=clock, sleep=clock.advance)
        with pytest.raises(ConnectionError):
            retrying(dependency.blocking)()
        assert (dependency.calls, clock.now) == (3, 1 + 2)

    def test_cuts_a_running_attempt(self, runner, dependency):
        with pytest.raises(TimeoutError):
            runner.run(retry_with_backoff(deadline_seconds=7.0, clock=runner.clock)(dependency.hang)())
        assert (dependency.calls, runner.clock.now) == (1, 7.0)

    def test_cuts_the_last_attempt_short(self, runner, dependency):
        retrying = retry_with_backoff(
            jitter="none", deadline_seconds=7.0, attempt_timeout_seconds=5.0, clock=runner.clock
        )(dependency.hang)
        with pytest.raises(TimeoutError):
            runner.run(retrying())
        assert (dependency.calls, runner.clock.now) == (2, 7.0)


class TestAnAttemptTimeout:
    def test_makes_a_hang_an_error_that_is_retried(self, runner, dependency):
        retrying = retry_with_backoff(
            3, jitter="none", attempt_timeout_seconds=5.0, exceptions=(ConnectionError,), clock=runner.clock
        )(dependency.hang)
        with pytest.raises(TimeoutError):
            runner.run(retrying())
        assert (dependency.calls, runner.clock.now) == (3, 5 + 1 + 5 + 2 + 5)

    def test_is_refused_for_functions_that_block(self, dependency):
        with pytest.raises(ValueError, match="attempt_timeout_seconds"):
            retry_with_backoff(attempt_timeout_seconds=1.0)(dependency.blocking)


class TestABudget:
    def test_is_shared_by_all_who_have_it(self, clock, dependency):
        budget = RetryBudget(3, 0.0)
        dependency.fail(error := OSError(5, "input/output"))
        for calls in (4, 5):
            with pytest.raises(OSError, match="input/output") as caught:
                retry_with_backoff(9, budget=budget, clock=clock, sleep=clock.advance)(dependency.blocking)()
            assert (caught.value, dependency.calls) == (error, calls)

    def test_is_not_charged_for_first_attempts_and_good_calls(self, clock, dependency):
        budget = RetryBudget(1, 0.0)
        for _ in range(10):
            retry_with_backoff(budget=budget)(dependency.blocking)()
        assert budget.take()
        assert not budget.take()

    def test_is_not_charged_for_a_retry_that_is_not_made(self):
        budget = RetryBudget(1, 0.0)
        policy = RetryPolicy(2, budget=budget, deadline_seconds=5.0)
        assert policy.next_delay(2, OSError(), 0.0) is None
        assert policy.next_delay(1, ValueError(), 0.0) is None
        assert policy.next_delay(1, OSError(), 5.0) is None
        assert policy.next_delay(1, OSError(), 0.0) is not None

    def test_refills(self, clock):
        for budget in (RetryBudget(2, 0.5), RetryBudget(2, 0.5, clock=clock)):
            assert [budget.take(clock.now) for _ in range(3)] == [True, True, False]
            clock.advance(2.0)
            assert [budget.take(clock.now) for _ in range(2)] == [True, False]
            clock.advance(1000.0)
            assert [budget.take(clock.now) for _ in range(3)] == [True, True, False]

    def test_refills_by_the_clock_of_the_retry(self, clock, dependency):
        budget = RetryBudget(1, 0.5)
        retrying = retry_with_backoff(2, budget=budget, clock=clock, sleep=lambda delay: None)(dependency.blocking)
        for seconds, calls in ((0.0, 2), (1.0, 1), (1.0, 2)):
            clock.advance(seconds)
            dependency.calls = 0
            dependency.fail()
            with pytest.raises(ConnectionError):
                retrying()
            assert dependency.calls == calls

    def test_neither_gives_nor_takes_for_time_that_passes_twice(self):
        budget = RetryBudget(2, 1.0)
        taken = [budget.take(now) for now in (10.0, 5.0, 10.0, 9.0, 10.5, 11.0)]
        assert taken == [True, True, False, False, False, True]

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 10), st.floats(0.0, 5.0), st.lists(st.floats(-0.5, 3.0), max_size=80))
    def test_keeps_its_bound_in_every_window(self, capacity, refill, pauses):
        now, budget, taken = 0.0, RetryBudget(capacity, refill), []
        for pause in pauses:
            now = max(0.0, now + pause)
            if budget.take(now):
                taken.append(now)
        high = [max(taken[: i + 1]) for i in range(len(taken))]  # a clock that goes back gives nothing
        for first in range(len(taken)):
            for last in range(first, len(taken)):
                assert last - first + 1 <= capacity + refill * (high[last] - high[first]) + 1e-6

    @pytest.mark.parametrize("nonsense", [(-1, 0.5), (math.nan, 0.5), (10, -1), (10, math.inf), ("10", 0)])
    def test_refuses_nonsense(self, nonsense):
        with pytest.raises(ValueError, match="must be"):
            RetryBudget(*nonsense)


class TestItsHook:
    def test_is_told_before_each_wait(self, waits, dependency):
        told = []
        dependency.fail(error := OSError(), times=2)
        retry_with_backoff(jitter="none", on_retry=told.append, sleep=lambda delay: waits.append((delay, len(told))))(
            dependency.blocking
        )()
        assert told == [RetryEvent(1, 1.0, error), RetryEvent(2, 2.0, error)]
        assert waits == [(1.0, 1), (2.0, 2)]

    def test_is_logged_when_it_fails_and_disturbs_nobody(self, waits, dependency, caplog):
        dependency.fail(times=1)
        assert retry_with_backoff(on_retry=lambda event: 1 / 0, sleep=waits.append)(dependency.blocking)() == 2
        assert [record.levelno for record in caplog.records] == [logging.ERROR]


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


class TestARetryWithNonsense:
    @pytest.mark.parametrize(
        "nonsense",
        [
            {"max_attempts": 0},
            {"max_attempts": 2.5},
            {"base_delay_seconds": -1.0},
            {"base_delay_seconds": math.nan},
            {"max_delay_seconds": -1},
            {"max_delay_seconds": math.inf},
            {"exceptions": OSError},
            {"exceptions": (KeyboardInterrupt,)},
            {"exceptions": (BaseException,)},
            {"exceptions": ("OSError",)},
            {"multiplier": 0.9},
            {"jitter": "some"},
            {"deadline_seconds": 0.0},
            {"attempt_timeout_seconds": 0},
        ],
    )
    def test_is_refused_at_decoration(self, nonsense):
        with pytest.raises(ValueError, match=next(iter(nonsense))):
            retry_with_backoff(**nonsense)

    def test_is_refused_without_brackets(self, dependency):
        with pytest.raises(ValueError, match="max_attempts"):
            retry_with_backoff(dependency)

    def test_is_refused_for_generators_which_would_fail_after_the_call(self):
        def measure():
            yield 0.01

        with pytest.raises(ValueError, match="generator"):
            retry_with_backoff()(measure)
