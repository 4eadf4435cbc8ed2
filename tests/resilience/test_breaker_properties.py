"""A breaker follows its model, whatever happens in whatever order, and is never jammed."""

import asyncio
import threading
import types
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.resilience import AsyncCircuitBreaker, CircuitBreaker, CircuitOpenError, CircuitState

from .model import Model

ENDINGS = {"fail": ConnectionError, "cancel": asyncio.CancelledError, "bug": TypeError, "forgotten": GeneratorExit}
OUTCOMES = st.sampled_from(["ok", "ok", "fail", "fail", "fail", "cancel", "bug", "forgotten"])
STEPS = st.lists(
    st.one_of(
        st.just(("start",)),
        st.just(("start",)),
        st.tuples(st.just("finish"), st.integers(0, 5), OUTCOMES),
        st.tuples(st.just("finish"), st.integers(0, 5), OUTCOMES),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 5.0, 10.0, 11.0, 25.0, 100.0])),
    ),
    max_size=60,
)


@types.coroutine
def pause():
    yield


async def waits_for_its_ending():
    await pause()


def end(coroutine, outcome: str) -> None:
    """Resume a parked call so that its dependency ends as told."""
    if outcome == "ok":
        with pytest.raises(StopIteration):
            coroutine.send(None)
    else:
        with pytest.raises(ENDINGS[outcome]):
            coroutine.throw(ENDINGS[outcome]())


class TestABreaker:
    @settings(max_examples=400, deadline=None)
    @given(STEPS, st.integers(1, 3), st.integers(1, 3), st.sampled_from([1.0, 1.5, 2.0]), st.integers(0, 1000))
    def test_follows_its_model(self, steps, threshold, successes, multiplier, seed):
        model = Model(threshold, 10.0, successes=successes, multiplier=multiplier, cap=35.0, rng=Random(seed))
        breaker = AsyncCircuitBreaker(
            threshold,
            10.0,
            success_threshold=successes,
            multiplier=multiplier,
            max_reset_timeout_seconds=35.0,
            clock=lambda: model.now,
            rng=Random(seed),
        )
        running = []
        rejected = 0
        for step in steps:
            if step[0] == "start":
                coroutine = breaker.call(waits_for_its_ending)
                number = model.start()
                if number is None:
                    rejected += 1
                    with pytest.raises(CircuitOpenError) as refusal:
                        coroutine.send(None)
                    assert refusal.value.retry_after == model.retry_after()
                else:
                    coroutine.send(None)
                    running.append((number, coroutine))
            elif step[0] == "finish" and running:
                number, coroutine = running.pop(step[1] % len(running))
                model.finish(number, step[2])
                end(coroutine, step[2])
            elif step[0] == "wait":
                model.now += step[1]
            assert breaker.state == model.state
            assert breaker.retry_after == model.retry_after()
            assert breaker.rejected == rejected
            if model.state == "closed":
                assert breaker.failure_count == model.failures_in_a_row
        for _, coroutine in running:
            coroutine.close()

    @settings(max_examples=50, deadline=None)
    @given(STEPS, st.integers(0, 1000))
    def test_notices_recovery_within_one_open_period(self, steps, seed):
        now = 0.0
        breaker = CircuitBreaker(1, 10.0, max_reset_timeout_seconds=35.0, clock=lambda: now, rng=Random(seed))
        admitted = []
        for step in steps:
            if step[0] == "start":
                try:
                    admitted.append(breaker.admit())
                except CircuitOpenError:
                    continue
            elif step[0] == "finish" and admitted:
                generation = admitted.pop(step[1] % len(admitted))
                if step[2] == "ok":
                    breaker.succeeded(generation)
                else:
                    breaker.failed(generation, ENDINGS[step[2]]())
            elif step[0] == "wait":
                now += step[1]
        assert breaker.retry_after <= 35.0 * 1.1
        now += breaker.retry_after
        assert breaker.call(lambda: "well") == "well"
        assert breaker.state is CircuitState.CLOSED

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 5), st.floats(1.0, 60.0), st.floats(1.0, 3.0), st.integers(0, 1000))
    def test_bothers_a_dead_dependency_seldom(self, threshold, reset, multiplier, seed):
        now, calls = 0.0, 0

        def dead():
            nonlocal calls
            calls += 1
            raise ConnectionError

        breaker = CircuitBreaker(threshold, reset, multiplier=multiplier, clock=lambda: now, rng=Random(seed))
        for _ in range(600):
            with pytest.raises((ConnectionError, CircuitOpenError)):
                breaker.call(dead)
            now += 1.0
        assert calls <= threshold + 600 / min(reset, 120.0) + 1


class BreakerInThreads(RuleBasedStateMachine):
    """Rounds of threads that meet at one CircuitBreaker; between the rounds the invariants are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = CircuitBreaker(2, 10.0, reset_jitter=0.0, clock=lambda: self.now)
        self.generation = 0
        self.admitted: list[int] = []
        self.probe_until = 0.0

    def meet(self, visits) -> None:
        """Run every visit in its own thread, all let off at the same moment."""
        barrier = threading.Barrier(len(visits))

        def visitor(visit):
            barrier.wait()
            visit()

        threads = [threading.Thread(target=visitor, args=(visit,)) for visit in visits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @rule(callers=st.integers(2, 5))
    def many_ask(self, callers):
        was, due, refusals = self.breaker.state, self.breaker.retry_after == 0, self.breaker.rejected
        admitted: list[int] = []
        refused: list[CircuitOpenError] = []

        def ask():
            try:
                admitted.append(self.breaker.admit())
            except CircuitOpenError as refusal:
                refused.append(refusal)

        self.meet([ask] * callers)
        if was is CircuitState.CLOSED:
            assert len(admitted) == callers
        else:
            assert len(admitted) == (1 if due else 0)
        assert self.breaker.rejected - refusals == len(refused) == callers - len(admitted)
        assert all(generation >= self.generation for generation in admitted)
        self.generation = max([self.generation, *admitted])
        self.admitted += admitted

    @rule(outcomes=st.lists(st.sampled_from(["ok", "fail", "cancel"]), min_size=1, max_size=5))
    def some_report(self, outcomes):
        """Who was admitted reports. How many that are depends on the threads, what is drawn must not."""
        visits = []
        for outcome in outcomes[: len(self.admitted)]:
            generation = self.admitted.pop()
            if outcome == "ok":
                visits.append(lambda generation=generation: self.breaker.succeeded(generation))
            else:
                error = ENDINGS[outcome]()
                visits.append(lambda generation=generation, error=error: self.breaker.failed(generation, error))
        if visits:
            self.meet(visits)

    @rule(seconds=st.sampled_from([1.0, 10.0, 50.0]))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def is_never_jammed(self):
        assert 0.0 <= self.breaker.retry_after <= 120.0
        if self.breaker.state is CircuitState.CLOSED:
            assert self.breaker.failure_count < 2


BreakerInThreads.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


class TestABreakerBetweenThreads(BreakerInThreads.TestCase):
    """At most one probe for each lease; generations only grow."""
