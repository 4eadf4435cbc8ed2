"""The fleet: while each of its servers and workers is killed, nothing is missing and nothing twice; and the storm."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent import config

FLEET = Path(__file__).parents[2] / "deploy" / "fleet"


def module(name: str):
    found = importlib.util.spec_from_file_location(name, FLEET / f"{name}.py")
    made = importlib.util.module_from_spec(found)
    sys.modules[name] = made
    found.loader.exec_module(made)
    return made


@pytest.mark.longest(300)
def test_nothing_is_missing_and_nothing_twice_while_each_is_killed_in_turn():
    from engines import postgres_programs

    for name in ("psycopg", "nats"):
        pytest.importorskip(name)
    if shutil.which("nats-server") is None or postgres_programs() is None or sys.platform != "linux":
        pytest.skip("needs nats-server and PostgreSQL, and Linux's loopback")
    done = subprocess.run(
        [sys.executable, FLEET / "prove.py", "--agents", "2", "--workers", "2", "--pause", "3"],
        capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "PYTHONPATH": str(FLEET.parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'undeclared': 0" in done.stdout


class TestTheStorm:
    @pytest.fixture
    def storm(self):
        return module("storm")

    def test_of_a_fleet_is_spread_and_soon_over(self, storm, caplog):
        caplog.set_level("CRITICAL")
        door = storm.ours(500, storm.OUTAGE, storm.FLEET)
        assert len(door.served) == 500
        assert max(door.served) <= 200
        # 150 of 10,000 would be 8 of 500; the rest is what chance adds to so few.
        assert door.peak <= 18
        other = storm.theirs(500, storm.OUTAGE, storm.paho)
        assert other.peak == 500

    def test_has_a_picture_that_loads_nothing_and_shows_what_the_page_says(self):
        svg = (FLEET / "storm.svg").read_text(encoding="utf-8")
        assert svg.count("http") == svg.count("http://www.w3.org/2000/svg") == 1
        page = (FLEET / "README.md").read_text(encoding="utf-8")
        assert "back after 177 s, at most 138 a second" in svg
        assert "| 600 s | limpet, of a fleet | 138 | 177 s |" in page


def test_the_configuration_of_the_image_is_right(tmp_path, monkeypatch):
    from agent.config import machine

    (tmp_path / "serial-number").write_bytes(b"10000000a1b2c3d4\0")
    monkeypatch.setattr(machine, "SERIALS", (tmp_path / "serial-number",))
    settings, mistakes = config.parse((FLEET / "limpet.toml").read_text(encoding="utf-8"))
    assert settings is not None, mistakes
    assert (settings.agent.device_id, settings.mqtt.username) == ("10000000a1b2c3d4",) * 2
    assert settings.mqtt.breaker.max_reset_timeout == module("storm").FLEET
