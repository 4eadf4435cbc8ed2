"""Bad days of sensors with windows, deadbands, votes and derived quantities: every promise holds, as others see it."""

from __future__ import annotations

import logging

import pytest

from agent.acquisition.deadband import Deadbands
from agent.config import parse
from agent.simulation.promises import Promise
from agent.simulation.rehearsal import plan, rehearse

CONFIG = """
[agent]
device_id = "greenhouse-1"
every = "5s"
[[sensor]]
id = "air"
driver = "bme280"
sample = "1s"
derive = ["dew_point", "sea_level_pressure"]
altitude = 350
rate = { temperature = 1 }
deadband = { temperature = 0.5, dew_point = 1, pressure = 1, humidity = 2, sea_level_pressure = 1 }
[[sensor]]
id = "wall"
driver = "sht4x"
derive = ["dew_point"]
fallback = "sensor:room"
deadband = { temperature = 0.5, humidity = 1 }
[[sensor]]
id = "room"
driver = "vote"
every = "7s"
options = { of = ["air", "wall", "desk"], tolerance = { temperature = 0.5 } }
deadband = { temperature = 0.5, humidity = 1 }
[[sensor]]
id = "desk"
driver = "sht4x"
address = 0x45
bus = 3
every = "11s"
sample = "700ms"
fallback = "last"
[[sensor]]
id = "door"
driver = "contact"
pin = 17
sample = "500ms"
deadband = { state = 1 }
"""
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL)


def played(seed: int = 0):
    found, mistakes = parse(CONFIG)
    assert found is not None, mistakes
    return rehearse(plan(found, None, HOUR, seed)).report


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_day_breaks_no_promise(seed):
    report = played(seed)
    assert report.findings.violations == []
    shares = {name: one["share"] for name, one in report.document()["sensors"].items()}
    assert shares.keys() == {"air", "wall", "room", "desk", "door"}
    assert all(share > 0.85 for share in shares.values())


def test_a_subscriber_that_would_take_an_old_value_for_the_present_is_noticed(monkeypatch):
    true = Deadbands.applied

    def hasty(self, batch, seq):
        # As if everything that was ever sent had arrived.
        self._waiting.clear()
        return true(self, batch, seq)

    monkeypatch.setattr(Deadbands, "applied", hasty)
    assert Promise.PRESENT in played(1).findings.broken
