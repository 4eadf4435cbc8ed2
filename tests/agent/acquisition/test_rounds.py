"""Rounds: what is delivered and what is told, in health and with each kind of fault."""

import pytest
from greenhouse import missing, play

from agent.resilience import CircuitState


class TestAHealthyRound:
    def test_delivers_every_quantity_of_every_sensor_in_their_order(self, runner):
        async def story(house):
            return (await house.rounds(1))[0]

        batch = play(runner, story, (2, 1))
        assert [(r.sensor, r.quantity) for r in batch.readings] == [
            (s, q) for s in ("s1", "s2", "s3") for q in ("temperature", "humidity")
        ]
        assert not batch.degraded
        assert not batch.faults

    def test_begins_at_fixed_multiples_of_the_interval(self, runner):
        async def story(house):
            starts = []
            collect = house.collector.collect

            async def noted(*args):
                starts.append(house.clock())
                return await collect(*args)

            house.collector.collect = noted
            await house.rounds(50)
            return starts

        starts = play(runner, story, every=0.7)
        assert starts == pytest.approx([0.7 * n for n in range(50)])

    def test_comes_at_once_at_the_start_however_long_that_took(self, runner):
        async def story(house):
            house.loop.clock.advance(0.013)
            await house.rounds(1)
            return house.left[0]

        assert play(runner, story) < 0.1

    def test_lets_conversions_on_one_bus_overlap(self, runner):
        async def story(house):
            await house.rounds(1)
            return house.left[0]

        alone = play(runner, story, (1,))
        assert 0.008 < alone < 0.02
        assert play(runner, story, (3,)) - 0.0 == pytest.approx(2 * alone)  # the runner's clock goes on


class TestATransientFault:
    def test_heals_within_the_round_and_is_not_flagged(self, runner):
        async def story(house):
            house.fault("nack", "s1", lasts=0.05)
            return (await house.rounds(1))[0]

        assert not play(runner, story).degraded

    def test_is_retried_as_often_as_configured_then_told(self, runner):
        async def story(house):
            house.fault("unplugged", "s1")
            return (await house.rounds(1))[0]

        batch = play(runner, story)
        assert batch.unavailable == ("s1",)
        assert missing(batch) == {"s1": ("NoAcknowledge", 3)}


class TestASustainedFault:
    def test_opens_the_breaker_and_costs_no_transfer_any_more(self, runner):
        async def story(house):
            house.fault("unplugged", "s1")
            batches = await house.rounds(3)
            before = house.buses["i2c-1"].transfers
            (quiet,) = await house.rounds(1)
            return batches, quiet, house.buses["i2c-1"].transfers - before, house.sensors[0]

        batches, quiet, transfers, sensor = play(runner, story)
        assert [b.faults[0].breaker for b in batches] == ["closed", "closed", "open"]
        assert missing(quiet) == {"s1": ("NoAcknowledge", 0)}
        assert 0 < quiet.faults[0].retry_after <= 33
        assert transfers == 2, "the other sensor's own two"
        assert sensor.breaker.state is CircuitState.OPEN

    def test_is_probed_with_a_single_attempt_and_heals_by_itself(self, runner):
        async def story(house):
            fault = house.fault("unplugged", "s1")
            probes = [b.faults[0].attempts for b in await house.rounds(7)]
            house.buses["i2c-1"].faults.remove(fault)
            healed = await house.rounds(8)
            return probes, healed

        probes, healed = play(runner, story)
        assert probes == [3, 3, 3, 0, 0, 0, 1]
        assert not healed[-1].degraded

    def test_tells_since_when(self, runner):
        async def story(house):
            await house.rounds(2)
            house.fault("unplugged", "s2")
            return await house.rounds(5)

        since = {b.faults[0].since for b in play(runner, story)}
        assert len(since) == 1
        assert since.pop() == pytest.approx(20.0, abs=0.01)


