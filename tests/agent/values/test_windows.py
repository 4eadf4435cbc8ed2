"""Windows: a sensor that is read more often than it is reported, and what a reading says of its samples."""

from __future__ import annotations

import pytest
from stepped import ScriptedChip
from stories import AIR, HEAD, batches, fault, feel, reading, state, tell, until

from agent.acquisition.calibration import Calibration
from agent.acquisition.window import WindowedSensor, _Samples
from agent.model import Reading, Window
from agent.resilience import CircuitBreaker, RetryPolicy
from drivers.errors import BeyondRange

WINDOW = AIR + 'sample = "1s"\nretry = { attempts = 1 }\nbreaker = { failure_threshold = 100 }\n'
DOOR = HEAD + '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 17\nsample = "1s"\n'


def windowed(chip, **more):
    retry, breaker = RetryPolicy(1), CircuitBreaker(100)
    return WindowedSensor(
        "s1", chip, every=10.0, timeout=2.0, breaker=breaker, retry=retry, clock=lambda: 0.0, sample=1.0, **more
    )


def window(document, **more):
    one = reading(document, **more)
    return one and (one["min"], one["max"], one["n"], one["missed"])


class TestAWindow:
    def test_is_the_mean_of_its_samples_with_the_extremes(self, runner):
        async def story(home):
            for second in range(1, 11):
                feel(home, "air", temperature=20.0 + second)
                await until(second + 10 + 0.5)
            await until(25)
            return batches(home)

        first, _, third = tell(runner, WINDOW, story)
        assert (first["trigger"], window(first)[2:]) == ("interval", (1, 0))
        # At 11 s it felt 22 °C, at 20 s it felt 30 °C, and the last one twice: its curve was set after the sample.
        one = reading(third)
        assert (one["status"], one["n"], one["missed"]) == ("ok", 10, 0)
        assert one["min"] < one["value"] < one["max"]
        assert one["value"] == pytest.approx(sum(range(21, 31)) / 10, abs=1.0)

    def test_has_a_batch_for_each_reading_and_none_for_its_samples(self, runner):
        async def story(home):
            await until(65)
            return batches(home)

        found = tell(runner, WINDOW, story)
        assert [one["seq"] for one in found] == list(range(1, 8))
        assert [window(one)[2:] for one in found] == [(1, 0)] + [(10, 0)] * 6

    def test_counts_samples_that_failed_and_stays_ok(self, runner):
        async def story(home):
            await until(12.5)
            fault(home, "unplugged", "air", 3.0)
            await until(25)
            return batches(home)

        *_, last = tell(runner, WINDOW, story)
        assert window(last)[2:] == (7, 3)
        assert (reading(last)["status"], last["degraded"], last["faults"]) == ("ok", False, [])

    def test_of_which_the_end_is_missing_tells_when_its_last_sample_was_taken(self, runner):
        async def story(home):
            await until(14.5)
            fault(home, "unplugged", "air")
            await until(35)
            return batches(home), state(home)

        (_, _, third, fourth), present = tell(runner, WINDOW, story)
        assert window(third)[2:] == (4, 6)
        assert reading(third)["timestamp"] < third["timestamp"]
        assert (fourth["unavailableSensors"], fourth["degraded"]) == (["air"], True)
        assert [one["error"] for one in fourth["faults"]] == ["NoAcknowledge"]
        assert (present["status"], present["temperature"]) == ("unavailable", None)

    def test_without_samples_is_replaced_by_the_last_value(self, runner):
        async def story(home):
            await until(14.5)
            fault(home, "unplugged", "air")
            await until(35)
            return batches(home)

        *_, last = tell(runner, WINDOW + 'fallback = "last"\n', story)
        one = reading(last)
        assert (one["status"], "n" in one) == ("stale", False)
        assert one["age"] == pytest.approx(16.0, abs=0.1)

    def test_without_samples_is_replaced_by_another_sensor(self, runner):
        other = WINDOW + 'fallback = "sensor:wall"\n[[sensor]]\nid = "wall"\ndriver = "sht4x"\naddress = 0x45\n'

        async def story(home):
            await until(10.5)
            fault(home, "unplugged", "air")
            await until(25)
            return batches(home), state(home)

        (*_, last), present = tell(runner, other, story)
        assert (reading(last)["status"], reading(last)["source"]) == ("substituted", "wall")
        assert present["status"] == "substituted"

    def test_has_a_suspect_reading_where_a_sample_lies_outside_of_the_limits(self, runner):
        async def story(home):
            await until(12.5)
            feel(home, "air", temperature=70.0)
            await until(14.5)
            feel(home, "air", temperature=20.0)
            await until(25)
            return batches(home)

        *_, last = tell(runner, WINDOW + "limits = { temperature = [-20, 60] }\n", story)
        one = reading(last)
        assert (one["status"], one["max"]) == ("suspect", pytest.approx(70.0, abs=0.1))
        assert one["reason"].startswith("2 of 10 samples: outside of the limits")
        assert one["value"] < 60

    def test_has_what_is_derived_from_each_sample(self, runner):
        async def story(home):
            await until(25)
            return batches(home)

        *_, last = tell(runner, WINDOW + 'derive = ["dew_point"]\n', story)
        assert window(last, quantity="dew_point")[2:] == (10, 0)

    def test_is_calibrated_sample_by_sample(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0)
            await until(25)
            return batches(home)

        *_, last = tell(runner, WINDOW + "calibrate = { temperature = { points = [[20, 25], [40, 40]] } }\n", story)
        assert [reading(last)[name] for name in ("value", "min", "max")] == pytest.approx([25.0] * 3, abs=0.03)

    def test_of_another_length_has_the_samples_that_were_due_in_it(self, runner):
        async def story(home):
            await until(35)
            return batches(home)

        found = tell(runner, AIR + 'sample = "3s"\n', story)
        # At 0 s; at 3, 6 and 9; at 12, 15 and 18; at 21, 24, 27 and 30.
        assert [window(one)[2:] for one in found] == [(1, 0), (3, 0), (3, 0), (4, 0)]

    def test_as_long_as_the_interval_has_one_sample(self, runner):
        async def story(home):
            await until(25)
            return batches(home)

        assert [window(one)[2:] for one in tell(runner, AIR + 'sample = "10s"\n', story)] == [(1, 0)] * 3


