"""The scenarios in deploy/scenarios: each is without mistakes, says how it is played, and breaks no promise."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from agent.config import load, parse
from agent.config.kinds import Duration
from agent.simulation.rehearsal import plan, rehearse
from agent.simulation.scenario import KINDS

FOLDER = Path(__file__).parents[3] / "deploy" / "scenarios"
CONFIG = FOLDER / "greenhouse.toml"
SCENARIOS = sorted(file for file in FOLDER.glob("*.toml") if file != CONFIG)
COMMAND = re.compile(r"^#   limpet rehearse .*--scenario (\S+)(?: --for (\S+))?$", re.MULTILINE)


def command(file: Path) -> tuple[str, float]:
    """Return which scenario a file says to play, and for how long."""
    found = COMMAND.search(file.read_text(encoding="utf-8"))
    assert found, "it does not say how it is played"
    return found[1], Duration().read(found[2] or "1d")


def test_there_are_three():
    assert {file.stem for file in SCENARIOS} == {"bad-wire", "dead-broker", "week-in-the-field"}


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_is_read_without_mistakes_for_the_time_that_it_names(file):
    name, seconds = command(file)
    assert name == file.name
    assert plan(load(CONFIG), file, seconds, None).scenario.faults


@pytest.mark.parametrize("file", [file for file in SCENARIOS if "week" not in file.stem], ids=lambda file: file.stem)
def test_is_played_and_breaks_no_promise(file, caplog):
    caplog.set_level(logging.CRITICAL)
    report = rehearse(plan(load(CONFIG), file, command(file)[1], None)).report
    assert report.findings.violations == []
    assert report.document()["faults"]


@pytest.mark.longest(600)
def test_a_week_in_the_field_is_played_and_breaks_no_promise(caplog):
    caplog.set_level(logging.CRITICAL)
    file = FOLDER / "week-in-the-field.toml"
    config = CONFIG.read_text(encoding="utf-8").replace('every = "1m"', 'every = "10m"')
    found, _ = parse(config)
    assert found is not None
    report = rehearse(plan(found, file, command(file)[1], None)).report
    assert report.findings.violations == []
    kinds = [one["kind"] for one in report.document()["faults"]]
    assert kinds.count("power_cut") == 4
    assert kinds.count("flaky") == 10


def test_the_readme_names_each_and_every_kind_of_fault():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{file.name}`" in text for file in SCENARIOS)
    assert all(f"`{kind}`" in text for kind in KINDS)
