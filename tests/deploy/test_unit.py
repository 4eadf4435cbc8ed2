"""The unit: systemd finds nothing wrong with it, little is left open, and it says what the agent relies on."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "limpet.service"
EXPOSURE = 1.5  # of 10; units of comparable programs have 9

systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def analyze(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def settings():
    """Return the values of [Service] by key, in order; a key may come several times."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().partition("[Service]")[2].partition("[Install]")[0].splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@systemd
def test_is_exposed_by_at_most_1_5_of_10():
    told = analyze("security", "--offline=true", "--no-pager", UNIT).stdout
    (level,) = re.findall(r"Overall exposure level for limpet.service: (\d+\.\d+)", told)
    assert float(level) <= EXPOSURE


@systemd
def test_has_no_mistake_that_systemd_knows(tmp_path):
    program = tmp_path / "limpet"  # it must exist
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / "limpet.service"
    copy.write_text(UNIT.read_text().replace("/opt/limpet/current/bin/limpet", str(program)))
    done = analyze("verify", "--man=no", copy)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_restarts_for_ever_but_not_with_a_wrong_configuration(settings):
    assert settings["Restart"] == ["always"]
    assert settings["RestartPreventExitStatus"] == ["78"]
    assert "StartLimitIntervalSec=0" in UNIT.read_text()


def test_is_watched_and_told_when_it_is_ready(settings):
    assert settings["Type"] == ["notify"]
    assert settings["WatchdogSec"] == ["30"]


def test_reloads_by_the_signal_that_the_agent_knows(settings):
    assert settings["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_starts_without_a_password_for_only_a_name_without_a_path_may_be_missing(settings):
    (credential,) = settings["LoadCredential"]
    assert credential.startswith("mqtt_password:")
    assert "/" not in credential


def test_leaves_devices_to_a_drop_in_of_groups_that_exist(settings):
    assert "SupplementaryGroups" not in settings
    assert {"char-i2c rw", "char-gpiochip rw"} <= set(settings["DeviceAllow"])
    assert settings["DevicePolicy"] == ["closed"]


def test_leaves_open_what_gpiozero_and_lgpio_need(settings):
    assert "ProcSubset" not in settings  # gpiozero reads /proc/device-tree and /proc/cpuinfo
    assert "PrivateDevices" not in settings
    assert settings["WorkingDirectory"] == ["%t/limpet"]
    assert "LG_WD=%t/limpet" in settings["Environment"]


def test_is_a_unit_file_of_three_sections():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(UNIT)
    assert parser.sections() == ["Unit", "Service", "Install"]