class TestWhatIsBeyondTheRange:
    def story(self, runner, from_sample):
        async def story(home):
            await until(10.5)
            chip = home.agent.assembly.sensors[0].chip
            whole = type(chip).measure
            samples = 0

            def measure():
                nonlocal samples
                samples += 1
                values = yield from whole(chip)
                return {**values, "humidity": BeyondRange("100 % or more")} if samples > from_sample else values

            chip.measure = measure
            await until(25)
            return batches(home)[-1], state(home)

        return tell(runner, WINDOW, story)

    def test_is_no_sample(self, runner):
        last, present = self.story(runner, 4)
        assert window(last, quantity="humidity")[2:] == (4, 6)
        assert (last["faults"], last["degraded"], present["status"]) == ([], False, "ok")

    def test_throughout_a_window_is_told_and_degrades_nothing(self, runner):
        last, present = self.story(runner, 0)
        assert [(one["quantity"], one["error"]) for one in last["faults"]] == [("humidity", "BeyondRange")]
        assert (last["degraded"], present["status"], present["humidity"]) == (False, "partial", None)


class TestTheStateBetweenTwoRounds:
    def test_is_what_was_reported_last(self, runner):
        async def story(home):
            await until(10.5)
            before = state(home)
            feel(home, "air", temperature=55.0)
            await until(15)
            home.agent.reporter.present()
            await until(15.5)
            return before, state(home)

        before, now = tell(runner, WINDOW, story)
        assert now == before


class TestARequestWhileAWindowIsOpen:
    def test_is_answered_with_one_measurement_and_leaves_the_window_open(self, runner):
        async def story(home):
            await until(15.5)
            answer = await home.ask("read", {"sensors": ["air"]})
            shown = state(home)
            await until(25)
            return answer["data"], shown, batches(home)

        answer, shown, found = tell(runner, WINDOW, story)
        assert answer["trigger"] == "request"
        assert "n" not in reading(answer)
        assert shown["temperature"] == reading(answer)["value"]
        assert window(found[-1])[2:] == (10, 0)


class TestASickSensorBeside:
    def test_costs_a_window_no_sample(self, runner):
        text = WINDOW + '[[sensor]]\nid = "wall"\ndriver = "sht4x"\nbus = 2\ntimeout = "3s"\n'

        async def story(home):
            await until(10.5)
            bus = home.machine.buses["i2c-2"]
            bus.faults.add("hang", None, at=bus.clock() - bus.began, lasts=60.0)
            await until(45)
            return batches(home)

        found = tell(runner, text, story)
        assert found[-1]["unavailableSensors"] == ["wall"]
        assert [window(one)[2:] for one in found[1:]] == [(10, 0)] * (len(found) - 1)


