"""Rounds in time: what is slow, late or too much, and what is arranged anew."""

import asyncio
from types import SimpleNamespace

import pytest
from greenhouse import Greenhouse, missing, play

from agent.acquisition.scheduler import Scheduler
from agent.resilience import CircuitState
from drivers.errors import BusTimeout


class TestASlowSensor:
    """One that waits for its chip for longer than its timeout, as a CO2 sensor does for five seconds."""

    @pytest.fixture
    def slow(self, mocker):
        def be_slow(house, seconds):
            one = house.sensors[0]
            chip, quick = one.chip, one.chip.measure

            def measure():
                yield seconds
                return (yield from quick())

            chip.measure = measure
            one.slow, one.round_wait, one.attempts.limit = True, 0.5, 1.5 * seconds
            mocker.patch.object(type(chip), "takes", seconds)

        return be_slow

    @pytest.mark.parametrize("seconds", [3.0, 4.9, 6.0])
    def test_goes_on_beside_the_rounds_and_is_told_in_the_next(self, runner, slow, seconds):
        async def story(house):
            slow(house, seconds)
            return await house.rounds(9), house.left

        batches, left = play(runner, story, every=5.0)
        assert missing(batches[0]) == {"s1": ("NotReady", 1)}
        told = ["s1" in [r.sensor for r in b.readings] for b in batches]
        assert told == [False] * (1 if seconds < 5 else 2) + [True] * (8 if seconds < 5 else 7)
        assert all(moment % 5 < 0.6 for moment in left), "nobody else waits for it"
        assert all("s2" in [r.sensor for r in b.readings] for b in batches)

    def test_is_told_for_no_longer_than_its_chip_may_take_for_a_new_value(self, runner, slow):
        async def story(house):
            slow(house, 3.0)
            await house.rounds(2)
            sensor, known = house.sensors[0], []
            for _ in range(3):
                known.append(sensor.latest_of_its_chip(house.clock()) is not None)
                house.loop.clock.advance(2.5)
            return known

        assert play(runner, story, every=3.5) == [True, True, False]

    def test_does_not_keep_a_sick_one_from_its_turn(self, runner, slow):
        async def story(house):
            slow(house, 4.0)
            house.fault("unplugged", "s2", lasts=4)
            return await house.rounds(3)

        batches = play(runner, story, every=5.0)
        assert "s2" in missing(batches[0])
        assert "s2" in [r.sensor for r in batches[1].readings]

    def test_that_never_gets_ready_speaks_against_itself_not_against_the_bus(self, runner, slow):
        async def story(house):
            slow(house, 4.0)
            house.sensors[0].chip.measure = lambda: iter([1000.0])
            await house.rounds(12)
            return house.sensors[0].breaker.state, house.guarded["i2c-1"].silent

        assert play(runner, story, every=5.0) == (CircuitState.OPEN, [])

    def test_that_fails_late_is_not_asked_again_before_its_error_is_told(self, runner, slow):
        def silent():
            yield 4.0
            raise BusTimeout("nothing came")

        async def story(house):
            slow(house, 4.0)
            one = house.sensors[0]
            one.chip.measure, one.attempts.within = silent, one.attempts.limit
            await house.rounds(2)
            return house.sensors[0].present.message, house.sensors[0].attempts.counters.attempts

        assert play(runner, story, every=5.0) == ("nothing came", 2)


class TestASensorThatIsWaitedFor:
    """One that sends when it likes: its turn begins ahead of its round."""

    @pytest.fixture
    def house_of(self, mocker):
        def make(house, seconds, lead=2.5):
            one = house.sensors[0]
            chip, quick = one.chip, one.chip.measure

            def measure():
                yield seconds
                return (yield from quick())

            chip.measure = measure
            one.slow, one.round_wait, one.attempts.limit, one.lead = True, 0.5, 9.0, lead
            mocker.patch.object(type(chip), "takes", 6.0)

        return make

    @pytest.mark.parametrize("every", [10.0, 600.0])
    def test_is_told_in_its_own_round_from_the_first_on(self, runner, house_of, every):
        async def story(house):
            house_of(house, 1.2)
            return await house.rounds(4), house.left

        batches, left = play(runner, story, every=every)
        assert [missing(batch) for batch in batches] == [{}] * 4
        ages = [batch.due - next(r for r in batch.readings if r.sensor == "s1").measured for batch in batches]
        assert -1.5 < ages[0] < 0
        assert all(0.0 <= age < 2.5 for age in ages[1:])
        assert left == pytest.approx([1.2, every, 2 * every, 3 * every], abs=0.1)

    def test_that_takes_longer_than_that_delays_only_the_first_round(self, runner, house_of):
        async def story(house):
            house_of(house, 8.0)
            return await house.rounds(4), house.left

        batches, left = play(runner, story, every=30.0)
        assert missing(batches[0])["s1"][0] == "NotReady"
        assert all("s2" in [r.sensor for r in batch.readings] for batch in batches)
        assert left == pytest.approx([2.5, 30.0, 60.0, 90.0], abs=0.2)

    def test_does_not_delay_the_first_round_beyond_the_others_interval(self, runner, house_of):
        async def story(house):
            house_of(house, 8.0)
            house.sensors[0].every = 30.0
            house.scheduler = Scheduler(house.collector, house.due, house._deliver, house.clock)
            await house.rounds(4)
            return house.left

        assert play(runner, story, every=1.0) == pytest.approx([0.9, 1.0, 2.0, 3.0], abs=0.1)

    def test_is_read_at_once_on_request(self, runner, house_of):
        async def story(house):
            house_of(house, 1.2)
            await house.rounds(1)
            batch = await house.collector.collect(house.due, "request", None)
            return [r.sensor for r in batch.readings], missing(batch)

        told, lacking = play(runner, story)
        assert "s1" in told
        assert not lacking


