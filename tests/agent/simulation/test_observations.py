"""What came of a fault, seen from outside."""

from __future__ import annotations

from agent.simulation.observations import Observer, told
from agent.simulation.report import seen
from agent.simulation.scenario import ScenarioFault

BUSES = {"air": "i2c-1", "tank": "i2c-1", "door": "gpio"}


def batch(seq: int, missing: tuple[str, ...] = (), **more: object) -> dict:
    readings = [
        {"sensorId": name, "quantity": "temperature", "value": 1.0, "unit": "°C", "status": "ok"}
        for name in BUSES
        if name not in missing
    ]
    faults = [{"sensorId": name, "error": "NoAcknowledge"} for name in missing]
    document = {"bootId": "run", "seq": seq, "trigger": "interval", "readings": readings, "faults": faults}
    return document | {"unavailableSensors": list(missing)} | more


class TestAFaultOfASensor:
    def observer(self, **more: object) -> Observer:
        return Observer([ScenarioFault(kind="unplugged", sensor="air", at=15.0, lasts=20.0, **more)], BUSES, 100.0)

    def test_is_noticed_by_the_first_batch_that_says_so_and_over_with_the_first_good_one(self):
        observer = self.observer()
        for seq, at in enumerate((10.0, 20.0, 30.0, 40.0, 50.0), 1):
            document = batch(seq, ("air",) if at in (20.0, 30.0, 40.0) else ())
            observer.batch(document, at)
            observer.heard(document, at + 0.1)
        (one,) = observer.comings
        assert (one.began, one.noticed, one.recovered, one.made) == (15.0, 20.0, 50.0, 3)
        assert seen(one) == "unavailable (NoAcknowledge) 3 times"
        assert observer.delivered == {"air": 2, "tank": 5, "door": 5}

    def test_that_comes_between_two_batches_is_never_noticed_and_over_all_the_same(self):
        observer = self.observer()
        for at in (10.0, 40.0):
            observer.batch(batch(1), at)
        (one,) = observer.comings
        assert (one.noticed, one.recovered) == (None, 40.0)
        assert seen(one).startswith("nothing")

    def test_comes_as_often_as_it_says(self):
        observer = self.observer(every=30.0)
        observer.batch(batch(1), 99.0)
        assert [one.began for one in observer.comings] == [15.0, 45.0, 75.0]

    def test_is_not_over_while_another_sensor_of_its_bus_is_silent(self):
        observer = Observer([ScenarioFault(kind="stuck", bus="i2c-1", at=5.0, lasts=1.0)], BUSES, 100.0)
        observer.batch(batch(1, ("tank",)), 10.0)
        observer.batch(batch(2), 20.0)
        (one,) = observer.comings
        assert (one.sensors, one.noticed, one.recovered) == ({"air", "tank"}, 10.0, 20.0)


class TestAFaultOfTheBroker:
    def test_is_noticed_with_the_connection_and_tells_how_batches_came(self):
        observer = Observer([ScenarioFault(kind="down", broker=True, at=5.0, lasts=20.0)], BUSES, 100.0)
        observer.connection(1.0, up=True)
        observer.connection(6.0, up=False)
        for seq in (1, 2, 3):
            observer.batch(batch(seq), seq * 10.0)
        observer.connection(31.0, up=True)
        observer.heard(batch(1, historical=True), 32.0)
        observer.heard(batch(3), 33.0)
        (one,) = observer.comings
        assert (one.noticed, one.recovered) == (6.0, 32.0)
        assert seen(one) == "3 batches: 1 live, 1 later as history, 1 never"


def test_what_is_made_after_the_end_counts_for_nothing_but_recoveries():
    observer = Observer([ScenarioFault(kind="unplugged", sensor="air", at=5.0, lasts=4.0)], BUSES, 15.0)
    observer.batch(batch(1, ("air",)), 10.0)
    observer.batch(batch(2), 20.0)
    observer.heard(batch(2), 20.1)
    assert observer.comings[0].recovered == 20.0
    assert (observer.made, sum(observer.delivered.values())) == (1, 0)


def test_a_value_beyond_its_range_is_an_answer_and_an_unchanged_one_is_there():
    document = batch(1, ("tank",), unchanged=["air.humidity"])
    document["readings"] = []
    document["faults"] += [
        {"sensorId": "door", "error": "BeyondRange", "quantity": "distance"},
        {"sensorId": "air", "error": "InvalidReading", "quantity": "pressure"},
    ]
    assert told(document) == {"air": "partial (InvalidReading)", "tank": "unavailable (NoAcknowledge)", "door": "ok"}


def test_a_run_of_a_minute_has_six_rounds_of_ten_seconds_due():
    assert [Observer([], BUSES, ends).due(10.0) for ends in (60.0, 60.1, 59.9)] == [6, 7, 6]
