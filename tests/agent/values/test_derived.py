"""Derived quantities: their formulas, and that they are as doubtful as what they come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import AIR, HEAD, batches, fault, feel, reading, state, tell, until

from agent.acquisition import derived
from agent.acquisition.derived import FORMULAS, Derivation
from agent.config.devices import DERIVED
from agent.model import Reading
from drivers.chip import Quantity
from drivers.errors import BeyondRange, InvalidReading

ALL = AIR + 'derive = ["dew_point", "absolute_humidity", "vapour_pressure_deficit"]\n'
WEATHER = HEAD + '[[sensor]]\nid = "air"\ndriver = "bme280"\nderive = ["sea_level_pressure"]\naltitude = 350\n'


class TestTheFormulas:
    @pytest.mark.parametrize(
        ("celsius", "percent", "right"),
        [(20, 50, 9.27), (25, 60, 16.7), (30, 80, 26.2), (0, 100, 0.0), (-10, 80, -12.8)],
    )
    def test_of_the_dew_point_agree_with_tables(self, celsius, percent, right):
        assert derived.dew_point(celsius, percent, 0) == pytest.approx(right, abs=0.06)

    @pytest.mark.parametrize(("celsius", "grams"), [(0, 4.85), (10, 9.4), (20, 17.3), (30, 30.4)])
    def test_of_the_absolute_humidity_agree_with_tables_of_saturated_air(self, celsius, grams):
        assert derived.absolute_humidity(celsius, 100, 0) == pytest.approx(grams, rel=0.005)

    # FAO irrigation and drainage paper 56, annex 2, table 2.3: saturation vapour pressure in kPa.
    @pytest.mark.parametrize(
        ("celsius", "saturation"), [(1, 0.657), (10, 1.228), (20, 2.338), (30, 4.243), (40, 7.376)]
    )
    def test_of_the_vapour_pressure_deficit_agree_with_the_fao(self, celsius, saturation):
        assert derived.vapour_pressure_deficit(celsius, 0, 0) == pytest.approx(saturation, rel=0.005)
        assert derived.vapour_pressure_deficit(celsius, 40, 0) == pytest.approx(0.6 * saturation, rel=0.005)

    # ISO 2533: pressure at 0, 500, 1000 and 2000 m.
    @pytest.mark.parametrize(("altitude", "pressure"), [(0, 1013.25), (500, 954.61), (1000, 898.75), (2000, 794.95)])
    def test_of_the_pressure_at_sea_level_agree_with_the_standard_atmosphere(self, altitude, pressure):
        assert derived.sea_level_pressure(pressure, altitude) == pytest.approx(1013.25, abs=0.05)

    @given(st.floats(-40, 80), st.floats(0.1, 100))
    def test_have_a_dew_point_below_the_temperature_that_gives_the_same_vapour(self, celsius, percent):
        found = derived.dew_point(celsius, percent, 0)
        assert found <= celsius + 1e-6
        assert derived.vapour_pressure(found) == pytest.approx(
            percent / 100 * derived.vapour_pressure(celsius), rel=1e-6
        )

    @pytest.mark.parametrize(
        ("name", "celsius", "percent"),
        [
            # A calibration can tell less than nothing.
            ("absolute_humidity", 20.0, -0.2),
            ("dew_point", 400.0, 90.0),
            ("dew_point", -273.15, 50.0),
            ("absolute_humidity", -273.15, 50.0),
            ("absolute_humidity", 400.0, 50.0),
            ("vapour_pressure_deficit", -243.12, 50.0),
            ("vapour_pressure_deficit", 1.7e308, 50.0),
        ],
    )
    def test_tell_nothing_beyond_their_range(self, name, celsius, percent):
        values = {"temperature": celsius, "humidity": percent}
        known = {one: Reading("air", one, value, measured=1.0) for one, value in values.items()}
        with pytest.raises(BeyondRange, match=f"^{name}: there is none with temperature of"):
            Derivation((name,)).of(name, known)

    def test_have_no_dew_point_in_dry_air(self):
        with pytest.raises(BeyondRange):
            derived.dew_point(20.0, 0.0, 0)

    def test_are_those_of_the_configuration(self):
        assert {name: tuple(one.sources) for name, one in FORMULAS.items()} == DERIVED


class TestWhatIsDerived:
    def test_stands_beside_what_was_measured_in_batch_state_and_info(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=50.0)
            await until(15)
            info = [one.document for one in home.broker.received if one.name == "info"][-1]
            return batches(home)[-1], state(home), info

        last, present, info = tell(runner, ALL, story)
        values = {one["quantity"]: (one["value"], one["unit"], one["status"]) for one in last["readings"]}
        assert values["dew_point"] == (pytest.approx(9.27, abs=0.05), "°C", "ok")
        assert values["absolute_humidity"] == (pytest.approx(8.65, abs=0.05), "g/m³", "ok")
        assert values["vapour_pressure_deficit"] == (pytest.approx(1.17, abs=0.01), "kPa", "ok")
        assert present["dew_point"] == values["dew_point"][0]
        assert [one["name"] for one in info["sensors"][0]["quantities"]][2:] == list(DERIVED)[:3]

    def test_needs_the_altitude_for_the_pressure_at_sea_level(self, runner):
        async def story(home):
            home.machine.devices["air"].curves.clear()
            home.machine.devices["air"].chip.feel(pressure=971.8)
            await until(15)
            return batches(home)[-1]

        one = reading(tell(runner, WEATHER, story), quantity="sea_level_pressure")
        assert (one["value"], one["unit"]) == (pytest.approx(1013.2, abs=0.3), "hPa")

    def test_is_suspect_where_a_source_is_and_says_which(self, runner):
        async def story(home):
            feel(home, "air", temperature=70.0, humidity=50.0)
            await until(15)
            return batches(home)[-1]

        last = tell(runner, ALL + "limits = { temperature = [-20, 60] }\n", story)
        one = reading(last, quantity="dew_point")
        assert (one["status"], one["reason"]) == ("suspect", "temperature: outside of the limits -20..60")

    def test_has_limits_of_its_own(self, runner):
        async def story(home):
            feel(home, "air", temperature=20.0, humidity=90.0)
            await until(15)
            return batches(home)[-1]

        last = tell(runner, ALL + "limits = { dew_point = [-20, 15] }\n", story)
        assert [reading(last, quantity=name)["status"] for name in ("temperature", "dew_point")] == ["ok", "suspect"]

    def test_is_stale_with_its_sources(self, runner):
        async def story(home):
            await until(12)
            fault(home, "unplugged", "air")
            await until(25)
            return batches(home)[-1]

        last = tell(runner, ALL + 'fallback = "last"\n', story)
        assert {one["quantity"]: one["status"] for one in last["readings"]} == dict.fromkeys(
            ("temperature", "humidity", *list(DERIVED)[:3]), "stale"
        )
        assert last["unavailableSensors"] == []

    def test_is_substituted_with_its_sources(self, runner):
        spare = '[[sensor]]\nid = "wall"\ndriver = "sht4x"\naddress = 0x45\n'

        async def story(home):
            feel(home, "wall", temperature=20.0, humidity=50.0)
            await until(12)
            fault(home, "unplugged", "air")
            await until(25)
            return batches(home)[-1], state(home)

        last, present = tell(runner, ALL + 'fallback = "sensor:wall"\n' + spare, story)
        one = reading(last, quantity="dew_point")
        assert (one["status"], one["source"], one["value"]) == ("substituted", "wall", pytest.approx(9.27, abs=0.05))
        assert present["dew_point"] == one["value"]

    def test_is_unavailable_with_its_sensor(self, runner):
        async def story(home):
            await until(12)
            fault(home, "unplugged", "air")
            await until(25)
            return batches(home)[-1], state(home)

        last, present = tell(runner, ALL, story)
        assert (last["unavailableSensors"], len(last["faults"])) == (["air"], 1)
        assert (present["status"], present["dew_point"]) == ("unavailable", None)


def missing(error, runner):
    """Return the batch and state of an agent whose sensor measures a temperature, but no humidity."""

    async def story(home):
        chip = home.agent.assembly.sensors[0].chip
        whole = type(chip).measure

        def measure():
            values = yield from whole(chip)
            return {**values, "humidity": error}

        chip.measure = measure
        await until(15)
        return batches(home)[-1], state(home)

    return tell(runner, ALL, story)


class TestAMissingSource:
    def test_is_a_missing_part_of_what_is_derived_from_it(self, runner):
        last, present = missing(InvalidReading("sht4x: humidity was never converted"), runner)
        lost = {one["quantity"]: one["error"] for one in last["faults"]}
        assert lost == dict.fromkeys(("humidity", *list(DERIVED)[:3]), "InvalidReading")
        assert (last["degraded"], last["unavailableSensors"]) == (True, [])
        assert (present["status"], present["dew_point"]) == ("partial", None)

    def test_that_is_beyond_its_range_degrades_nothing(self, runner):
        last, present = missing(BeyondRange("sht4x: humidity is 100 % or more"), runner)
        assert {one["error"] for one in last["faults"]} == {"BeyondRange"}
        assert (last["degraded"], present["status"]) == (False, "partial")


def test_dry_air_has_no_dew_point_and_that_is_no_fault(runner):
    last, _ = missing(0.0, runner)
    assert [(one["quantity"], one["error"]) for one in last["faults"]] == [("dew_point", "BeyondRange")]
    assert not last["degraded"]


usual = st.floats(-40, 85)
statuses = st.sampled_from(["ok", "stale", "substituted", "suspect"])


@given(usual, st.floats(0, 100), statuses, statuses)
def test_the_status_is_the_worst_of_the_sources_with_what_belongs_to_it(celsius, percent, first, second):
    more = {"stale": {"age": 7.0}, "substituted": {"source": "wall"}, "suspect": {"reason": "too hot"}, "ok": {}}
    readings = {
        name: Reading("air", name, value, status=status, measured=1.0, **more[status])
        for name, value, status in (("temperature", celsius, first), ("humidity", percent, second))
    }
    try:
        found = Derivation(["dew_point"]).of("dew_point", readings)
    except BeyondRange:
        assert percent == 0 or found_nothing(celsius, percent)
        return
    order = ["stale", "substituted", "suspect", "ok"]
    assert found.status == min((first, second), key=order.index)
    assert (found.age is not None) == (found.status == "stale")
    assert (found.source is not None) == (found.status == "substituted")
    assert (found.reason is not None) == (found.status == "suspect")


def found_nothing(celsius, percent):
    """Return whether the dew point is so low that the formula has none."""
    return percent < 1e-9 or celsius < -200


def test_its_step_is_no_finer_than_its_sources_can_tell():
    coarse = [Quantity("temperature", "°C", step=0.5), Quantity("humidity", "%", step=1.0)]
    fine = [Quantity("temperature", "°C", step=0.001), Quantity("humidity", "%", step=0.001)]
    (rough,), (exact,) = (Derivation(["dew_point"]).quantities(one) for one in (coarse, fine))
    assert (rough.step, exact.step) == (0.5, 0.01)
