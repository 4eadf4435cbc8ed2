"""Parts of a chip: what is well is told, what is not has its own fault, and what is beyond its range is no fault."""

import logging

import pytest
from greenhouse import play

from agent.acquisition.turn import Outcome
from agent.messages import payloads
from agent.model import Batch
from agent.resilience import CircuitState
from drivers.errors import BeyondRange, BusError, InvalidReading, NotReady, NotSupported

HUMID = InvalidReading("sht4x: humidity was never converted")
FAR = BeyondRange("sht4x: humidity is 100 % or more", at_least=100.0)
HOT = BeyondRange("sht4x: temperature is 125 °C or more", at_least=125.0)


def partly(sensor, **instead):
    """Let a sensor's chip measure this in place of some values."""
    chip = sensor.chip
    whole = type(chip).measure

    def measure():
        values = yield from whole(chip)
        return {**values, **instead}

    chip.measure = measure


def heal(sensor):
    del sensor.chip.measure


def told(batch: Batch, sensor: str = "s1") -> dict[str, str]:
    """Return the quantities of a sensor that stand in readings, with their statuses."""
    return {one.quantity: one.status for one in batch.readings if one.sensor == sensor}


def state_of(sensor) -> dict:
    return payloads.state([sensor], now="now", stamp=str)


class TestAPartThatCannotBeTold:
    @pytest.fixture
    def batch(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=HUMID)
            (batch,) = await house.rounds(1)
            return batch, house

        self.made, self.house = play(runner, story)
        return self.made

    def test_has_a_fault_of_its_own_beside_the_readings_of_the_others(self, batch):
        assert told(batch) == {"temperature": "ok"}
        (fault,) = batch.faults
        assert (fault.sensor, fault.quantity, fault.error, fault.attempts) == ("s1", "humidity", "InvalidReading", 1)
        assert fault.message == str(HUMID)
        assert payloads.fault(fault, str)["quantity"] == "humidity"

    def test_degrades_the_batch_and_leaves_no_sensor_out(self, batch):
        assert batch.degraded
        assert not batch.unavailable

    def test_is_null_in_a_state_that_is_partial(self, batch):
        document = state_of(self.house.sensors[0])
        entry = document["sensors"]["s1"]
        assert (entry["status"], entry["humidity"]) == ("partial", None)
        assert entry["temperature"] is not None
        assert (document["degraded"], document["unavailableSensors"]) == (True, [])

    def test_counts_not_against_the_breaker_however_long(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=HUMID)
            return await house.rounds(20), house.sensors[0].breaker

        batches, breaker = play(runner, story)
        assert (breaker.state, breaker.failure_count) == (CircuitState.CLOSED, 0)
        assert all(batch.faults[0].breaker == "closed" for batch in batches)
        assert {batch.faults[0].since for batch in batches} == {batches[0].faults[0].since}

    @pytest.mark.parametrize("error", [NotReady("heating"), BusError("x"), NotSupported("x")], ids=repr)
    def test_may_be_any_error_of_the_drivers(self, runner, error):
        async def story(house):
            partly(house.sensors[0], humidity=error)
            return (await house.rounds(1))[0]

        batch = play(runner, story)
        assert told(batch) == {"temperature": "ok"}
        assert [(one.quantity, one.error) for one in batch.faults] == [("humidity", type(error).__name__)]

    def test_is_logged_when_it_goes_and_when_it_comes_back(self, runner, caplog):
        async def story(house):
            partly(house.sensors[0], humidity=HUMID)
            await house.rounds(3)
            heal(house.sensors[0])
            return (await house.rounds(3))[-1]

        with caplog.at_level(logging.INFO, "limpet.sensor"):
            batch = play(runner, story)
        assert [one.message for one in caplog.records] == ["quantity fell silent", "quantity came back"]
        assert not batch.degraded

    def test_that_goes_again_is_another_outage(self, runner):
        async def story(house):
            since = []
            for _ in range(2):
                partly(house.sensors[0], humidity=HUMID)
                since.append((await house.rounds(2))[-1].faults[0].since)
                heal(house.sensors[0])
                await house.rounds(1)
            return since

        first, second = play(runner, story)
        assert second - first == pytest.approx(30.0, abs=0.1)

    def test_is_filled_by_its_last_good_value_where_that_is_the_fallback(self, runner):
        async def story(house):
            await house.rounds(1)
            partly(house.sensors[0], humidity=HUMID)
            return (await house.rounds(1))[0], house.sensors[0].present

        batch, present = play(runner, story, fallback="last")
        assert told(batch) == {"temperature": "ok", "humidity": "stale"}
        assert [one.quantity for one in batch.faults] == ["humidity"]
        assert present.status == "stale"

    def test_is_filled_by_the_same_quantity_of_another_sensor_where_that_is_the_fallback(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=HUMID)
            return (await house.rounds(1))[0], house.sensors[0].present

        batch, present = play(runner, story, fallback="sensor:s2")
        assert told(batch) == {"temperature": "ok", "humidity": "substituted"}
        assert (present.status, present.degraded, present.lacking) == ("substituted", True, ())

    def test_does_not_make_the_others_look_as_if_they_stood_still(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=HUMID)
            return (await house.rounds(400))[-1]

        assert told(play(runner, story)) == {"temperature": "ok"}


