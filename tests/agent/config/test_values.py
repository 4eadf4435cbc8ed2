"""What is done with a sensor's values in the configuration: each mistake with its line and its cure."""

from __future__ import annotations

import re
from datetime import date

import pytest

from agent import config
from agent.config.bus_load import loads

AIR = '[[sensor]]\nid = "air"\ndriver = "bme280"\n'
PROBE = '[[sensor]]\nid = "probe"\ndriver = "tmp117"\n'
WALL = '[[sensor]]\nid = "wall"\ndriver = "sht4x"\n'
VOTE = '[[sensor]]\nid = "room"\ndriver = "vote"\n'


def told(text: str, today: date | None = None) -> list[str]:
    """Return the mistakes and warnings of a configuration."""
    _, mistakes = config.parse(text, "c.toml", today)
    return [str(one) for one in mistakes]


def sensor(text: str) -> config.SensorConfig:
    settings, mistakes = config.parse(text)
    assert settings is not None, mistakes
    return settings.sensors[0]


def test_everything_is_read():
    one = sensor(
        AIR + 'rate = { temperature = 2 }\nderive = ["dew_point", "sea_level_pressure"]\naltitude = 350\n'
        'sample = "1s"\ndeadband = { temperature = 0.1, dew_point = 1 }\nheartbeat = "10m"\n'
        'calibrate = { temperature = { points = [[99.2, 100.0], [0.1, 0]], due = "2027-05-01", certificate = "K 1" } }'
    )
    assert (one.rate, one.derive, one.sample) == ({"temperature": 2.0}, ("dew_point", "sea_level_pressure"), 1.0)
    assert (one.deadband, one.heartbeat) == ({"temperature": 0.1, "dew_point": 1.0}, 600.0)
    assert (one.derive_altitude, one.period, one.every) == (350.0, 1.0, 10.0)
    assert one.calibrations["temperature"] == (1.0, 0.0, ((0.1, 0.0), (99.2, 100.0)), "2027-05-01", "K 1")


def test_nothing_of_it_is_there_by_default():
    one = sensor(AIR)
    assert (one.rate, one.derive, one.sample, one.deadband, one.heartbeat) == ({}, (), None, {}, 300.0)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        # calibration
        ("calibrate = { temperature = { points = [] } }", "calibrate.temperature.points: an empty list where points"),
        ("calibrate = { temperature = { points = [[1]] } }", "calibrate.temperature.points: is not two numbers"),
        ("calibrate = { temperature = { points = [[1, 'a']] } }", "points: a text where a number belongs"),
        ("calibrate = { temperature = { points = [[1, 2], [1, 3]] } }", "points: 1 is measured at two points"),
        ("calibrate = { temperature = { points = [[1, 2], [2, 4], [3, 3]] } }", "points: the true values turn back"),
        ("calibrate = { temperature = { points = [[1, 2], [2, 2]] } }", "points: the true values turn back or stand"),
        ("calibrate = { temperature = { points = [[1, 2]], scale = 2 } }", "points: scale and points exclude each"),
        ("calibrate = { temperature = { points = [[1, 2]], offset = 2 } }", "points: offset and points exclude each"),
        (
            "calibrate = { temperature = { points = [[0, 0], [1e-300, 1e9]] } }",
            "temperature: calibrated, what a bme280",
        ),
        (
            "calibrate = { temperature = { points = [[0, 0], [1e-300, 1]] } }",
            "temperature: warning: calibrated, it tells",
        ),
        (
            "calibrate = { temperature = { points = [[0, -500]] } }",
            "temperature: warning: calibrated, it tells -540 to",
        ),
        ("calibrate = { temperature = { due = '2027-02-30' } }", "calibrate.temperature.due: '2027-02-30' is no day"),
        ("calibrate = { temperature = { due = 2027 } }", "calibrate.temperature.due: a number where a day belongs"),
        ("calibrate = { temperature = { due = 2027-05-01T10:00:00Z } }", "due: a date or time where a day belongs"),
        ("calibrate = { temperature = { certificate = '' } }", "calibrate.temperature.certificate: is empty"),
        ("calibrate = { temperature = { dew = 1 } }", "calibrate.temperature.dew: unknown key"),
        ("calibrate = { dew_point = { offset = 1 } }", "calibrate.dew_point: a bme280 does not measure this"),
        ("calibrate = { dew_point = { offset = 1 } }\nderive = ['dew_point']", "this is derived, not measured"),
        # rate, deadband, heartbeat
        ("rate = { temperature = 0 }", "rate.temperature: 0 is too small"),
        ("rate = { temprature = 1 }", "rate.temprature: a bme280 does not measure this"),
        ("deadband = { temperature = -1 }", "deadband.temperature: -1 is too small"),
        ("deadband = { co2 = 5 }", "deadband.co2: a bme280 does not measure this"),
        ("deadband = { dew_point = 5 }", 'add derive = ["dew_point"], or remove it'),
        ("heartbeat = '5m'", "heartbeat: warning: without a deadband every reading is sent"),
        ("deadband = { temperature = 1 }\nheartbeat = '10s'", "heartbeat: warning: a heartbeat of 10s sends every"),
        ("deadband = { temperature = 1 }\nevery = '10m'", "deadband: warning: a heartbeat of 5m sends every reading"),
        # derive
        ("derive = ['dewpoint']", 'derive: "dewpoint" is not known here'),
        ("derive = ['dew_point', 'dew_point']", "derive: dew_point is there twice"),
        ("derive = ['sea_level_pressure']", "derive: sea_level_pressure needs the altitude"),
        ("altitude = 300", "altitude: warning: nothing here needs it"),
        # sample
        ("sample = '1ms'", "sample: 1ms is less than 10ms"),
        ("sample = '20s'", "sample: a sample every 20s is less often than a reading every 10s"),
        ("sample = '10s'", "sample: warning: with one sample a reading there is nothing to average"),
        ("sample = '20ms'", "sample: warning: 3 attempts of up to 50ms can take"),
    ],
)
def test_a_mistake_is_told_with_line_and_cure(line, says):
    found = told(AIR + line.replace("'", '"') + "\n")
    (one,) = [one for one in found if says in one]
    assert re.match(r"c\.toml:[45]: ", one)
    assert all("\n    fix: " in one for one in found)


