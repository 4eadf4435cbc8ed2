"""One instance for each state folder; and a disk that is ill costs the start a second, not the sampling."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from agent.service.lock import AnotherInstance, InstanceLock

LONG = 10.0  # real seconds after which a thread that has not answered never will


def lock(folder: Path, late=lambda: None) -> InstanceLock:
    return InstanceLock(folder, late)


@pytest.fixture
def stuck(monkeypatch):
    """Let the disk hang until `set()`."""
    comes_back, true = threading.Event(), os.open

    def hangs(*args, **more):
        comes_back.wait(LONG)
        return true(*args, **more)

    monkeypatch.setattr("agent.service.lock.os.open", hangs)
    yield comes_back
    comes_back.set()


def test_a_second_one_is_refused_until_the_first_lets_go(tmp_path):
    first = lock(tmp_path / "state")
    first.acquire()
    with pytest.raises(AnotherInstance, match="state"):
        lock(tmp_path / "state").acquire()
    first.release()
    second = lock(tmp_path / "state")
    second.acquire()
    second.release()


@pytest.mark.parametrize("kind", ["fifo", "folder", "no folder"])
def test_goes_on_without_one_where_there_can_be_none(tmp_path, logged, kind):
    if kind == "fifo":
        os.mkfifo(tmp_path / "lock")
    elif kind == "folder":
        (tmp_path / "lock").mkdir()
    else:
        (tmp_path / "file").touch()
    one = lock(tmp_path / "file" if kind == "no folder" else tmp_path)
    one.acquire()
    one.release()
    assert [line.getMessage() for line in logged("limpet")] == ["state folder cannot be used"]


def test_goes_on_after_a_moment_where_the_disk_hangs(tmp_path, logged, stuck):
    one = lock(tmp_path)
    one.acquire(within=0.01)
    one.release()
    (line,) = logged("limpet")
    assert "did not answer" in line.error


def test_learns_later_that_another_one_runs(tmp_path, monkeypatch, stuck):
    learnt = threading.Event()
    holder = lock(tmp_path)
    stuck.set()
    holder.acquire()
    stuck.clear()
    one = lock(tmp_path, learnt.set)
    one.acquire(within=0.01)
    stuck.set()
    assert learnt.wait(LONG)
    holder.release()
