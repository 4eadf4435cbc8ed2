"""What is counted of a sensor's attempts: their number, their errors by kind, and how long the good ones took."""

from __future__ import annotations

import math

from greenhouse import Greenhouse

from agent.acquisition.counters import BOUNDS, ReadCounters


def _counted(house: Greenhouse, number: int = 0) -> ReadCounters:
    return house.sensors[number].attempts.counters


class TestASensorsCounters:
    def test_count_every_attempt_and_the_time_of_the_good_ones(self, runner):
        async def live() -> None:
            house = Greenhouse()
            await house.rounds(3)
            counters = _counted(house)
            assert (counters.attempts, dict(counters.errors)) == (3, {})
            # An SHT4x takes 8.3 ms to convert.
            assert 0.02 < counters.seconds < 0.1
            assert counters.durations()[-1] == (math.inf, 3)

        runner.run(live())

    def test_count_each_retry_by_the_class_of_its_error_and_nothing_while_the_breaker_refuses(self, runner):
        async def live() -> None:
            house = Greenhouse()
            house.fault("unplugged", "s1")
            await house.rounds(3)
            before = _counted(house).attempts
            assert dict(_counted(house).errors) == {"NoAcknowledge": before}
            assert before == 9
            await house.rounds(1)
            assert _counted(house).attempts == before
            assert not _counted(house, 1).errors

        runner.run(live())

    def test_count_a_transfer_that_never_ends_once(self, runner):
        async def live() -> None:
            house = Greenhouse()
            house.fault("hang", "s1")
            await house.rounds(1)
            assert dict(_counted(house).errors) == {"BusTimeout": 1}

        runner.run(live())


def test_durations_add_up_from_bound_to_bound():
    counters = ReadCounters()
    for seconds in (0.0005, 0.001, 0.3, 99.0):
        counters.succeeded(seconds)
    found = dict(counters.durations())
    assert list(found) == [*BOUNDS, math.inf]
    assert (found[0.001], found[0.25], found[0.5], found[10.0], found[math.inf]) == (2, 2, 3, 3, 4)
