"""The circuit breaker while it is half-open, its hook, and the operator who overrules it."""

import asyncio
import contextlib
import gc
import logging
import threading

import pytest

from agent.resilience import AsyncCircuitBreaker, BreakerEvent, CircuitBreaker, CircuitOpenError, CircuitState

from .steps import fail, opened

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class TestAHalfOpenBreaker:
    def test_lets_exactly_one_task_through(self, runner, awaited, clock, dependency):
        opened(awaited, clock)

        async def slow():
            await asyncio.sleep(1.0)
            return await dependency()

        async def fifty():
            return await asyncio.gather(*(awaited.call(slow) for _ in range(50)), return_exceptions=True)

        outcomes = runner.run(fifty())
        assert dependency.calls == 1
        assert sum(isinstance(outcome, CircuitOpenError) for outcome in outcomes) == 49
        assert awaited.state is CLOSED

    def test_lets_exactly_one_thread_through(self, breaker, clock):
        opened(breaker, clock)
        barrier = threading.Barrier(16)
        admitted = []

        def ask():
            barrier.wait()
            with contextlib.suppress(CircuitOpenError):
                admitted.append(breaker.admit())

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(admitted), breaker.rejected) == (1, 15)

    @pytest.mark.parametrize("quicker", ["admit", "reset", "trip"])
    def test_asks_again_when_it_has_the_lock(self, breaker, clock, quicker, refused):
        opened(breaker, clock)
        breaker._lock = Overtaken(breaker._lock, getattr(breaker, quicker))
        if quicker == "reset":
            breaker.failed(breaker.admit(), ConnectionError())
            assert (breaker.state, breaker.failure_count) == (CLOSED, 1)
        else:
            assert refused(breaker).retry_after == 30.0
            assert breaker.rejected == 1

    def test_closes_when_the_probe_succeeds(self, breaker, clock, dependency):
        opened(breaker, clock).call(dependency.blocking)
        assert (breaker.state, breaker.failure_count, breaker.retry_after) == (CLOSED, 0, 0.0)
        fail(breaker, 2)
        assert breaker.state is CLOSED

    def test_opens_again_when_the_probe_fails(self, breaker, clock, dependency):
        dependency.fail()
        with pytest.raises(ConnectionError):
            opened(breaker, clock).call(dependency.blocking)
        assert (breaker.state, breaker.retry_after) == (OPEN, 60.0)

    def test_wants_success_threshold_successes_in_a_row(self, clock, refused):
        breaker = opened(CircuitBreaker(success_threshold=2, reset_jitter=0.0, clock=clock), clock)
        breaker.succeeded(breaker.admit())
        assert breaker.state is HALF_OPEN
        fail(breaker)
        assert breaker.state is OPEN
        clock.advance(60.0)
        for state in (HALF_OPEN, CLOSED):
            probe = breaker.admit()
            refused(breaker)
            breaker.succeeded(probe)
            assert breaker.state is state

    def test_counts_one_verdict_of_a_probe_once(self, clock):
        breaker = opened(CircuitBreaker(success_threshold=2, clock=clock), clock)
        probe = breaker.admit()
        breaker.succeeded(probe)
        breaker.succeeded(probe)
        assert breaker.state is HALF_OPEN

    def test_is_not_wedged_by_a_cancelled_probe(self, runner, awaited, clock, refused, events):
        opened(awaited, clock)

        async def cancelled():
            task = asyncio.create_task(awaited.call(asyncio.Event().wait))
            await asyncio.sleep(0)
            assert awaited.retry_after == 30.0
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        runner.run(cancelled())
        assert (awaited.state, awaited.retry_after) == (HALF_OPEN, 0.0)
        probe = awaited.admit()
        assert refused(awaited).retry_after == 30.0
        awaited.failed(probe, ConnectionError())
        assert awaited.retry_after == 60.0
        assert [event.new for event in events] == [OPEN, HALF_OPEN, OPEN]

    @pytest.mark.parametrize("error", [TypeError(), SystemExit(), GeneratorExit()])
    def test_gives_the_place_to_the_next_call_after_an_error_that_is_no_verdict(self, breaker, clock, error, refused):
        opened(breaker, clock)
        breaker.failed(breaker.admit(), error)
        assert breaker.state is HALF_OPEN
        assert breaker.admit()
        refused(breaker)

    def test_counts_a_probe_that_hangs_as_failed(self, runner, clock, dependency):
        breaker = AsyncCircuitBreaker(1, 30.0, call_timeout_seconds=2.0, reset_jitter=0.0, clock=clock)
        opened(breaker, clock)
        with pytest.raises(TimeoutError):
            runner.run(breaker.call(dependency.hang))
        assert (breaker.state, breaker.retry_after) == (OPEN, 60.0)

    def test_lets_the_next_call_overtake_a_probe_that_hangs_as_long_as_the_open_period(self, breaker, clock, refused):
        opened(breaker, clock)
        hung = breaker.admit()
        clock.advance(29.9)
        refused(breaker)
        clock.advance(0.1)
        second = breaker.admit()
        assert second > hung
        assert refused(breaker).retry_after == pytest.approx(30.0)
        breaker.succeeded(hung)
        assert breaker.state is HALF_OPEN
        breaker.failed(hung, ConnectionError())
        breaker.undecided(hung)
        refused(breaker)
        breaker.succeeded(second)
        assert breaker.state is CLOSED

    def test_is_freed_when_a_forgotten_probe_is_collected(self, awaited, clock):
        opened(awaited, clock)
        probe = awaited.call(_parked)
        probe.send(None)
        assert awaited.retry_after == 30.0
        del probe
        gc.collect()
        assert awaited.retry_after == 0.0


