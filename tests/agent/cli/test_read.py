"""`limpet read`: one reading through the whole stack."""

import asyncio
import json
import signal
import time

import pytest
from whole import VirtualClock

from agent.acquisition.bus import GuardedBus
from agent.cli.main import main
from agent.cli.read import collect, needed
from agent.config import parse
from agent.simulation.machine import SimulatedMachine
from agent.simulation.worker import LoopWorker
from drivers.chips.bme280 import Bme280
from drivers.errors import BeyondRange, InvalidReading

CONFIG = """
[[sensor]]
id = "air"
driver = "bme280"
[[sensor]]
id = "tank"
driver = "ads1115"
options = { inputs = [0] }
fallback = "sensor:spare"
[[sensor]]
id = "spare"
driver = "ads1115"
address = 0x49
[[sensor]]
id = "door"
driver = "contact"
pin = 17
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    file = tmp_path / "limpet.toml"
    file.write_text(CONFIG)
    monkeypatch.setenv("LIMPET_CONFIG", str(file))
    return file


def test_shows_every_quantity_of_every_sensor_as_a_table(config, capsys):
    assert main(["read", "--simulate"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["SENSOR", "QUANTITY", "VALUE", "UNIT", "STATUS"]
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["air", "temperature"],
        ["air", "pressure"],
        ["air", "humidity"],
        ["tank", "a0"],
    ]
    assert all(line.endswith("ok") for line in lines[1:])


def test_reads_only_the_sensors_that_were_named(config, capsys):
    assert main(["read", "--simulate", "--json", "tank"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(one["sensorId"], one["status"]) for one in document["readings"]] == [("tank", "ok")]
    assert (document["unavailableSensors"], document["degraded"], document["faults"]) == ([], False, [])


def test_a_sensor_that_is_not_there_is_told_with_its_cure(config, capsys):
    config.write_text('[[sensor]]\nid = "boiler"\ndriver = "ds18b20"\ndevice = "28-0000075a1b2c"\n')
    assert main(["read"]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[1].split() == ["boiler", "-", "-", "unavailable"]
    assert told.err.startswith("boiler: ")
    assert "w1-gpio" in told.err or "wiring" in told.err


def test_an_unknown_sensor_is_wrong_usage_with_the_nearest_name(config, capsys):
    assert main(["read", "--simulate", "tnak", "air"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert 'did you mean "tank"?' in told.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_at_once_with_0_while_a_sensor_takes_its_time(config, monkeypatch, number):
    config.write_text('[[sensor]]\nid = "voc"\ndriver = "sgp30"\n')  # 15 s to warm up
    before = signal.getsignal(signal.SIGTERM)
    begin = GuardedBus.begin

    def begin_and_be_ended(*args):
        started = begin(*args)
        asyncio.get_running_loop().call_soon(signal.raise_signal, number)
        return started

    monkeypatch.setattr(GuardedBus, "begin", begin_and_be_ended)
    began = time.monotonic()
    assert main(["read", "--simulate"]) == 0
    assert time.monotonic() - began < 2.0
    signal.signal(signal.SIGTERM, before)


def test_shows_a_part_that_is_missing_beside_the_others_and_says_why(config, capsys, monkeypatch):
    measure = Bme280.measure
    untold = {"humidity": InvalidReading("never converted"), "pressure": BeyondRange("1100 hPa or more")}

    def partly(self):
        return {**(yield from measure(self)), **untold}

    monkeypatch.setattr(Bme280, "measure", partly)
    assert main(["read", "--simulate", "air"]) == 0
    told = capsys.readouterr()
    assert [line.split()[-1] for line in told.out.splitlines()[1:]] == ["ok", "beyond_range", "unavailable"]
    assert "air: InvalidReading: never converted" in told.err


def test_waits_for_a_chip_that_needs_seconds_since_there_is_no_next_round(runner):
    config, _ = parse('[[sensor]]\nid = "co2"\ndriver = "scd4x"\n')

    async def story():
        loop = asyncio.get_running_loop()
        clock = VirtualClock()
        hardware = SimulatedMachine(config, clock=loop.time, worker=lambda name: LoopWorker(name, loop))
        return await collect(hardware, clock, needed(config, ["co2"]), ["co2"])

    batch = runner.run(story())
    assert {one.quantity for one in batch.readings} == {"co2", "temperature", "humidity"}
    assert runner.clock() > 2.0


VALUES = """
[[sensor]]
id = "air"
driver = "bme280"
sample = "1s"
derive = ["dew_point"]
deadband = { temperature = 50 }
[[sensor]]
id = "wall"
driver = "sht4x"
[[sensor]]
id = "room"
driver = "vote"
options = { of = ["air", "wall"] }
"""


class TestWhatIsDoneWithValues:
    def read(self, tmp_path, capsys, *words):
        (tmp_path / "limpet.toml").write_text(VALUES)
        code = main(["read", "-c", str(tmp_path / "limpet.toml"), "--simulate", "--json", *words])
        document = json.loads(capsys.readouterr().out)
        return code, {(one["sensorId"], one["quantity"]) for one in document["readings"]}, document

    def test_shows_in_a_reading_but_a_window_and_a_deadband_do_not(self, tmp_path, capsys):
        code, found, document = self.read(tmp_path, capsys)
        assert code == 0
        assert {("air", "temperature"), ("air", "dew_point"), ("room", "temperature"), ("room", "humidity")} <= found
        assert not any("n" in one for one in document["readings"])

    def test_lets_a_vote_ask_sensors_that_were_not_named(self, tmp_path, capsys):
        code, found, _ = self.read(tmp_path, capsys, "room")
        assert (code, found) == (0, {("room", "temperature"), ("room", "humidity")})