class TestAHungBus:
    def test_delays_the_round_by_one_timeout_and_never_the_other_bus(self, runner):
        async def story(house):
            house.fault("hang", "s1", lasts=300)
            return await house.rounds(3), house.left

        (first, second, third), left = play(runner, story, (2, 1))
        assert left[0] < 2.4
        assert "s3" not in first.unavailable
        assert first.faults[0].error == "BusTimeout"
        assert missing(second) == {"s1": ("BusStuck", 0), "s2": ("BusStuck", 0)}
        assert left[1] - 10 < 0.1, "a bus that hangs costs nothing any more"
        assert [r.sensor for r in third.readings] == ["s3", "s3"]

    def test_opens_the_breaker_of_the_sensor_that_hangs_at_once(self, runner):
        async def story(house):
            house.fault("hang", "s1", lasts=300)
            await house.rounds(1)
            return [sensor.breaker.state for sensor in house.sensors]

        assert play(runner, story) == [CircuitState.OPEN, CircuitState.CLOSED]

    def test_is_told_as_such_also_in_a_round_that_is_shorter_than_the_timeout(self, runner):
        async def story(house):
            house.fault("hang", "s1", lasts=300)
            return await house.rounds(2)

        first, second = play(runner, story, every=1.0)
        assert missing(first) == {"s1": ("BusTimeout", 1), "s2": ("BusStuck", 0)}
        assert missing(second) == {"s1": ("BusStuck", 0), "s2": ("BusStuck", 0)}

    def test_reads_again_once_it_is_back(self, runner):
        async def story(house):
            house.fault("hang", "s1", lasts=15)
            return await house.rounds(12)

        batches = play(runner, story)
        assert "s2" in [r.sensor for r in batches[2].readings]
        assert not batches[-1].degraded

    def test_harms_no_healthy_sensor_when_it_hangs_again(self, runner):
        async def story(house):
            house.fault("unplugged", "s1", lasts=5)
            await house.rounds(1)
            house.fault("hang", "s1", lasts=300)
            return await house.rounds(1)

        (batch,) = play(runner, story)
        assert missing(batch) == {"s1": ("BusTimeout", 1)}
        assert [r.sensor for r in batch.readings] == ["s2", "s2"]

    def test_that_is_stuck_is_probed_by_one_sensor_only(self, runner):
        async def story(house):
            house.fault("stuck")
            await house.rounds(2)
            before = house.buses["i2c-1"].transfers
            await house.rounds(30)
            return house.guarded["i2c-1"], house.buses["i2c-1"].transfers - before

        bus, transfers = play(runner, story, (3,))
        assert bus.breaker.state is CircuitState.OPEN
        assert bus.silent[0] == "s1"
        assert transfers <= 10, "300 s at one probe a minute"


class TestABugInADriver:
    def test_is_not_retried_and_named_and_the_others_go_on(self, runner, logged):
        async def story(house):
            house.fault("bug", "s1")
            return await house.rounds(5)

        batches = play(runner, story)
        assert {tuple(missing(b).items()) for b in batches} == {(("s1", ("TypeError", 1)),)}
        assert all(b.faults[0].breaker == "closed" for b in batches)
        assert all([r.sensor for r in b.readings] == ["s2", "s2"] for b in batches)
        assert [r.levelname for r in logged("limpet.sensor")].count("ERROR") == 1


class TestAFallback:
    def test_to_the_last_value_is_marked_stale_with_its_age_until_max_age(self, runner):
        async def story(house):
            await house.rounds(1)
            house.fault("unplugged", "s1")
            return await house.rounds(4)

        batches = play(runner, story, fallback="last", max_age=35.0)
        stale = [r for r in batches[0].readings if r.sensor == "s1"]
        assert [r.status for r in stale] == ["stale", "stale"]
        assert stale[0].age == pytest.approx(10.0, abs=0.02), "from the measurement to the moment of the batch"
        assert batches[0].degraded
        assert not batches[0].unavailable
        assert batches[3].unavailable == ("s1",)

    def test_to_the_last_value_holds_for_the_quantities_that_were_good(self, runner):
        async def story(house):
            await house.rounds(1)
            house.fault("unplugged", "s1")
            return (await house.rounds(1))[0]

        batch = play(runner, story, (1,), fallback="last", limits={"temperature": (-20.0, 5.0)})
        assert [(r.quantity, r.status) for r in batch.readings] == [("humidity", "stale")]

    def test_to_another_sensor_is_marked_substituted_with_its_source(self, runner):
        async def story(house):
            house.fault("unplugged", "s1")
            return (await house.rounds(1))[0]

        batch = play(runner, story, fallback="sensor:s2")
        assert {(r.sensor, r.status, r.source) for r in batch.readings} == {
            ("s2", "ok", None),
            ("s1", "substituted", "s2"),
        }
        assert batch.degraded
        assert not batch.unavailable

    def test_to_another_sensor_leaves_out_what_is_suspect_there(self, runner):
        async def story(house):
            house.fault("unplugged", "s1")
            return (await house.rounds(1))[0]

        batch = play(runner, story, fallback="sensor:s2", limits={"temperature": (-20.0, 5.0)})
        assert [(r.quantity, r.status) for r in batch.readings if r.sensor == "s1"] == [("humidity", "substituted")]


class TestValues:
    def test_are_calibrated_and_those_outside_of_the_limits_are_suspect(self, runner):
        async def story(house):
            return (await house.rounds(1))[0]

        batch = play(runner, story, (1,), calibrate={"temperature": (2.0, -0.5)}, limits={"temperature": (-20.0, 60.0)})
        reading = batch.readings[0]
        assert reading.value == pytest.approx(2 * 88 - 0.5, abs=0.02)
        assert reading.status == "suspect"
        assert "limits" in reading.reason
        assert batch.degraded
        assert not batch.unavailable

    def test_that_have_not_moved_by_a_digit_for_an_hour_are_suspect(self, runner):
        async def story(house):
            return await house.rounds(365)

        batches = play(runner, story, (1,))
        assert batches[300].readings[0].status == "ok"
        assert batches[364].readings[0].status == "suspect"

    def test_that_move_stay_ok_however_long(self, runner):
        async def story(house):
            chip = house.buses["i2c-1"].chips[0x44]
            for number in range(400):
                chip.feel(temperature=20 + number % 7, humidity=40 + number % 5)
                await house.rounds(1)
            return house.batches

        assert not any(batch.degraded for batch in play(runner, story, (1,)))