class TestItsHook:
    def test_is_told_every_transition_once(self, breaker, clock, events):
        opened(breaker, clock)
        fail(breaker)
        clock.advance(60.0)
        breaker.succeeded(breaker.admit())
        assert events == [
            BreakerEvent("tank", CLOSED, OPEN, "failures in a row: ConnectionError", 30.0),
            BreakerEvent("tank", OPEN, HALF_OPEN, "open period over", 0.0),
            BreakerEvent("tank", HALF_OPEN, OPEN, "probe failed: ConnectionError", 60.0),
            BreakerEvent("tank", OPEN, HALF_OPEN, "open period over", 0.0),
            BreakerEvent("tank", HALF_OPEN, CLOSED, "probe succeeded", 0.0),
        ]

    def test_sees_the_new_state_and_may_use_the_breaker_from_any_thread(self, clock):
        seen = []

        def hook(event):
            thread = threading.Thread(target=breaker.reset)  # would wait for ever if a lock were held
            seen.append((event.new, breaker.state))
            if event.new is OPEN:
                thread.start()
                thread.join(5.0)
                assert not thread.is_alive()

        breaker = CircuitBreaker(1, clock=clock, on_event=hook)
        fail(breaker)
        assert seen == [(OPEN, OPEN), (CLOSED, CLOSED)]

    @pytest.mark.parametrize("state", [OPEN, HALF_OPEN, CLOSED])
    def test_runs_without_the_lock_at_every_transition(self, clock, state):
        stuck = []

        def report():
            breaker.undecided(0)
            breaker.succeeded(0)

        def hook(event):
            if event.new is state:
                thread = threading.Thread(target=report, daemon=True)
                thread.start()
                thread.join(1.0)
                stuck.append(thread.is_alive())

        breaker = CircuitBreaker(1, 10.0, clock=clock, on_event=hook, reset_jitter=0.0)
        fail(breaker)
        clock.advance(10.0)
        breaker.succeeded(breaker.admit())
        assert stuck == [False]

    def test_is_logged_when_it_fails_and_disturbs_nobody(self, clock, logged):
        breaker = CircuitBreaker(1, clock=clock, on_event=lambda event: 1 / 0)
        fail(breaker)
        assert breaker.state is OPEN
        assert [(record.levelno, record.message) for record in logged("agent.resilience")] == [
            (logging.ERROR, "breaker hook failed")
        ]


def test_the_collector_may_report_a_forgotten_call_while_its_thread_holds_the_lock():
    breaker = CircuitBreaker(1, 10.0)
    breaker.trip()

    def report():
        with breaker._lock:
            breaker.succeeded(0)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    thread.join(1.0)
    assert not thread.is_alive()


class TestAnOperator:
    def test_trips_it(self, breaker, events, refused):
        late = breaker.admit()
        breaker.trip()
        assert (refused(breaker).retry_after, events[-1].open_for) == (30.0, 30.0)
        breaker.succeeded(late)
        assert breaker.state is OPEN

    def test_starts_the_same_period_again_when_it_is_open_already(self, breaker, clock, events):
        breaker.trip()
        clock.advance(10.0)
        breaker.trip()
        assert (breaker.retry_after, len(events)) == (30.0, 1)

    def test_resets_it(self, breaker, clock, events):
        opened(breaker, clock)
        probe = breaker.admit()
        breaker.reset()
        assert (breaker.state, breaker.failure_count, breaker.retry_after) == (CLOSED, 0, 0.0)
        breaker.failed(probe, ConnectionError())
        assert breaker.failure_count == 0
        breaker.reset()
        assert [event.reason for event in events[1:]] == ["open period over", "reset"]


class Overtaken:
    """A lock that somebody else gets first, once."""

    def __init__(self, lock, quicker) -> None:
        self.lock, self.quicker = lock, quicker

    def __enter__(self):
        quicker, self.quicker = self.quicker, None
        if quicker is not None:
            quicker()
        return self.lock.__enter__()

    def __exit__(self, *details):
        return self.lock.__exit__(*details)


class _Never:
    def __await__(self):
        yield


async def _parked():
    await _Never()
