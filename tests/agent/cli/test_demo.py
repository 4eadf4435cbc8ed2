"""`limpet demo`, the real one: a broker, an agent, a subscriber, and trouble on purpose."""

import importlib.util
import itertools
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from agent.cli.main import main
from agent.simulation.demo import ACTS, CYCLE, CYCLES, scenario
from agent.simulation.scenario_file import parse

pytest.importorskip("iotcore")
SENSORS = {"air", "tank", "light", "power", "climate", "door"}


@pytest.fixture(scope="module")
def played() -> list[dict]:
    """Eight batches, as `limpet demo --plain` prints them."""
    command = [sys.executable, "-m", "agent", "demo", "--plain", "--batches", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestTheDemo:
    def test_prints_as_many_batches_as_asked_and_nothing_else(self, played):
        assert len(played) == 8
        assert {batch["deviceId"] for batch in played} == {"demo"}

    def test_shows_good_and_degraded_batches_among_the_first_six(self, played):
        assert {batch["degraded"] for batch in played[:6]} == {True, False}

    def test_loses_nothing(self, played):
        assert sorted(batch["seq"] for batch in played) == list(range(1, 9))

    def test_names_who_is_missing_and_why(self, played):
        degraded = next(batch for batch in played if batch["degraded"])
        assert degraded["unavailableSensors"] == ["tank"]
        assert degraded["faults"][0]["error"] == "NoAcknowledge"

    def test_reads_all_its_sensors(self, played):
        assert {reading["sensorId"] for reading in played[0]["readings"]} == SENSORS


def test_its_script_is_a_scenario_without_mistakes_in_which_all_acts_follow_each_other():
    part = SimpleNamespace(
        feels=("temperature", "humidity", "a0", "illuminance", "bus_voltage", "shunt_voltage", "state"),
        suffers=("unplugged", "flaky"),
    )
    script = parse(scenario(), "demo", dict.fromkeys(SENSORS, part), {"i2c-2": SimpleNamespace(suffers=("stuck",))})
    assert len(script.faults) == len(ACTS) * CYCLES
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(ACTS))
    assert ACTS[-1][1] < CYCLE


def test_without_its_broker_it_says_how_to_install_it(mocker, capsys):
    mocker.patch.object(importlib.util, "find_spec", return_value=None)
    assert main(["demo"]) == 1
    assert "pip install iotcore rich" in capsys.readouterr().err
