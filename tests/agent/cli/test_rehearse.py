"""`limpet rehearse`: its exit codes, its two faces, and what it says before it begins."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from agent.cli.main import main
from agent.messages import payloads

CONFIG = """
[agent]
every = "10s"
[[sensor]]
id = "air"
driver = "sht4x"
[[sensor]]
id = "door"
driver = "contact"
pin = 17
"""
DOWN = '[[fault]]\nkind = "down"\nbroker = true\nat = "1m"\nfor = "1m"\n'


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a configuration where it is found, and return its file."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "limpet.toml"
    file.write_text(CONFIG)
    return file


def scenario(config: Path, text: str) -> str:
    file = config.with_name("bad.toml")
    file.write_text(text)
    return str(file)


def test_tells_people_what_went_wrong_and_what_held(config, capsys):
    assert main(["rehearse", "--for", "5m", "--scenario", scenario(config, DOWN)]) == 0
    told = capsys.readouterr().out
    assert "00:01:00  broker: down for 1m  at once" in told
    assert "door    100.00 %" in told
    assert "kept   every batch is delivered" in told
    assert told.endswith("no promise was broken\n")


def test_prints_one_json_document(config, capsys):
    assert main(["rehearse", "--for", "10m", "--json", "--seed", "3"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"faults", "sensors", "promises"}
    assert all(one["kept"] for one in document["promises"])


def test_ends_with_1_when_a_promise_was_broken(config, capsys, monkeypatch):
    true = payloads.encoded_batch
    monkeypatch.setattr(
        payloads, "encoded_batch", lambda *a, **more: true(*a, **more).replace(b'"degraded":false', b'"degraded":true')
    )
    assert main(["rehearse", "--for", "2m", "--scenario", scenario(config, "")]) == 1
    assert "BROKEN what is missing is named" in capsys.readouterr().out


def test_logs_again_afterwards(config, capsys):
    main(["rehearse", "--for", "1m", "--scenario", scenario(config, "")])
    assert logging.root.manager.disable == logging.NOTSET


def test_leaves_no_file(config, tmp_path, capsys):
    main(["rehearse", "--for", "5m"])
    assert [file.name for file in tmp_path.iterdir()] == ["limpet.toml"]


def test_a_scenarios_mistakes_are_told_before_it_begins(config, capsys):
    late = DOWN.replace('"1m"', '"1h"')
    assert main(["rehearse", "--for", "5m", "--scenario", scenario(config, late)]) == 78
    told = capsys.readouterr()
    assert "bad.toml:4: at: it lies after the end: the run takes 5m\n    fix: " in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    "wrong", [["--for", "soon"], ["--for", "-1d"], ["--for", "3s"], ["--seed", "x"], ["--seed", "-1"]]
)
def test_wrong_usage_ends_with_2(config, capsys, wrong):
    with pytest.raises(SystemExit) as caught:
        main(["rehearse", *wrong])
    assert caught.value.code == 2


def test_without_any_sensor_it_says_why_and_ends_with_1(config, capsys):
    config.write_text("[agent]\n")
    assert main(["rehearse"]) == 1
    assert "no sensor is configured" in capsys.readouterr().err
