"""`limpet status`: the document that a running agent left, for people and as it is."""

import json
import os
import subprocess
import sys
import time

import pytest

from agent.cli import main, status
from agent.service import process

DOCUMENT = {
    "schema": 1,
    "deviceId": "d",
    "timestamp": "2026-11-23T12:00:00.000Z",
    "degraded": True,
    "breakers": {
        "air": {"state": "open", "failures": 3, "retryAfter": 12.0, "since": "2026-11-23T11:58:00.000Z"},
        "broker": {"state": "open", "failures": 9, "retryAfter": 3.0, "since": "2026-11-23T11:50:00.000Z"},
    },
    "sensors": {"air": {"status": "unavailable", "error": "NoAcknowledge: i2c-1", "since": None, "lastOk": None}},
    "broker": {"connected": False, "since": "2026-11-23T11:50:00.000Z", "error": "nobody listens there"},
    "outbox": {"waiting": 7, "bytes": 2100, "oldest": "2026-11-23T11:51:00.000Z", "durability": "outage"},
    "process": {"uptime": 93784.0, "rss": 24_000_000, "cpu": 12.5},
}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return the file of the service on a machine without any other agent."""
    monkeypatch.chdir(tmp_path)
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "LIMPET_CONFIG", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(status, "SERVICE", tmp_path / "run" / "health.json")
    status.SERVICE.parent.mkdir()
    return status.SERVICE


def write(file, document=DOCUMENT, age=0.0):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document))
    os.utime(file, (time.time() - age,) * 2)


def told_by(pid, later=0):
    """Return what a process with this pid says, or one that began so many ticks later."""
    ticks = process.started_ticks(pid)
    return {**DOCUMENT, "process": {**DOCUMENT["process"], "pid": pid, "startedTicks": ticks and ticks + later}}


class TestWithAServiceThatRuns:
    def test_prints_the_very_same_document_as_json(self, machine, capsys):
        write(machine)
        assert main.main(["status", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == DOCUMENT

    def test_tells_people_of_sensors_broker_and_outbox(self, machine, capsys):
        write(machine)
        assert main.main(["status"]) == 0
        out = capsys.readouterr().out
        for words in ("NoAcknowledge: i2c-1", "nobody listens there", "7 batches wait", "1 d 2 h", "24.0 MB"):
            assert words in out

    def test_says_first_what_is_wrong_and_for_how_long(self, machine, capsys):
        breakers = {
            **DOCUMENT["breakers"],
            "bus:i2c-1": {"state": "open", "retryAfter": 5.0, "since": DOCUMENT["timestamp"]},
        }
        sensors = {
            "roof": {"status": "ok", "error": None, "since": None, "lastOk": "2026-11-23T11:59:55.000Z"},
            **DOCUMENT["sensors"],
        }
        more = {"breakers": breakers, "sensors": sensors, "calibration": {"overdue": ["roof"]}}
        write(machine, {**DOCUMENT, **more})
        main.main(["status"])
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "d: up 1 d 2 h, 1 of 2 sensors good, degraded"
        assert lines[1].startswith("broker   away for 10 min: nobody listens there; breaker open, next try in 3 s")
        assert "bus:i2c-1 left alone for 0 s: breaker open, next try in 5 s" in lines
        assert "overdue  calibration of roof" in lines
        assert [line.split()[0] for line in lines[-2:]] == ["air", "roof"]
        assert "5 s ago" in lines[-1]
        assert "T11:5" not in "".join(lines)

    def test_needs_no_configuration_that_this_user_can_read(self, machine, monkeypatch, capsys):
        write(machine)
        monkeypatch.setenv("LIMPET_CONFIG", str(machine))  # no TOML at all
        assert main.main(["status"]) == 0

    def test_stands_a_document_of_which_parts_are_missing(self, machine, capsys):
        write(machine, {"deviceId": "d", "timestamp": "2026-11-23T12:00:00.000Z"})
        assert main.main(["status"]) == 0

    def test_takes_the_agent_that_wrote_last_when_there_are_two(self, machine, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "user"))
        write(machine, age=30.0)
        write(tmp_path / "user" / "limpet" / "health.json", {**DOCUMENT, "deviceId": "mine"})
        main.main(["status", "--json"])
        assert json.loads(capsys.readouterr().out)["deviceId"] == "mine"


class TestWithoutAServiceThatRuns:
    def test_ends_with_1_and_says_so(self, machine, capsys):
        assert main.main(["status", "--json"]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert "not running" in err

    def test_does_not_believe_an_old_document(self, machine, capsys):
        write(machine, age=status.OLD + 5)
        assert main.main(["status"]) == 1
        assert "does not run, or hangs" in capsys.readouterr().err

    def test_does_not_believe_a_process_that_has_ended(self, machine, capsys):
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
            write(machine, told_by(child.pid))
            assert main.main(["status"]) == 0
            child.kill()
            # Not waited for yet, it is a zombie: the kernel keeps its pid, but nothing of it runs.
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            assert main.main(["status"]) == 1
            child.wait()
            assert main.main(["status", "--json"]) == 1
        out, err = capsys.readouterr()
        assert f"not running: process {child.pid} has ended" in err
        assert json.loads(out.splitlines()[-1])["process"]["pid"] == child.pid

    def test_does_not_take_a_later_process_of_the_same_pid_for_it(self, machine, capsys):
        write(machine, told_by(os.getpid(), later=-1))
        assert main.main(["status"]) == 1
        assert "not running" in capsys.readouterr().err

    def test_takes_one_that_runs_before_a_newer_one_that_has_ended(self, machine, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "user"))
        write(machine, told_by(os.getpid()), age=30.0)
        write(tmp_path / "user" / "limpet" / "health.json", told_by(os.getpid(), later=-1))
        assert main.main(["status"]) == 0

    def test_asks_the_simulated_run_only_when_told(self, machine, capsys):
        write(machine.parent / "simulated" / machine.name, {**DOCUMENT, "simulated": True})
        assert main.main(["status"]) == 1
        assert main.main(["status", "--simulate"]) == 0
        assert "d (simulated)" in capsys.readouterr().out

    def test_ends_with_1_for_a_file_that_is_no_document(self, machine, capsys):
        machine.write_text("{")
        assert main.main(["status"]) == 1
        assert str(machine) in capsys.readouterr().err

    def test_ends_with_78_for_a_configuration_that_was_named_and_is_wrong(self, machine, tmp_path):
        (tmp_path / "wrong.toml").write_text("x")
        assert main.main(["status", "-c", str(tmp_path / "wrong.toml")]) == 78


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")]
)
def test_a_duration_is_told_in_two_units(seconds, text):
    assert status.duration(seconds) == text
