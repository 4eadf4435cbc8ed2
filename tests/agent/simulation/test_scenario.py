"""Scenarios: what is read, and that all mistakes come at once with line and cure."""

from types import SimpleNamespace

import pytest

from agent.config import ConfigError
from agent.simulation.devices import DeviceOnBus
from agent.simulation.devices_off_bus import DeviceOffBus
from agent.simulation.scenario import OF_SENSORS, Scenario
from agent.simulation.scenario_file import load, parse

PARTS = {
    "air": SimpleNamespace(feels=("temperature", "humidity"), suffers=DeviceOnBus.suffers),
    "door": SimpleNamespace(feels=("state",), suffers=("unplugged", "hang")),
}


def read(text: str) -> Scenario:
    return parse(text, "bad-day.toml", PARTS, {"i2c-1": SimpleNamespace(suffers=DeviceOnBus.suffers)})


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(one) for one in caught.value.mistakes]


def test_the_contracts_example_is_read():
    scenario = read(
        """
        seed = 7
        [[weather]]
        sensor = "air"
        temperature = { mean = 21.0, swing = 4.0, period = "10m" }
        [[fault]]
        at = "5s"
        for = "20s"
        sensor = "air"
        kind = "unplugged"
        """
    )
    (fault,) = scenario.faults
    curve = scenario.weather["air"]["temperature"]
    assert (scenario.seed, fault.at, fault.lasts, fault.sensor, fault.kind) == (7, 5.0, 20.0, "air", "unplugged")
    assert curve.at(0) == 21.0
    assert curve.at(150) == pytest.approx(25.0)


@pytest.mark.parametrize("kind", OF_SENSORS)
def test_every_kind_of_a_sensor_may_befall_a_chip(kind):
    assert read(f'[[fault]]\nsensor = "air"\nkind = "{kind}"').faults[0].kind == kind


@pytest.mark.parametrize(
    "text",
    [
        'bus = "i2c-1"\nkind = "stuck"',
        'broker = true\nkind = "down"',
        'kind = "clock_step"\nby = "1h"',
        'kind = "clock_step"\nby = "-90s"\nat = 0',
        'sensor = "air"\nkind = "flaky"\nrate = 0.3',
        'sensor = "air"\nkind = "slow"\ndelay = "300ms"\nat = "0s"',
    ],
)
def test_each_kind_takes_its_own_parameters(text):
    assert len(read(f"[[fault]]\n{text}").faults) == 1


def test_all_mistakes_come_at_once_in_the_files_order_with_lines_and_cures():
    found = mistakes(
        """\
seed = -1
[[weather]]
sensor = "air"
temprature = { mean = 3 }
humidity = 45
[[fault]]
sensor = "aier"
kind = "unplugged"
[[fault]]
sensor = "door"
kind = "corrupt"
[[fault]]
kind = "unpluged"
[[fault]]
bus = "i2c-3"
kind = "stuck"
rate = 0.5
"""
    )
    assert [one.splitlines()[0] for one in found] == [
        "bad-day.toml:1: seed: -1 is outside of 0..9223372036854775807",
        "bad-day.toml:4: temprature: air does not feel this",
        "bad-day.toml:5: humidity: a number where a table belongs",
        "bad-day.toml:7: sensor: there is no sensor 'aier'",
        'bad-day.toml:11: kind: door cannot suffer "corrupt"',
        'bad-day.toml:13: kind: "unpluged" is not known here',
        "bad-day.toml:15: bus: no sensor is on i2c-3",
        'bad-day.toml:17: rate: "stuck" has no rate',
    ]
    assert all("\n    fix: " in one for one in found)
    assert 'fix: did you mean "air"?' in found[3]


@pytest.mark.parametrize(
    "text",
    [
        'kind = "stuck"',
        'sensor = "air"\nbus = "i2c-1"\nkind = "nack"',
        'kind = "down"',
        'broker = true\nkind = "hang"',
        'kind = "clock_step"',
        'kind = "clock_step"\nby = "1h"\nsensor = "air"',
        'sensor = "air"\nkind = "slow"\ndelay = "0s"',
        'sensor = "air"\nkind = "flaky"\nrate = 1.2',
        'sensor = "air"\nkind = "nack"\nat = "-1s"',
        'sensor = "air"',
    ],
)
def test_what_does_not_go_together_is_one_mistake(text):
    assert len(mistakes(f"[[fault]]\n{text}")) == 1


def test_no_toml_at_all_is_told_with_its_line():
    assert mistakes("seed = 1\n[[fault]")[0].startswith("bad-day.toml:2: no valid TOML")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "nowhere.toml", PARTS, {})


def test_a_pin_never_claims_faults_of_a_bus():
    fake = SimpleNamespace(senses={"state": 0.0}, kinds=("unplugged", "nack", "frozen"))
    assert not {"wrong_chip", "stuck", "corrupt"} & set(DeviceOffBus(fake, lambda: 0.0, "contact").suffers)
