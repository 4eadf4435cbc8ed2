"""A bus that has more to do than fits into a round, and sensors that had no chance yet."""

import asyncio
import itertools
import logging
from collections import Counter
from random import Random

import pytest
from greenhouse import play

from agent.acquisition.bus import GuardedBus
from agent.acquisition.collector import Collector
from agent.acquisition.scheduler import Scheduler
from agent.acquisition.sensor import Sensor
from agent.acquisition.turn import COUNTED
from agent.resilience import CircuitBreaker, RetryPolicy
from agent.simulation.worker import LoopWorker
from drivers.chip import Driver, Quantity
from drivers.errors import NoAcknowledge


class Converting(Driver):
    """Holds its bus for as long as it converts, as a DS18B20 does."""

    name = "converting"
    quantities = (Quantity("temperature", "°C", step=0.0625),)

    def __init__(self, worker, seconds):
        self.worker, self.seconds, self.fails = worker, seconds, False

    def measure(self):
        self.worker.occupy(self.seconds)
        if self.fails:
            raise NoAcknowledge("gone")
        return {"temperature": 21.0}


class Wire:
    """Sensors `t1`, `t2` … on one wire."""

    def __init__(self, count, seconds, every=10.0):
        loop = asyncio.get_running_loop()
        worker = LoopWorker("w1", loop)
        self.batches, self.left, self.clock = [], [], loop.time
        bus = GuardedBus("w1", worker, CircuitBreaker(1, 5.0, clock=loop.time, rng=Random(1)))
        self.sensors = [
            Sensor(
                f"t{number}",
                Converting(worker, seconds),
                every=every,
                timeout=2.0,
                breaker=CircuitBreaker(3, 30.0, exceptions=COUNTED, clock=loop.time, rng=Random(2)),
                retry=RetryPolicy(3, 0.1, 2.0, rng=Random(3)),
                clock=loop.time,
            )
            for number in range(1, count + 1)
        ]
        self.scheduler = Scheduler(
            Collector({"w1": bus}, loop.time), [(one, "w1") for one in self.sensors], self._deliver, loop.time
        )

    def _deliver(self, batch):
        self.batches.append(batch)
        self.left.append(self.clock())

    async def rounds(self, count):
        await self.scheduler.run(self.scheduler.rounds.finished + count)
        return self.batches[-count:]


def run(runner, count, rounds, seconds=0.8):
    async def story():
        wire = Wire(count, seconds)
        return await wire.rounds(rounds), wire

    return runner.run(story())


class TestABusThatCannotCarryWhatIsDueOnIt:
    def test_lets_its_sensors_take_turns(self, runner):
        batches, wire = run(runner, 16, 60)
        measured = Counter(
            sensor for sensor, _ in {(r.sensor, r.measured) for batch in batches for r in batch.readings}
        )
        in_a_row = max(
            max(map(len, "".join("x" if one.id in batch.unavailable else " " for batch in batches).split()), default=0)
            for one in wire.sensors
        )
        assert in_a_row <= 2
        assert min(measured.values()) >= 30, "each is read at least every other round"
        assert all(len(batch.unavailable) <= 5 for batch in batches[2:]), "12.5 of 16 fit into 10 s"

    def test_says_that_a_sensor_waits_its_turn_and_blames_nobody(self, runner, caplog):
        with caplog.at_level(logging.INFO, "limpet"):
            batches, wire = run(runner, 16, 20)
        faults = [fault for batch in batches for fault in batch.faults]
        assert {fault.error for fault in faults} == {"NotReady"}
        assert {(fault.message, fault.attempts) for fault in faults if fault.sensor == "t16"} == {
            ("t16 (converting) waits its turn; the bus is busy with other sensors", 0)
        }
        assert not caplog.records
        assert all(one.breaker.failure_count == 0 for one in wire.sensors)

    def test_tells_when_what_came_late_was_measured(self, runner):
        batches, _ = run(runner, 16, 20)
        for before, batch in itertools.pairwise(batches):
            assert all(before.due < reading.measured < batch.due + 9.1 for reading in batch.readings)

    def test_still_finds_out_which_of_its_sensors_has_failed(self, runner, caplog):
        async def story():
            wire = Wire(16, 0.8)
            await wire.rounds(3)
            wire.sensors[11].chip.fails = True
            return await wire.rounds(40), wire

        with caplog.at_level(logging.WARNING, "limpet.sensor"):
            batches, _ = runner.run(story())
        assert {one.sensor for one in caplog.records} == {"t12"}
        assert "t12" in batches[-1].unavailable
        assert {fault.error for fault in batches[-1].faults if fault.sensor == "t12"} == {"NoAcknowledge"}


