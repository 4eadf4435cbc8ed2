"""One bus, its rounds stepped by hand: results that come late, turns that are given up, timeouts in a row."""

import pytest
from stepped import ScriptedChip, bus, sensor

from agent.resilience import CircuitBreaker, CircuitState
from drivers.errors import BusTimeout


@pytest.fixture
def clock(runner):
    return runner.clock


def unheard() -> None:
    """A round that is over: no test here waits for it."""


def test_a_result_that_was_carried_over_is_not_told_after_a_newer_one(clock):
    guarded, worker = bus(clock)
    one = sensor(ScriptedChip(0.1), clock)

    def errors(*, finished: bool) -> list[str]:
        """Run a round that its turn does, or does not, come in time for."""
        guarded.begin([one.turn()], unheard)
        if finished:
            worker.finish()
        faults = one.conclude(clock(), clock())[1]
        worker.finish()
        return [fault.error for fault in faults]

    assert [errors(finished=done) for done in (False, False, True, False)] == [["NotReady"], [], [], ["NotReady"]]


def test_every_turn_behind_one_that_hangs_is_abandoned(clock):
    guarded, worker = bus(clock)
    turns = [sensor(ScriptedChip(0.1), clock, name=name).turn() for name in ("s1", "s2")]
    guarded.begin(turns, unheard)
    worker.stuck = worker.turns[0]
    guarded.give_up(turns)
    assert [turn.abandoned for turn in turns] == [True, True]


def test_two_timeouts_with_a_success_in_between_are_no_dead_bus(clock):
    guarded, worker = bus(clock)
    silent, well = sensor(ScriptedChip(BusTimeout("x")), clock), sensor(ScriptedChip(0.1), clock, name="s2")
    silent.attempts.breaker = well.attempts.breaker = CircuitBreaker(9, clock=clock)
    for one in (silent, well):
        guarded.begin([one.turn()], unheard)
        worker.finish()
        assert guarded.silent == (["s1"] if one is silent else [])
    well.conclude(clock(), clock())
    well.chip.script = [BusTimeout("x")]
    guarded.begin([well.turn()], unheard)
    worker.finish()
    assert guarded.breaker.state is CircuitState.CLOSED


def test_where_more_is_due_than_the_bus_can_carry_who_has_waited_longest_comes_first(clock):
    guarded, worker = bus(clock)
    sensors = [sensor(ScriptedChip(0.1), clock, name=f"s{n}") for n in range(4)]
    for one in sensors:
        clock.advance(-1.0)  # the last one was read first
        guarded.begin([one.turn()], unheard)
        worker.finish()
        one.conclude(clock(), clock())
    guarded.begin([sensors[0].turn()], unheard)
    worker.turns.clear()
    guarded.begin([one.turn() for one in sensors], unheard)
    assert [turn.sensor for turn in worker.turns] == ["s3", "s2", "s1"]


def test_a_bus_that_fell_silent_while_one_of_its_sensors_was_read_refuses_the_rest_of_the_round(clock):
    guarded, worker = bus(clock)
    scripts = {"s1": [0.1], "s2": [BusTimeout("x")], "s3": [BusTimeout("x")], "s4": [0.1]}
    sensors = [sensor(ScriptedChip(*script), clock, name=name) for name, script in scripts.items()]
    guarded.begin([one.turn() for one in sensors], unheard)
    early, *others, late = worker.turns
    assert early.step() is not None, "it waits for its conversion"
    for turn in others:
        turn.step()
    assert guarded.breaker.state is CircuitState.OPEN
    early.step()
    assert late.step() is None
    assert str(late.known().error) == "i2c-1 does not answer"
