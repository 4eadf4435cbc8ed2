"""One sensor's turn and what is concluded from it, stepped by hand: the probe's place, late answers, given-up turns."""

import contextlib

import pytest
from stepped import ScriptedChip, run, sensor

from agent.acquisition.turn import Outcome
from agent.model import Reading
from agent.resilience import CircuitState
from drivers.errors import BusTimeout, NoAcknowledge


@pytest.fixture
def clock(runner):
    runner.clock.advance(100.0)
    return runner.clock


class TestAProbe:
    """The turn that a half-open breaker lets through."""

    def half_open(self, one, clock):
        one.breaker.trip()
        clock.advance(31.0)

    def test_that_meets_a_bug_leaves_its_place_to_the_next_turn(self, clock):
        one = sensor(ScriptedChip(TypeError()), clock)
        self.half_open(one, clock)
        run(one.turn())
        assert one.breaker.retry_after == 0.0

    def test_that_is_closed_leaves_its_place_to_the_next_turn(self, clock):
        one = sensor(ScriptedChip(0.1, 0.1), clock)
        self.half_open(one, clock)
        turn = one.turn()
        turn.step()
        turn.steps.close()
        assert one.breaker.retry_after == 0.0


class TestALateAnswer:
    def test_is_thrown_away_and_the_chip_is_set_up_again(self, clock):
        class Late(ScriptedChip):
            def measure(self):
                clock.advance(5.0)
                return {"state": 1}

        one = sensor(Late(), clock)
        outcome = run(one.turn()).result
        assert (outcome.values, type(outcome.error)) == (None, BusTimeout)
        assert not one.chip.known


class TestATurnThatWasGivenUp:
    def given_up(self, one, held, before_it_ends=True):
        """Give up a turn that has held the bus for so long; the step that it is in ends nevertheless, or never."""
        turn = one.turn()
        turn.step()
        turn.outcome, turn.abandoned = Outcome(error=BusTimeout("held"), attempts=1, held=held), True
        one.conclude(100.0, 100.0)
        if not before_it_ends:
            with contextlib.suppress(StopIteration):
                next(turn.steps)

    @pytest.mark.parametrize("script", [(0.1,), (0.1, NoAcknowledge("x"))], ids=["succeeds", "fails"])
    def test_has_failed_once_whatever_becomes_of_it_later(self, clock, script):
        one = sensor(ScriptedChip(*script), clock, threshold=5)
        self.given_up(one, 0.5, before_it_ends=False)
        assert one.breaker.failure_count == 1

    @pytest.mark.parametrize(("held", "state"), [(0.5, CircuitState.CLOSED), (2.0, CircuitState.OPEN)])
    def test_opens_the_breaker_at_once_where_it_held_the_bus_for_long(self, clock, held, state):
        one = sensor(ScriptedChip(0.1), clock, threshold=5)
        self.given_up(one, held)
        assert one.breaker.state is state


class TestAConclusion:
    def test_dates_an_outage_from_its_own_first_failure(self, clock):
        one = sensor(ScriptedChip(), clock)
        one.conclusions.of(Outcome(error=NoAcknowledge("x"), attempts=1), 100.0)
        one.conclusions.of(Outcome({"state": 0}, attempts=1, at=110.0), 110.0)
        _, (fault,) = one.conclusions.of(Outcome(error=NoAcknowledge("x"), attempts=1), 120.0)
        assert fault.since == 120.0

    def test_of_a_failure_after_an_edge_names_its_own_error(self, clock):
        one = sensor(ScriptedChip(), clock)
        one.conclusions.of(Outcome(error=NoAcknowledge("x"), attempts=1), 100.0)
        one.note(Reading("s1", "state", 1), 105.0)
        assert (one.present.status, one.present.error, one.present.since) == ("ok", "", None)
        _, (fault,) = one.conclusions.of(Outcome(error=NoAcknowledge("x"), attempts=1), 110.0)
        assert (fault.error, fault.since) == ("NoAcknowledge", 110.0)

    def test_falls_back_to_the_value_of_the_last_edge(self, clock):
        one = sensor(ScriptedChip(), clock, fallback="last")
        one.conclusions.of(Outcome({"state": 0}, attempts=1, at=clock()), clock())
        one.note(Reading("s1", "state", 1), clock() + 1)
        readings, _ = one.conclusions.of(Outcome(error=NoAcknowledge("x"), attempts=1), clock() + 2)
        assert [(r.value, r.status) for r in readings] == [(1, "stale")]
