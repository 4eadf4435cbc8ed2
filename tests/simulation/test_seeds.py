"""Many seeds, all faults at once: what is promised holds, and every fault was really met."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from faults import CHIPS, CLOCK, CODES, DISK, LINK, PROCESS, Fault, draw, shrink
from game import Verdict, played, settings

SEEDS = int(os.environ.get("LIMPET_SEEDS", "16"))
HOURS = float(os.environ.get("LIMPET_HOURS", "0.6"))
HERE = Path(__file__).parent
PLAYED: dict[int, Verdict] = {}

pytestmark = pytest.mark.longest(max(120.0, SEEDS * HOURS * 10.0))

EFFECTS = ("half-open", "corrected", "unsynced", "gap", "again", "backfill", "lost in a crash")
MUST_BE_MET = (*LINK, *CODES, *DISK, *CHIPS, *CLOCK, *PROCESS, *EFFECTS)


def verdict(runner: Any, seed: int) -> Verdict:
    """Return what came of a seed, played once."""
    if seed not in PLAYED:
        PLAYED[seed] = played(type(runner), seed, HOURS)
    return PLAYED[seed]


def story(runner: Any, seed: int, first: str) -> str:
    """Return the shortest schedule that breaks the same promise."""
    promise = first.partition(": ")[2][:12]

    def fails(schedule: Any) -> bool:
        wrong = played(type(runner), seed, HOURS, schedule).wrong
        return bool(wrong) and wrong[0].partition(": ")[2][:12] == promise

    return "\n".join(map(str, shrink(draw(seed, HOURS * 3600), fails)))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_promise_holds_whatever_happens(runner, seed):
    wrong = verdict(runner, seed).wrong
    if wrong:
        told = "\n".join(wrong)
        pytest.fail(f"seed {seed}{settings(seed).partition('[outbox]')[2]}{story(runner, seed, wrong[0])}\n{told}")


def test_every_fault_was_really_met(runner):
    met = sum((verdict(runner, seed).met for seed in range(SEEDS)), Counter())
    assert [kind for kind in MUST_BE_MET if not met[kind]] == []


def test_a_seed_replays_to_the_last_byte_also_in_another_process(runner):
    environ = {
        **os.environ,
        "PYTHONHASHSEED": "12345",
        "PYTHONPATH": os.pathsep.join(map(str, (HERE.parents[1], HERE.parent, HERE.parent / "agent", HERE))),
    }
    command = [sys.executable, "game.py", "3", str(HOURS)]
    other = subprocess.run(command, cwd=HERE, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert other.stdout.strip() == verdict(runner, 3).digest


def test_a_schedule_that_fails_is_shrunk_to_the_faults_that_matter():
    schedule = draw(1, 7200.0)
    guilty = {schedule[3], schedule[-2]}

    def fails(faults: list[Fault]) -> bool:
        return guilty <= set(faults)

    assert set(shrink(schedule, fails)) == guilty
