"""When the machine's wall time is trusted, and how a moment is written."""

import time

import pytest

from agent import clock


@pytest.mark.parametrize(
    ("wall", "timesyncd", "file", "synced"),
    [
        pytest.param(0.0, True, True, False, id="a date before this project is not"),
        pytest.param(1.8e9, True, True, True, id="what timesyncd has set is"),
        pytest.param(1.8e9, True, False, False, id="what timesyncd has not set yet is not"),
        pytest.param(1.8e9, False, False, True, id="a plausible date without timesyncd is"),
    ],
)
def test_wall_time_is_trusted(tmp_path, monkeypatch, wall, timesyncd, file, synced):
    monkeypatch.setattr(time, "time", lambda: wall)
    monkeypatch.setattr(clock, "SYNCHRONIZED", tmp_path / "synchronized")
    monkeypatch.setattr(clock, "_timesyncd_runs", lambda: timesyncd)
    if file:
        (tmp_path / "synchronized").touch()
    assert clock.Clock().synced() is synced


def test_milliseconds_are_rounded_and_carried_into_the_second():
    assert clock.rfc3339(1_800_000_000.9996) == "2027-01-15T08:00:01.000Z"
