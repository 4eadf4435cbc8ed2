"""Calibration by points, until when it holds, and what `info` and `health` say of it."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import AIR, HEAD, batches, feel, reading, state, tell, until

from agent.acquisition.calibration import on_curve
from agent.config import parse


class TestPoints:
    def test_are_what_is_published(self, runner):
        async def story(home):
            feel(home, "air", temperature=50.0)
            await until(15)
            return reading(batches(home)[-1])

        one = tell(runner, AIR + "calibrate = { temperature = { points = [[0, 1], [100, 201]] } }\n", story)
        assert one["value"] == pytest.approx(101.0, abs=0.03)

    def test_come_before_limits(self, runner):
        async def story(home):
            feel(home, "air", temperature=50.0)
            await until(15)
            return reading(batches(home)[-1])

        text = AIR + "calibrate = { temperature = { points = [[50, 70]] } }\nlimits = { temperature = [0, 60] }\n"
        assert tell(runner, text, story)["status"] == "suspect"

    def test_lie_on_their_curve_and_its_ends_go_on(self):
        curve = ((0.0, 0.0), (10.0, 20.0), (20.0, 30.0))
        assert [on_curve(curve, one) for one in (0, 5, 10, 15, 20, 30, -10)] == [0, 10, 20, 25, 30, 40, -20]

    def test_of_which_there_is_one_are_an_offset(self):
        assert on_curve(((10.0, 11.5),), 20.0) == 21.5


points = st.dictionaries(st.integers(-1000, 1000).map(lambda one: one / 10), st.floats(0.1, 50), min_size=1, max_size=8)


@given(points, st.booleans(), st.floats(-200, 200), st.floats(0.01, 50))
def test_a_curve_passes_through_its_points_and_keeps_the_order_of_what_was_measured(steps, falls, value, further):
    true, curve = 0.0, []
    for measured in sorted(steps):
        true += -steps[measured] if falls else steps[measured]
        curve.append((measured, true))
    for measured, right in curve:
        assert on_curve(curve, measured) == pytest.approx(right, abs=1e-6)
    before, after = on_curve(curve, value), on_curve(curve, value + further)
    assert before > after if falls and len(curve) > 1 else before < after


SMALL = ["scale = 0.001", "points = [[0, 0], [1000, 1]]"]


@pytest.mark.parametrize("small", SMALL)
class TestACalibrationThatMakesSmallNumbers:
    def test_keeps_what_the_chip_can_tell(self, runner, small):
        async def story(home):
            found = []
            for number in range(4):
                feel(home, "air", temperature=20.0 + number / 10)
                await until(8 + 10 * number)
                found.append(state(home)["temperature"])
            return [reading(one)["value"] for one in batches(home)], found

        sent, shown = tell(runner, AIR + f"calibrate = {{ temperature = {{ {small} }} }}\n", story)
        assert [after - before for before, after in pairwise(sent[1:])] == pytest.approx([1e-4] * 2, abs=5e-6)
        # `state` follows what the chip can tell, too.
        assert len(set(shown)) >= 3

    def test_makes_the_accuracy_as_small_and_the_digits_as_many(self, runner, small):
        async def story(home):
            config = home.last("homeassistant/device/limpet_pi/config")
            return json.loads(home.last("limpet/pi/info")), json.loads(config)["components"]["air_temperature"]

        text = AIR + f"calibrate = {{ temperature = {{ {small} }} }}\n[homeassistant]\ndiscovery = true\n"
        info, component = tell(runner, text, story)
        assert info["sensors"][0]["quantities"][0]["accuracy"] == pytest.approx(2e-4)
        assert component["suggested_display_precision"] == 5


class TestACalibrationThatIsDue:
    TEXT = (
        AIR + 'calibrate = { temperature = { offset = 0.1, due = "2026-01-31", certificate = "K-17" }, '
        'humidity = { points = [[10, 11]], due = "2099-12-31" } }\n'
    )

    def documents(self, runner):
        async def story(home):
            return {one.name: one.document for one in home.broker.received if one.name in ("health", "info")}

        return tell(runner, self.TEXT, story)

    def test_is_told_in_health(self, runner):
        assert self.documents(runner)["health"]["calibration"] == {"overdue": ["air.temperature"]}

    def test_stands_in_info_with_its_certificate_beside_the_accuracy(self, runner):
        temperature, humidity = self.documents(runner)["info"]["sensors"][0]["quantities"]
        assert temperature["calibration"] == {"due": "2026-01-31", "certificate": "K-17"}
        assert humidity["calibration"] == {"due": "2099-12-31"}
        assert (temperature["accuracy"], humidity["accuracy"]) == (0.2, 1.8)

    def test_is_nothing_where_there_is_none(self, runner):
        async def story(home):
            found = {one.name: one.document for one in home.broker.received if one.name in ("health", "info")}
            return found["health"]["calibration"], found["info"]["sensors"][0]["quantities"]

        overdue, quantities = tell(runner, HEAD + '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 17\n', story)
        assert overdue == {"overdue": []}
        assert set(quantities[0]) == {"name", "unit", "kind"}

    def test_may_be_written_as_a_date(self):
        settings, _ = parse(AIR + "calibrate = { temperature = { due = 2027-05-01 } }\n")
        assert settings.sensors[0].calibrations["temperature"].due == "2027-05-01"