class TestACounterOrState:
    def test_is_not_averaged_and_its_edges_come_at_once(self, runner):
        async def story(home):
            await until(12.5)
            feel(home, "door", state=1)
            home.machine.devices["door"].feel()
            await until(13.0)
            early = batches(home)
            await until(25)
            return early, batches(home)

        early, found = tell(runner, DOOR, story)
        event = early[-1]
        assert (event["trigger"], reading(event, "door", "state")["value"]) == ("event", 1)
        assert "n" not in reading(event, "door", "state")
        last = reading(found[-1], "door", "state")
        assert (last["value"], last["min"], last["max"], last["n"]) == (1, 0, 1, 10)


class TestAReload:
    def test_keeps_the_window_of_what_did_not_change_and_begins_anew_with_what_did(self, runner):
        other = '[[sensor]]\nid = "wall"\ndriver = "sht4x"\naddress = 0x45\nsample = "2s"\n'

        async def story(home):
            await until(14.5)
            await home.reload(WINDOW + other)
            await until(25)
            return batches(home)

        *_, last = tell(runner, WINDOW, story)
        assert window(last)[2:] == (10, 0)
        assert window(last, sensor="wall")[2:] == (3, 0)


class TestAWindowAtTheEdges:
    def test_of_huge_numbers_has_a_mean(self, runner):
        async def story(home):
            await until(25)
            return batches(home)

        text = WINDOW + "calibrate = { temperature = { offset = 1.7e308 } }\n"
        assert [reading(one)["value"] for one in tell(runner, text, story)] == [1.7e308] * 3

    def test_without_a_new_measurement_shows_that_which_its_slow_device_shows(self, runner):
        async def story(home):
            await until(40)
            return [one for one in batches(home) if one["timestamp"] > "2027-01-15T08:00:08"]

        text = HEAD + '[[sensor]]\nid = "air"\ndriver = "scd4x"\nevery = "2s"\nsample = "1s"\n'
        found = tell(runner, text, story)
        assert {window(one, quantity="co2")[2:] for one in found} == {(1, 1)}
        assert [one["unavailableSensors"] or one["faults"] for one in found] == [[]] * len(found)
        # It says itself when it was measured.
        assert any("timestamp" in reading(one, quantity="co2") for one in found)

    def test_without_any_sample_has_a_fault(self):
        sensor = windowed(ScriptedChip())
        turn = sensor.turn()
        while turn.step() is not None:
            pass
        sensor.take(0.0, 0.0)
        assert len(sensor.reported(0.0, 0.0)[0]) == 1
        # Where a bus is busy for longer than an interval, nothing was sampled.
        readings, (one,) = sensor.reported(10.0, 10.0)
        assert (readings, one.error, one.quantity) == ((), "NotReady", None)

    def test_has_no_stale_value_that_is_too_old_by_now(self, runner):
        async def story(home):
            await until(10)
            fault(home, "unplugged", "air")
            await until(25)
            return batches(home)[-1]

        # Of 9 s. At 18 s, the last sample, it is not too old yet.
        text = WINDOW.replace('"1s"', '"3s"') + 'fallback = "last"\nmax_age = "10s"\n'
        assert tell(runner, text, story)["unavailableSensors"] == ["air"]

    def test_that_begins_after_a_round_lets_the_round_measure(self, runner):
        async def story(home):
            await until(15)
            await home.reload(AIR + 'sample = "7s"\n')
            await until(35)
            return batches(home)

        # The first samples are due at 21 s and 28 s.
        *_, third, fourth = tell(runner, AIR, story)
        assert (third["degraded"], reading(third)["status"], "n" in reading(third)) == (False, "ok", False)
        assert window(fourth)[2:] == (2, 0)

    def test_has_the_edges_within_its_extremes(self):
        samples = _Samples()
        samples.add(Reading("door", "state", 0), 18.0)
        samples.edge(1)
        (one,) = windowed(ScriptedChip()).conclusions.calibrations
        assert samples.reading(one, 20.0, 1).window == Window(0, 1, 1, 0)
        samples.add(Reading("door", "state", 1), 21.0)
        assert samples.reading(one, 30.0, 1).window == Window(1, 1, 1, 0)

    def test_has_the_last_edge_calibrated_and_judged(self):
        sensor = windowed(ScriptedChip(), calibration=Calibration({"state": (-1.0, 1.0)}, {"state": (0, 0)}))
        turn = sensor.turn()
        while turn.step() is not None:
            pass
        sensor.take(0.0, 0.0)
        sensor.note(Reading("s1", "state", 0), 5.0)
        ((one,), _) = sensor.reported(9.0, 9.0)
        assert (one.value, one.status, one.window) == (1, "suspect", Window(0, 1, 1, 9))