def test_what_a_sensor_lacks_cannot_be_derived():
    (one,) = told(PROBE + 'derive = ["dew_point"]\n')
    assert one.startswith("c.toml:4: derive: dew_point needs humidity, which a tmp117 does not measure")


def test_samples_that_come_faster_than_the_device_are_a_warning():
    found = told('[[sensor]]\nid = "co2"\ndriver = "scd4x"\nevery = "60s"\nsample = "1s"\n')
    assert any("most samples would be missed" in one for one in found)


@pytest.mark.parametrize(("every", "fix"), [("60s", 'write sample = "7s" or more'), ("7s", "remove sample")])
def test_the_cure_for_samples_that_come_too_fast_is_no_mistake_itself(every, fix):
    found = told(f'[[sensor]]\nid = "co2"\ndriver = "scd4x"\nevery = "{every}"\nsample = "1s"\n')
    assert len([one for one in found if fix in one]) == 2


def test_limits_that_no_value_of_a_curve_can_meet_are_a_warning():
    curve = "calibrate = { temperature = { points = [[0, 1], [50, 51]] } }\n"
    assert told(AIR + curve + "limits = { temperature = [80, 90] }\n") == []
    (one,) = told(AIR + curve + "limits = { temperature = [87, 90] }\n")
    assert "it measures -39 to 86 °C, so every value would be suspect" in one


def test_what_all_members_of_a_vote_derive_is_a_warning_where_the_vote_derives_it_too():
    text = AIR + 'derive = ["dew_point"]\n' + WALL + 'derive = ["dew_point"]\n' + VOTE
    (one,) = told(text + 'options = { of = ["air", "wall"] }\nderive = ["dew_point"]\n')
    assert "derive: warning: a vote measures dew_point here" in one


def test_a_chip_that_takes_an_altitude_keeps_it_beside_what_is_derived():
    text = AIR + 'derive = ["sea_level_pressure"]\naltitude = 350\n'
    assert "altitude" not in sensor(text).arguments()
    assert "altitude" in sensor('[[sensor]]\nid = "co2"\ndriver = "scd4x"\naltitude = 350\n').arguments()


def test_limits_rate_and_deadband_may_be_of_what_is_derived():
    more = "limits = { dew_point = [0, 20] }\nrate = { dew_point = 1 }\ndeadband = { dew_point = 0.5 }\n"
    assert told(AIR + 'derive = ["dew_point"]\n' + more) == []


def test_all_mistakes_of_one_calibration_are_told():
    text = "{ points = [[1, 2], [1, 3], [0]], due = '2027-02-29', certificate = '', scale = 0, low = 1 }".replace(
        "'", '"'
    )
    found = told(AIR + f"calibrate = {{ temperature = {text} }}\n")
    says = [
        "1 is measured",
        "is not two numbers",
        "is no day",
        "is empty",
        "a scale of 0",
        "unknown key",
        "exclude each",
    ]
    assert len(found) == len(says)
    assert all(any(word in one for one in found) for word in says)


def test_all_mistakes_of_one_vote_are_told():
    options = "options = { off = 1, of = ['air', 'wal'], tolerance = { temperature = -1 } }\n".replace("'", '"')
    found = told(AIR + WALL + VOTE + options)
    assert len(found) == 3
    assert all(any(word in one for one in found) for word in ["options.off:", 'no sensor "wal"', "tolerance is"])


def test_all_options_with_values_that_a_driver_does_not_take_are_told():
    first, second = told(VOTE + "options = { of = [5], tolerance = { temperature = -1 } }\n")
    assert "options.of: of is [5]" in first
    assert "options.tolerance: tolerance is" in second


