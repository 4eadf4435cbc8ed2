"""Scenarios: what is read, and that all mistakes come at once with line and cure."""

import math
from types import SimpleNamespace

import pytest

from agent.config import ConfigError
from agent.simulation.devices import DeviceOnBus
from agent.simulation.devices_off_bus import DeviceOffBus
from agent.simulation.scenario import BEYOND, OF_SENSORS, Scenario, ScenarioFault
from agent.simulation.scenario_file import load, parse
from drivers import open_chip
from drivers.bus import clock
from drivers.errors import BusTimeout
from drivers.fakes import FakeTime, fake_chip

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
[[fault]]
sensor = "dor"
kind = "nac"
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
        "bad-day.toml:19: sensor: there is no sensor 'dor'",
        'bad-day.toml:20: kind: "nac" is not known here',
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


class TestAFaultThatComesAgain:
    HOURLY = ScenarioFault(kind="nack", sensor="air", at=100.0, lasts=10.0, every=3600.0)

    def test_has_its_times(self):
        assert list(self.HOURLY.times(3701.0)) == [(100.0, 110.0), (3700.0, 3710.0)]

    @pytest.mark.parametrize(("at", "there"), [(99.0, False), (100.0, True), (110.0, False), (3705.0, True)])
    def test_is_there_at_each_of_them(self, at, there):
        assert self.HOURLY.active(at) is there

    @pytest.mark.parametrize(
        ("since", "until", "meets"), [(0, 99, False), (0, 101, True), (111, 3699, False), (3709, 7000, True)]
    )
    def test_touches_a_span_in_which_it_comes(self, since, until, meets):
        assert self.HOURLY.touches(since, until) is meets


def test_a_fault_without_an_end_lasts_but_a_blip_of_the_supply_is_over_at_once():
    assert list(ScenarioFault(kind="hang", sensor="air", at=5.0).times(100.0)) == [(5.0, math.inf)]
    assert list(ScenarioFault(kind="power_loss", sensor="air", at=5.0).times(100.0)) == [(5.0, 5.0)]


@pytest.mark.parametrize(("target", "kinds"), BEYOND.items())
def test_broker_disk_and_process_have_their_kinds_and_no_others(target, kinds):
    for kind in kinds:
        assert read(f'[[fault]]\n{target} = true\nkind = "{kind}"').faults[0].target == (target, True)
    assert "cannot suffer" in mistakes(f'[[fault]]\n{target} = true\nkind = "nack"')[0]


@pytest.mark.parametrize(("at", "told"), [(1002.0, True), (1000.2, False)])
def test_a_fault_that_ends_or_begins_while_a_port_is_listened_to_does_so_then(at, told):
    time = FakeTime()
    clock.simulate(time)
    fake = fake_chip("pms5003", clock=time)
    try:
        device = DeviceOffBus(fake, time, "pms5003", "/dev/serial0")
        driver = open_chip("pms5003", **fake.wiring)
        driver.sleep = time.sleep
        device.go_below(driver, time.sleep)
        fault = ScenarioFault(kind="nack", sensor="dust", at=0.0 if told else at, lasts=at if told else None)
        device.play("dust", Scenario(faults=(fault,)))
        fake.sends_at = time.now + 1.0
        if told:
            assert "pm2_5" in driver.read()
        else:
            with pytest.raises(BusTimeout):
                driver.read()
    finally:
        driver.close()
        fake.close()
        clock.simulate(None)
