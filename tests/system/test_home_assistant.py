"""Home Assistant itself, where home_assistant.sh has installed it: what it makes of discovery, and of history."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from home_assistant_rig import HISTORY, HomeAssistant
from true_device import SENSORS, Device, free_port, wait

VENV = os.environ.get("LIMPET_HOME_ASSISTANT", "")
pytestmark = [
    pytest.mark.skipif(not VENV, reason="takes a minute and a venv of its own: sh tests/system/home_assistant.sh"),
    pytest.mark.skipif(shutil.which("mosquitto", path="/usr/sbin:/usr/bin") is None, reason="no mosquitto"),
]
AIR = "sensor.greenhouse_1_air_temperature"
LIGHT = "sensor.greenhouse_1_light_illuminance"
TROUBLE = """
[[weather]]
sensor = "tank"
distance = { mean = 9000.0, swing = 0.0, period = "1m" }
[[fault]]
at = "0s"
sensor = "light"
kind = "unplugged"
"""


@pytest.fixture(scope="module")
def broker():
    port = free_port()
    words = [shutil.which("mosquitto", path="/usr/sbin:/usr/bin"), "-p", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def home(broker, tmp_path_factory):
    home = HomeAssistant(Path(VENV), tmp_path_factory.mktemp("home"))
    try:
        home.start()
        home.onboard()
        home.connect(broker)
        yield home
    finally:
        home.stop()


@pytest.fixture
def device(home, broker, tmp_path):
    device = Device(tmp_path, broker)
    yield device
    device.stop()
    device.configure("", discovery=False)
    device.start()
    wait(lambda: not home.states())
    device.stop()


def on(device, home):
    """Start the device and wait until Home Assistant has its first values."""
    device.start()
    wait(lambda: home.state(AIR) not in (None, "unknown", "unavailable"))


def registered(home):
    """Return what the entity registry has of ours, by entity id."""
    listed = home.ask("config/entity_registry/list")
    return {one["entity_id"]: one for one in listed if one["unique_id"].startswith("limpet/greenhouse-1/")}


def test_every_quantity_is_an_entity_with_unit_class_and_digits(home, device):
    on(device, home)
    states = home.states()
    seen = {name: (one["attributes"].get("unit_of_measurement"), one["attributes"].get("device_class"))
            for name, one in states.items()}  # fmt: skip
    assert seen[AIR] == ("°C", "temperature")
    assert seen["sensor.greenhouse_1_air_pressure"] == ("hPa", "atmospheric_pressure")
    assert seen["sensor.greenhouse_1_breath_co2"] == ("ppm", "carbon_dioxide")
    assert seen[LIGHT] == ("lx", "illuminance")
    assert states["binary_sensor.greenhouse_1_door_state"]["state"] in ("on", "off")
    options = home.ask("config/entity_registry/get", entity_id=AIR)["options"]
    assert options["sensor"]["suggested_display_precision"] == 2
    assert len(states) == len(registered(home))


def test_only_what_cannot_be_told_is_unavailable_and_it_comes_back(home, device):
    on(device, home)
    device.play(TROUBLE)
    wait(lambda: home.state(LIGHT) == home.state("sensor.greenhouse_1_tank_distance") == "unavailable")
    assert home.state("binary_sensor.greenhouse_1_degraded") == "on"
    assert float(home.state(AIR)) > 0
    wait(lambda: home.state("binary_sensor.greenhouse_1_breaker_light") == "on")
    # Nothing in range is not a fault of the sensor.
    assert home.state("binary_sensor.greenhouse_1_breaker_tank") == "off"
    device.play("")
    wait(lambda: float(home.state("sensor.greenhouse_1_tank_distance").replace("unavailable", "0")) > 0)


def test_a_device_that_is_gone_is_unavailable(home, device):
    on(device, home)
    device.stop()
    wait(lambda: {one["state"] for one in home.states().values()} == {"unavailable"})


def test_breakers_outbox_and_clock_are_diagnostic(home, device):
    on(device, home)
    diagnostic = {name for name, one in registered(home).items() if one["entity_category"] == "diagnostic"}
    states = home.states()
    assert "sensor.greenhouse_1_outbox_waiting" in diagnostic
    assert "binary_sensor.greenhouse_1_clock" in diagnostic
    assert {name for name in states if "_breaker_" in name} <= diagnostic
    assert {states[name]["attributes"].get("device_class") for name in states if "_breaker_" in name} == {"problem"}
    assert AIR not in diagnostic


def test_the_button_asks_for_a_reading(home, device, broker):
    on(device, home)
    words = ["mosquitto_sub", "-p", str(broker), "-t", "limpet/greenhouse-1/response/read", "-C", "1", "-W", "15"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as asking:
        time.sleep(0.5)
        home.post("/api/services/button/press", {"entity_id": "button.greenhouse_1_read_now"})
        answer = json.loads(asking.communicate()[0])
    assert answer["status"] == "ok"


def test_home_assistant_that_starts_again_has_the_present_at_once(home, device):
    on(device, home)
    home.stop()
    home.start()
    wait(lambda: home.state(AIR) not in (None, "unknown", "unavailable"), 60)


def test_a_sensor_that_is_removed_leaves_nothing_behind(home, device):
    on(device, home)
    assert LIGHT in registered(home)
    device.configure(SENSORS.replace('id = "light"', 'id = "lamp"'))
    device.reload()
    wait(lambda: home.state("sensor.greenhouse_1_lamp_illuminance"))
    wait(lambda: LIGHT not in registered(home) and LIGHT not in home.states())
    assert "binary_sensor.greenhouse_1_breaker_light" not in registered(home)
    device.stop()
    device.configure()
    device.start()
    wait(lambda: home.state(LIGHT))
    wait(lambda: "sensor.greenhouse_1_lamp_illuminance" not in registered(home))


def test_discovery_that_is_switched_off_leaves_no_device(home, device):
    on(device, home)
    device.stop()
    device.configure(discovery=False)
    device.start()
    wait(lambda: not registered(home) and not home.states())
    names = {one["name"] for one in home.ask("config/device_registry/list")}
    assert "greenhouse-1" not in names


@pytest.mark.parametrize("form", ["batch", "block"])
def test_history_fills_the_hole_in_the_statistics(home, device, broker, tmp_path, form):
    on(device, home)
    device.stop()
    words = [home.python, HISTORY, "--host", "127.0.0.1", "--port", str(broker), "--url", home.url, "--every", "1"]
    environ = {**os.environ, "HASS_TOKEN": home.token}
    with subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as bringing:
        try:
            wait((tmp_path / "limpet-history.db").exists)
            device.configure(more=f'[outbox]\nbackfill_format = "{form}"\n', port=free_port())
            device.start('[[weather]]\nsensor = "air"\ntemperature = { mean = 7.5, swing = 0.0 }', hours_ago=30.0)
            time.sleep(7)
            device.stop()
            device.configure(more=f'[outbox]\nbackfill_format = "{form}"\n')
            device.start(hours_ago=26.0)
            row = wait(lambda: at(home, 30.0))
        finally:
            bringing.terminate()
    assert row["mean"] == pytest.approx(7.5, abs=0.1)
    assert row["min"] <= row["mean"] <= row["max"]
    assert home.ask("recorder/validate_statistics") == {}


def at(home, hours_ago):
    """Return the statistics of air temperature in an hour of the past."""
    start = (time.time() - hours_ago * 3600) // 3600 * 3600
    asked = {"start_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)), "period": "hour"}
    found = home.ask("recorder/statistics_during_period", statistic_ids=[AIR], **asked)
    return next((one for one in found.get(AIR, []) if one["start"] == start * 1000), None)


def test_home_assistant_has_complained_about_nothing_of_ours(home):
    log = home.log.read_text()
    assert "components.mqtt" not in log
    assert "components.recorder" not in log
