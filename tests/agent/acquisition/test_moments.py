"""When things were: a batch when it was due, a reading when it was measured, an outage when it began."""

import json
import logging

import pytest
from greenhouse import Greenhouse, play

from agent.clock import rfc3339
from agent.messages import payloads
from agent.model import Batch, Reading


def published(batch: Batch) -> dict:
    """Return a batch as it leaves; the agent's clock counts from 1970."""
    return payloads.batch(batch, device_id="d", boot_id="b", seq=1, synced=False, stamp=rfc3339)


def moments(batch: Batch) -> dict[str, str | None]:
    """Return the moment that each sensor's readings carry of their own."""
    return {one["sensorId"]: one.get("timestamp") for one in published(batch)["readings"]}


class TestABatch:
    def test_is_dated_by_the_moment_for_which_its_round_was_due(self, runner):
        async def story(house):
            house.fault("hang", "s1", lasts=300)
            return [batch.due for batch in await house.rounds(4)]

        assert play(runner, story, (2, 1)) == pytest.approx([0, 10, 20, 30])

    def test_of_several_intervals_has_the_moment_that_they_share(self, runner):
        async def story(house):
            other = Greenhouse((1,), every=5.0)
            house.guarded["other"] = other.guarded["i2c-1"]
            house.scheduler.arrange([*house.due, (other.sensors[0], "other")])
            return [batch.due for batch in await house.rounds(4)]

        assert play(runner, story) == pytest.approx([0, 5, 10, 15])

    def test_that_began_late_is_dated_by_the_moment_that_it_is_for_and_its_readings_by_theirs(self, runner):
        async def story(house):
            await house.rounds(1)
            house.loop.clock.advance(27.0)
            return (await house.rounds(1))[0]

        batch = play(runner, story)
        assert batch.due == pytest.approx(20.0)
        assert set(moments(batch).values()) == {"1970-01-01T00:00:27.021Z"}

    def test_on_request_is_dated_by_the_request(self, runner):
        async def story(house):
            house.loop.clock.advance(3.0)
            return (await house.collector.collect(house.due, "request", None)).due

        assert play(runner, story) == pytest.approx(3.0)


class TestAReading:
    def test_that_was_measured_when_its_round_was_due_carries_no_moment(self, runner):
        async def story(house):
            return await house.rounds(3)

        assert all(set(moments(batch).values()) == {None} for batch in play(runner, story))

    def test_carries_its_moment_where_that_is_half_a_second_off(self, runner):
        async def story(house):
            await house.rounds(1)
            house.fault("slow", "s1", delay=0.7)
            return (await house.rounds(1))[0]

        batch = play(runner, story, (1, 1))
        assert moments(batch)["s1"] == "1970-01-01T00:00:10.709Z"

    @pytest.mark.parametrize("kind", ["hang", "unplugged", "slow"])
    def test_is_not_moved_by_the_trouble_of_another_sensor(self, runner, kind):
        async def story(house):
            await house.rounds(1)
            house.fault(kind, "s1", lasts=300)
            return await house.rounds(3), house.sensors[2].present

        batches, present = play(runner, story, (2, 1))
        assert all(moments(batch)["s3"] is None for batch in batches)
        assert present.measured == present.last_ok == pytest.approx(30.009, abs=0.001)

    def test_that_is_stale_carries_its_moment_and_an_age_that_fits(self, runner):
        async def story(house):
            await house.rounds(1)
            house.fault("unplugged", "s1", lasts=300)
            house.fault("hang", "s2", lasts=300)
            return (await house.rounds(2))[1], house.sensors[0].present

        batch, present = play(runner, story, (1, 1), fallback="last")
        (stale, _) = [one for one in batch.readings if one.sensor == "s1"]
        assert stale.age == pytest.approx(batch.due - stale.measured)
        assert moments(batch)["s1"] == "1970-01-01T00:00:00.012Z"
        assert present.measured == stale.measured

    def test_of_another_sensor_carries_the_moment_of_its_own_measurement(self, runner):
        async def story(house):
            other = Greenhouse((1,), every=60.0)
            other.sensors[0].id = "far"
            house.guarded["other"] = other.guarded["i2c-1"]
            house.scheduler.arrange([*house.due, (other.sensors[0], "other")])
            house.sensors[0].substitute_id = "far"
            await house.rounds(1)
            house.fault("unplugged", "s1", lasts=300)
            return (await house.rounds(3))[-1], house.sensors[0].present

        batch, present = play(runner, story, (1,))
        assert {one.status for one in batch.readings} == {"substituted"}
        assert moments(batch) == {"s1": "1970-01-01T00:00:00.012Z"}
        assert present.measured == pytest.approx(0.012, abs=0.001)


class TestAnOutage:
    def test_began_at_the_first_failed_attempt_whatever_hangs_beside_it(self, runner):
        async def story(house):
            house.fault("hang", "s3", lasts=300)
            await house.rounds(1)
            house.fault("unplugged", "s1", lasts=300)
            return await house.rounds(3)

        batches = play(runner, story, (2, 1))
        since = {fault.since for batch in batches for fault in batch.faults if fault.sensor == "s1"}
        assert [round(moment, 2) for moment in since] == [10.0]

    def test_is_logged_with_its_true_length(self, runner, caplog):
        async def story(house):
            house.fault("unplugged", "s1", lasts=15)
            await house.rounds(3)

        with caplog.at_level(logging.INFO, "limpet.sensor"):
            play(runner, story)
        assert [one.silent_for for one in caplog.records if one.message == "sensor came back"] == [20.0]


class TestAStoredBatch:
    def test_whose_clock_was_wrong_has_every_moment_put_right(self):
        readings = (Reading("a", "t", 1.0, measured=100.0), Reading("b", "t", 1.0, measured=90.25))
        body = payloads.encode(published(Batch(100.0, "interval", 10.0, ("a", "b"), readings)))
        for make in (payloads.corrected, payloads.historical):
            document = json.loads(make(body, "2026-11-23T12:00:00.000Z"))
            assert document["timestamp"] == "2026-11-23T12:00:00.000Z"
            assert [one.get("timestamp") for one in document["readings"]] == [None, "2026-11-23T11:59:50.250Z"]