class TestAValueBeyondItsRange:
    def test_is_told_and_is_neither_unavailable_nor_degraded(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=FAR, temperature=HOT)
            return (await house.rounds(5))[-1], house.sensors[0]

        batch, sensor = play(runner, story, (1,))
        assert (batch.readings, batch.unavailable, batch.degraded) == ((), (), False)
        assert [(one.quantity, one.error, one.message) for one in batch.faults] == [
            ("temperature", "BeyondRange", str(HOT)),
            ("humidity", "BeyondRange", str(FAR)),
        ]
        assert (sensor.breaker.failure_count, batch.faults[0].attempts) == (0, 1)
        document = state_of(sensor)
        assert (document["degraded"], document["unavailableSensors"]) == (False, [])
        assert document["sensors"]["s1"] | {"timestamp": 0} == {
            "status": "beyond_range",
            "timestamp": 0,
            "temperature": None,
            "humidity": None,
        }

    def test_beside_values_that_are_well_is_null_in_a_partial_state_that_is_not_degraded(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=FAR)
            return (await house.rounds(1))[0], house.sensors[0]

        batch, sensor = play(runner, story, (1,))
        assert (told(batch), batch.degraded) == ({"temperature": "ok"}, False)
        assert (sensor.present.status, sensor.present.degraded) == ("partial", False)

    def test_beside_a_part_that_failed_is_degraded_for_that_part(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=HUMID, temperature=HOT)
            return (await house.rounds(1))[0], house.sensors[0].present

        batch, present = play(runner, story, (1,))
        assert (batch.readings, batch.unavailable, batch.degraded) == ((), (), True)
        assert (present.status, present.degraded, present.error) == ("partial", True, "InvalidReading")

    @pytest.mark.parametrize("fallback", ["last", "sensor:s2"])
    def test_is_replaced_by_nothing(self, runner, fallback):
        async def story(house):
            await house.rounds(1)
            partly(house.sensors[0], humidity=FAR, temperature=HOT)
            return (await house.rounds(1))[0]

        assert told(play(runner, story, fallback=fallback)) == {}

    def test_is_the_same_where_a_driver_raises_it_for_all(self, runner):
        async def story(house):
            def measure():
                raise FAR

            house.sensors[0].chip.measure = measure
            return (await house.rounds(5))[-1], house.sensors[0]

        batch, sensor = play(runner, story, (1,))
        assert {one.quantity for one in batch.faults} == {"temperature", "humidity"}
        assert (batch.degraded, sensor.breaker.failure_count, sensor.present.status) == (False, 0, "beyond_range")

    def test_is_told_at_once_when_it_comes_back_into_range(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=FAR, temperature=HOT)
            await house.rounds(30)
            heal(house.sensors[0])
            return (await house.rounds(1))[0]

        assert told(play(runner, story, (1,))) == {"temperature": "ok", "humidity": "ok"}

    def test_is_no_news_for_the_log(self, runner, caplog):
        async def story(house):
            partly(house.sensors[0], humidity=FAR)
            await house.rounds(2)
            heal(house.sensors[0])
            await house.rounds(2)

        with caplog.at_level(logging.INFO, "limpet.sensor"):
            play(runner, story, (1,))
        assert not caplog.records


class TestAPartThatFailsOtherwiseThanBefore:
    def test_is_another_outage_when_it_was_only_beyond_its_range(self, runner):
        async def story(house):
            partly(house.sensors[0], humidity=FAR)
            await house.rounds(3)
            partly(house.sensors[0], humidity=HUMID)
            return (await house.rounds(1))[0]

        assert play(runner, story, (1,)).faults[0].since == pytest.approx(30.0, abs=0.1)

    def test_is_gone_while_all_of_the_sensor_is(self, runner):
        async def story(house):
            one = house.sensors[0]
            partly(one, humidity=HUMID)
            await house.rounds(1)
            _, faults = one.conclusions.of(Outcome(error=BusError("x"), attempts=3), 10.0)
            return faults, one.present

        faults, present = play(runner, story, (1,))
        assert [(one.quantity, one.error) for one in faults] == [(None, "BusError")]
        assert present.status == "unavailable"


class TestACalibrationThatOverflows:
    @pytest.mark.parametrize(("scale", "offset"), [(1e308, 0.0), (-1e308, 0.0), (1e308, 1e308), (10**400, 0.0)])
    def test_is_a_fault_of_its_quantity_and_never_infinite(self, runner, scale, offset):
        async def story(house):
            return (await house.rounds(1))[0], house.sensors[0]

        batch, sensor = play(runner, story, (1,), calibrate={"temperature": (scale, offset)})
        assert told(batch) == {"humidity": "ok"}
        (fault,) = batch.faults
        assert (fault.quantity, fault.error, fault.attempts) == ("temperature", "InvalidReading", 1)
        assert "calibrate" in fault.message
        assert sensor.breaker.failure_count == 0

    def test_of_all_that_there_is_leaves_the_sensor_unavailable(self, runner):
        async def story(house):
            return (await house.rounds(1))[0]

        both = {"temperature": (1e308, 0.0), "humidity": (1e308, 0.0)}
        batch = play(runner, story, (1,), calibrate=both)
        assert batch.unavailable == ("s1",)
        assert {one.quantity for one in batch.faults} == {"temperature", "humidity"}
