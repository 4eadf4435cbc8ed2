"""What the page of an agent without sensors is told: devices as rows, and a block that `limpet check` accepts."""

from __future__ import annotations

from agent import config
from agent.cli import scan
from agent.cli.finding import finding


def test_a_simulated_bench_is_found_with_a_block_that_can_be_pasted():
    found = finding(simulate=True)
    assert found["problems"] == []
    bme280 = next(one for one in found["devices"] if "bme280" in one["what"])
    assert (bme280["where"], bme280["address"]) == ("i2c-1", "0x76")
    settings, mistakes = config.parse(f'[agent]\ndevice_id = "pi"\n[web]\nlisten = "127.0.0.1:8080"\n{found["block"]}')
    assert settings is not None, mistakes
    assert "bme280" in {sensor.driver for sensor in settings.sensors}
    assert "[mqtt]" not in found["block"]


def test_a_machine_without_a_bus_is_told_what_enables_it(monkeypatch):
    monkeypatch.setattr(scan, "this_machine", lambda: ([], []))
    found = finding()
    assert "raspi-config" in found["problems"][0]
    assert found["devices"] == []