class TestTheLoadOfABus:
    def test_is_that_of_the_samples(self):
        (often,) = loads([sensor(AIR + 'sample = "1s"\n')])
        (seldom,) = loads([sensor(AIR)])
        assert often.share == pytest.approx(10 * seldom.share)

    @pytest.mark.parametrize(("every", "fix"), [("10s", 'write sample = "3s" or more'), ("3s", "remove sample")])
    def test_is_told_at_the_samples_that_are_too_many(self, every, fix):
        dust = f'[[sensor]]\nid = "dust"\ndriver = "pms5003"\nport = "/dev/serial0"\nevery = "{every}"\nsample = "1s"\n'
        (one,) = [one for one in told(dust) if "holds /dev/serial0" in one]
        assert one.startswith("c.toml:6: sample: warning: ")
        assert fix in one

    def test_has_no_part_of_a_vote(self):
        settings, _ = config.parse(AIR + WALL + VOTE + 'options = { of = ["air", "wall"] }\n')
        assert [load.bus for load in loads(settings.sensors)] == ["i2c-1"]


class TestAVote:
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ('of = ["air"]', "options.of: one alone cannot vote"),
            (
                'of = ["air", "wal"]',
                'options.of: there is no sensor "wal" (sensor room)\n    fix: did you mean "wall"?',
            ),
            ('of = ["air", "room"]', "options.of: a vote cannot ask itself"),
            ('of = ["air", "air"]', "options.of: air would vote twice"),
            ('of = ["air", "other"]', "options.of: other is a vote itself (sensor room)\n    fix: name what it asks"),
            ('of = ["air", "door"]', "options.of: no quantity is measured by all of air, door"),
            (
                'of = ["air", "probe"], tolerance = { humidity = 1 }',
                "tolerance.humidity: this is not measured by probe",
            ),
            ('of = ["air", "wall"], tolerance = { temprature = 1 }', "fix: did you mean `temperature`?"),
            ('of = ["air", "wall"], tolerance = { temperature = -1 }', "tolerance"),
            ('of = ["air", "wall"], tolerence = { temperature = 1 }', "fix: did you mean `tolerance`?"),
            ("of = []", "options.of"),
            ('of = "air"', "options.of"),
            ("tolerance = { temperature = 1 }", "options: a vote needs of"),
        ],
    )
    def test_has_its_mistakes_told_at_its_options(self, options, says):
        others = AIR + WALL + PROBE + '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 17\n'
        others += VOTE.replace("room", "other") + 'options = { of = ["air", "wall"] }\n'
        found = told(others + VOTE + f"options = {{ {options} }}\n")
        assert len(found) == 1, found
        assert says in found[0]
        assert found[0].startswith("c.toml:21: "), found

    @pytest.mark.parametrize("line", ['sample = "1s"', 'timeout = "1s"', "retry = { attempts = 2 }", "address = 0x29"])
    def test_has_no_key_of_a_device(self, line):
        found = told(AIR + WALL + VOTE + 'options = { of = ["air", "wall"] }\n' + line + "\n")
        assert len(found) == 1
        assert found[0].startswith("c.toml:11: ")

    def test_knows_what_all_its_members_measure_and_derive(self):
        text = AIR + 'derive = ["dew_point"]\n' + WALL + 'derive = ["dew_point"]\n' + VOTE
        text += 'options = { of = ["air", "wall"], tolerance = { dew_point = 1 } }\nlimits = { humidity = [5, 95] }\n'
        assert told(text) == []
        (one,) = told(text + "rate = { pressure = 1 }\n")
        assert "rate.pressure: a vote does not measure this" in one

    @pytest.mark.parametrize("of", ['["air", 5]', "[5]", '[["air"]]', "[{}]", '"air"', "{}", "[]"])
    def test_that_another_vote_asks_may_have_mistakes_itself(self, of):
        other = VOTE.replace("room", "other") + 'options = { of = ["air", "room"] }\n'
        first, second = told(AIR + VOTE + f"options = {{ of = {of} }}\n" + other)
        assert first.startswith("c.toml:7: options.of: ")
        assert "options.of: room is a vote itself" in second

    def test_may_ask_sensors_that_come_later_in_the_file(self):
        assert told(VOTE + 'options = { of = ["air", "wall"] }\n' + AIR + WALL) == []


class TestACalibrationThatIsDue:
    TEXT = AIR + "calibrate = { temperature = { offset = 0.1, due = 2027-05-01 } }\n"

    def test_is_a_warning_from_the_next_day_on(self):
        assert told(self.TEXT, date(2027, 5, 1)) == []
        (one,) = told(self.TEXT, date(2027, 5, 2))
        assert one.startswith("c.toml:4: calibrate.temperature.due: warning: this calibration was due on 2027-05-01")

    def test_is_told_by_check_and_keeps_no_agent_from_its_start(self, tmp_path, capsys):
        from agent.cli.main import main

        (tmp_path / "c.toml").write_text(self.TEXT.replace("2027", "2020"))
        assert main(["check", "-c", str(tmp_path / "c.toml")]) == 0
        assert "was due on 2020-05-01" in capsys.readouterr().err
