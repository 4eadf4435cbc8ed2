"""Rates: what moves faster than it can is suspect, a peak once and a step once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stories import AIR, HEAD, batches, fault, feel, reading, tell, until

from agent.acquisition.calibration import Calibration
from agent.acquisition.history import SensorHistory
from drivers.chip import Quantity

RATE = AIR.replace('"10s"', '"1s"') + "rate = { temperature = 2.0 }\n"


def statuses(runner, *values, text=RATE):
    """Return the statuses of readings of these temperatures, a second apart."""

    async def story(home):
        for number, value in enumerate(values):
            await until(5.5 + number)
            feel(home, "air", temperature=value)
        await until(5.5 + len(values) + 0.2)
        return [reading(one) for one in batches(home)][-len(values) :]

    # The first value is there before the readings that count.
    found = tell(runner, text, story)
    return [one["status"] for one in found], found


class TestARate:
    def test_lets_slow_moves_pass(self, runner):
        assert statuses(runner, 20, 21.5, 23, 24.5, 23)[0][1:] == ["ok"] * 4

    def test_makes_a_faster_one_suspect_and_says_how_fast(self, runner):
        found, readings = statuses(runner, 20, 20, 40)
        assert found[1:] == ["ok", "suspect"]
        assert readings[-1]["reason"].endswith("°C/s, faster than 2 °C/s")

    def test_believes_a_step_that_stays(self, runner):
        assert statuses(runner, 20, 20, 40, 40, 40)[0][1:] == ["ok", "suspect", "ok", "ok"]

    def test_does_not_doubt_the_return_from_a_peak(self, runner):
        assert statuses(runner, 20, 20, 40, 20, 20)[0][1:] == ["ok", "suspect", "ok", "ok"]

    def test_is_judged_over_the_time_that_has_passed(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0)
            await until(8.5)
            fault(home, "unplugged", "air", 60.0)
            feel(home, "air", temperature=40.0)
            await until(140)
            return [reading(one) for one in batches(home)]

        assert tell(runner, RATE, story)[-1]["status"] == "ok"

    def test_is_not_exceeded_by_noise_between_a_round_and_a_request(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0)
            await until(8.001)
            feel(home, "air", temperature=20.5)
            return (await home.ask("read", {}))["data"]

        assert reading(tell(runner, RATE, story))["status"] == "ok"

    def test_is_judged_after_the_calibration(self, runner):
        text = RATE + "calibrate = { temperature = { scale = 0.01 } }\n"
        assert statuses(runner, 20, 20, 40, text=text)[0][1:] == ["ok", "ok"]

    def test_doubts_a_peak_of_a_slow_device_in_each_round_that_shows_it(self, runner):
        async def story(home):
            feel(home, "air", co2=600.0)
            await until(60)
            feel(home, "air", co2=3000.0)
            await until(64.9)
            feel(home, "air", co2=600.0)
            await until(75)
            return [reading(one, quantity="co2") for one in batches(home)]

        text = HEAD + '[[sensor]]\nid = "air"\ndriver = "scd4x"\nevery = "2s"\nrate = { co2 = 5 }\n'
        found = tell(runner, text, story)[-8:]
        # A measurement takes 5 s: each is in two rounds, or three.
        assert {one["status"] for one in found if one["value"] == 3000} == {"suspect"}
        assert len([one for one in found if one["value"] == 3000]) > 1
        assert found[-1]["status"] == "ok"

    def test_holds_for_samples(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0)
            await until(12.5)
            feel(home, "air", temperature=40.0)
            await until(13.5)
            feel(home, "air", temperature=20.0)
            await until(25)
            return reading(batches(home)[-1])

        one = tell(runner, AIR + 'sample = "1s"\nrate = { temperature = 2.0 }\n', story)
        assert one["status"] == "suspect"
        assert one["reason"].startswith("1 of 10 samples: moves by")


@given(st.floats(0.01, 10), st.lists(st.tuples(st.floats(0.1, 100), st.floats(-1, 1)), max_size=30))
def test_whatever_moves_within_its_rate_is_believed(rate, moves):
    quantity = Quantity("t", "°C", step=0.01)
    (one,) = Calibration(rate={"t": rate}).of_each([quantity])
    history, at, value = SensorHistory(), 0.0, 20.0
    for seconds, share in moves:
        at, value = at + seconds, value + share * rate * seconds
        assert history.too_fast(one, value, at, 0.1) is None
        history.good("t", value, at)
