"""One bus, its rounds stepped by hand: results that come late, turns that are given up, timeouts in a row."""

import pytest
from stepped import ScriptedChip, bus, sensor

from agent.resilience import CircuitBreaker, CircuitState
from drivers.errors import BusTimeout, NotReady


@pytest.fixture
def clock(runner):
    return runner.clock


def unheard() -> None:
    """A round that is over: no test here waits for it."""


def test_a_result_that_was_carried_over_is_not_told_after_a_newer_one(clock):
    lane, worker = bus(clock)
    one = sensor(ScriptedChip(0.1), clock)
    lane.begin([one], unheard)
    lane.too_late(one)
    worker.finish()
    lane.begin([one], unheard)
    worker.finish()
    assert lane.outcome(one).values
    lane.begin([one], unheard)
    assert isinstance(lane.too_late(one).error, NotReady)


def test_every_turn_behind_one_that_hangs_is_abandoned(clock):
    lane, worker = bus(clock)
    sensors = [sensor(ScriptedChip(0.1), clock, name=name) for name in ("s1", "s2")]
    lane.begin(sensors, unheard)
    turns, worker.stuck = list(worker.turns), worker.turns[0]
    lane.give_up(sensors)
    assert [turn.abandoned for turn in turns] == [True, True]


def test_two_timeouts_with_a_success_in_between_are_no_dead_bus(clock):
    lane, worker = bus(clock)
    silent, well = sensor(ScriptedChip(BusTimeout("x")), clock), sensor(ScriptedChip(0.1), clock, name="s2")
    silent.breaker = well.breaker = CircuitBreaker(9, clock=clock)
    for one in (silent, well):
        lane.begin([one], unheard)
        worker.finish()
        lane.outcome(one)
        assert lane.silent == (["s1"] if one is silent else [])
    well.chip.script = [BusTimeout("x")]
    lane.begin([well], unheard)
    worker.finish()
    assert lane.breaker.state is CircuitState.CLOSED