class TestAShortTimeout:
    def test_leaves_all_attempts_within_the_round_and_names_the_true_error(self, runner):
        async def story(house):
            house.fault("unplugged", "s1")
            return await house.rounds(4)

        batches = play(runner, story, every=1.0, timeout=0.2)
        assert [missing(b)["s1"] for b in batches] == [("NoAcknowledge", 3)] * 3 + [("NoAcknowledge", 0)]


class TestALateRound:
    def test_is_skipped_and_counted_never_piled_up(self, runner):
        async def story(house):
            await house.rounds(1)
            house.loop.clock.advance(95.0)  # the machine slept
            await house.rounds(2)
            return house.scheduler.rounds, house.left

        rounds, left = play(runner, story)
        assert rounds.skipped == 8
        assert rounds.late == 1
        assert left[1] == pytest.approx(95, abs=0.1)
        assert left[2] == pytest.approx(100, abs=0.1)


def test_sensors_that_are_arranged_after_the_scheduler_was_made_are_read_at_once(runner):
    async def story() -> float:
        house = Greenhouse((1,), every=10.0)
        scheduler = Scheduler(house.collector, (), house.batches.append, house.clock)
        runner.clock.advance(0.3)
        scheduler.arrange(house.due)
        began = house.clock()
        await scheduler.run(1)
        return house.clock() - began

    assert runner.run(story()) < 1.0


def test_a_new_interval_begins_at_once_while_a_long_one_is_waited_for(runner):
    async def story() -> float:
        house = Greenhouse((1,), every=3600.0)
        running = asyncio.create_task(house.scheduler.run(3))
        await asyncio.sleep(60.0)
        sooner = Greenhouse((1,), every=2.0)
        house.collector.buses = sooner.guarded
        house.scheduler.arrange(sooner.due)
        await running
        return house.clock()

    assert runner.run(story()) < 70.0


def test_an_interval_that_comes_again_is_read_at_its_next_multiple_and_has_missed_nothing(runner):
    async def story():
        house, other = Greenhouse((1,), every=10.0), Greenhouse((1,), every=3.0)
        running = asyncio.create_task(house.scheduler.run())

        async def turn_to(one: Greenhouse, seconds: float) -> None:
            house.collector.buses = one.guarded
            house.scheduler.arrange(one.due)
            await asyncio.sleep(seconds)

        await asyncio.sleep(31)
        await turn_to(other, 2.5)
        sooner = sum(batch.interval == 3.0 for batch in house.batches)
        await turn_to(house, 100)
        await turn_to(other, 10)
        running.cancel()
        return sooner, house.scheduler.rounds.skipped

    assert runner.run(story()) == (1, 0)


def test_a_round_of_several_intervals_tells_the_shortest(runner):
    async def story():
        house, other = Greenhouse((1,), every=10.0), Greenhouse((1,), every=5.0)
        house.guarded["other"] = other.guarded["i2c-1"]
        house.scheduler.arrange([*house.due, (other.sensors[0], "other")])
        house.scheduler._last.clear()
        return [batch.interval for batch in await house.rounds(2)]

    assert runner.run(story()) == [5.0, 5.0]


class TestABusThatIsAskedForTooMuch:
    def test_costs_whole_rounds_and_leaves_no_sensor_out(self, runner):
        async def story(house: Greenhouse):
            await house.rounds(1)
            house.fault("slow", delay=0.04)  # three sensors with two transfers each need 0.24 s
            return await house.rounds(10), house.scheduler.rounds

        batches, rounds = play(runner, story, (3,), every=0.1)
        assert all(not batch.unavailable for batch in batches)
        assert rounds.skipped >= 10


@pytest.mark.parametrize("first", [True, False])
def test_sensors_may_be_arranged_anew_at_the_moment_at_which_a_round_is_due(runner, first):
    async def scene():
        loop, found = asyncio.get_running_loop(), []

        class Collector:
            async def collect(self, due, trigger, interval, at):
                return interval, at

        def change():
            scheduler.arrange([(SimpleNamespace(id="b", every=4.0, lead=0.0, sample=None), "")])

        # Timers of one moment run in the order in which they were made.
        if first:
            loop.call_at(10.0, change)
        sensor = SimpleNamespace(id="a", every=10.0, lead=0.0, sample=None)
        scheduler = Scheduler(Collector(), [(sensor, "")], found.append, loop.time)
        running = asyncio.create_task(scheduler.run(4))
        await asyncio.sleep(1.0)
        if not first:
            loop.call_at(10.0, change)
        await running
        return found

    assert runner.run(scene())[0] == (10.0, 0.0)
    assert runner.run(scene())[-1][0] == 4.0
