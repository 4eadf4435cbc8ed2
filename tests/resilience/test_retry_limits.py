"""What bounds a retry: deadline, attempt timeout, budget; who is told; what is refused."""

import logging
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.resilience import RetryBudget, RetryEvent, RetryPolicy, retry_with_backoff


@pytest.fixture
def waits():
    return []


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

    @pytest.mark.parametrize("nonsense", [(-1, 0.5), (math.nan, 0.5), (10, -1), (10, math.inf), ("10", 0), (True, 0.5)])
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

    def test_is_logged_when_it_fails_and_disturbs_nobody(self, waits, dependency, logged):
        dependency.fail(times=1)
        assert retry_with_backoff(on_retry=lambda event: 1 / 0, sleep=waits.append)(dependency.blocking)() == 2
        assert [record.levelno for record in logged("agent.resilience")] == [logging.ERROR]


class TestARetryWithNonsense:
    @pytest.mark.parametrize(
        "nonsense",
        [
            {"max_attempts": 0},
            {"max_attempts": 2.5},
            {"max_attempts": True},
            {"base_delay_seconds": True},
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