class TestABusThatIsBusyForMostOfARound:
    def test_leaves_no_sensor_out_once_each_had_its_turn(self, runner):
        batches, _ = run(runner, 11, 10)
        assert all(not batch.unavailable for batch in batches[1:])

    def test_lets_no_round_wait_for_it(self, runner):
        _, wire = run(runner, 11, 10)
        assert all(left % 10 < 2.5 for left in wire.left)


def test_what_began_in_an_earlier_round_counts_in_the_one_in_which_it_ends(runner):
    async def story():
        wire = Wire(1, 0.0, every=1.0)

        def measure():
            yield 1.3
            return {"temperature": 21.0}

        wire.sensors[0].chip.measure = measure
        return await wire.rounds(4), wire.left

    batches, left = runner.run(story())
    assert [bool(batch.readings) for batch in batches] == [False, True, False, True]
    assert left == pytest.approx([0.9, 1.3, 2.9, 3.3], abs=0.06)
    assert "was still measuring when the round left" in batches[0].faults[0].message


class TestASensorThatHadNoChanceYet:
    def test_is_not_called_silent(self, runner, caplog):
        async def story(house):
            one = house.sensors[0]
            chip, quick = one.chip, one.chip.measure

            def measure():
                yield 4.0
                return (yield from quick())

            chip.measure, one.slow, one.round_wait, one.attempts.limit = measure, True, 0.5, 6.0
            (first,) = await house.rounds(1)
            early = one.present
            await house.rounds(1)
            return first, early, one.present

        with caplog.at_level(logging.INFO, "limpet.sensor"):
            batch, early, later = play(runner, story, every=5.0)
        assert not caplog.records
        assert batch.unavailable == ("s1",)
        assert "is starting; the first reading takes up to" in batch.faults[0].message
        assert (early.status, later.status) == ("unknown", "ok")

    def test_is_called_silent_once_its_first_turn_has_failed(self, runner, caplog):
        async def story(house):
            house.fault("unplugged", "s1")
            await house.rounds(1)
            return house.sensors[0].present

        with caplog.at_level(logging.INFO, "limpet.sensor"):
            present = play(runner, story)
        assert [one.message for one in caplog.records] == ["sensor fell silent"]
        assert present.status == "unavailable"

    def test_is_called_silent_once_its_first_turn_has_failed_beside_the_rounds(self, runner, caplog):
        async def story(house):
            one = house.sensors[0]
            one.slow, one.round_wait, one.attempts.limit = True, 0.5, 6.0
            one.chip.measure = lambda: iter([4.0, 4.0])
            return await house.rounds(4)

        with caplog.at_level(logging.INFO, "limpet.sensor"):
            batches = play(runner, story, every=5.0)
        assert [one.message for one in caplog.records] == ["sensor fell silent"]
        assert "no reading within 6 s" in batches[-1].faults[0].message


@pytest.mark.parametrize(("noisy", "status"), [(True, "suspect"), (False, "ok")])
def test_only_noisy_quantities_can_stand_still_suspiciously(runner, noisy, status):
    class Resting(Converting):
        quantities = (Quantity("count", step=1.0, noisy=noisy), Quantity("frequency", "Hz", step=0.1, noisy=noisy))

        def measure(self):
            return {"count": 7, "frequency": 0.0}

    async def story():
        wire = Wire(1, 0.0)
        wire.sensors[0].chip.__class__ = Resting
        return (await wire.rounds(400))[-1]

    assert {one.status for one in runner.run(story()).readings} == {status}


def test_a_quantity_that_may_rest_is_not_doubted_for_its_noisy_neighbours(runner):
    class Both(Converting):
        quantities = (
            Quantity("temperature", "°C", step=0.01),
            Quantity("humidity", "%", step=0.01),
            Quantity("state", step=1.0, noisy=False),
        )

        def measure(self):
            return {"temperature": 21.0, "humidity": 40.0, "state": 1}

    async def story():
        wire = Wire(1, 0.0)
        wire.sensors[0].chip.__class__ = Both
        return (await wire.rounds(400))[-1]

    statuses = {one.quantity: one.status for one in runner.run(story()).readings}
    assert statuses == {"temperature": "suspect", "humidity": "suspect", "state": "ok"}
