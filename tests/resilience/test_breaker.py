"""The circuit breaker, state by state."""

import asyncio
import contextlib
import gc
import logging
import math
import threading

import pytest

from agent.resilience import AsyncCircuitBreaker, BreakerEvent, CircuitBreaker, CircuitOpenError, CircuitState

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


@pytest.fixture
def breaker(clock, events):
    return CircuitBreaker(3, 30.0, name="tank", reset_jitter=0.0, clock=clock, on_event=events.append)


@pytest.fixture
def awaited(clock, events):
    return AsyncCircuitBreaker(3, 30.0, name="tank", reset_jitter=0.0, clock=clock, on_event=events.append)


def fail(breaker, times=1, error=None):
    for _ in range(times):
        breaker.failed(breaker.admit(), error or ConnectionError())


def opened(breaker, clock):
    """Let the breaker open, and its open period pass."""
    fail(breaker, breaker.failure_threshold)
    clock.advance(breaker.retry_after)
    return breaker


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

    def test_is_logged_when_it_fails_and_disturbs_nobody(self, clock, caplog):
        breaker = CircuitBreaker(1, clock=clock, on_event=lambda event: 1 / 0)
        fail(breaker)
        assert breaker.state is OPEN
        assert [(record.levelno, record.message) for record in caplog.records] == [
            (logging.ERROR, "breaker hook failed")
        ]


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


class TestABreakerWithNonsense:
    @pytest.mark.parametrize("kind", [CircuitBreaker, AsyncCircuitBreaker])
    @pytest.mark.parametrize(
        "nonsense",
        [
            {"failure_threshold": 0},
            {"failure_threshold": 1.5},
            {"reset_timeout_seconds": 0},
            {"reset_timeout_seconds": -1.0},
            {"reset_timeout_seconds": math.nan},
            {"reset_timeout_seconds": "30"},
            {"success_threshold": 0},
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
