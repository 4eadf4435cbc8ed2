"""A driver says how long its longest reading takes, so that a short interval leaves it that time."""

from __future__ import annotations

import pytest

from agent.config import parse
from drivers.catalog import find, names
from drivers.fakes import FakeBus, FakeTime, fake_chip

# Seconds: what takes no longer fits into every interval that makes sense for a chip.
SHORT = 0.1
# Slow chips have their time over several rounds.
SLOW = 2.0
ON_I2C = [name for name in names() if find(name).addresses and find(name).takes <= SLOW]


@pytest.mark.parametrize("name", ON_I2C)
def test_a_first_reading_has_time_enough_where_the_interval_is_short(name: str) -> None:
    time, kind = FakeTime(), find(name)
    bus = FakeBus({kind.addresses[0]: fake_chip(name)}, clock=time, wait=lambda seconds: time.sleep(seconds or 0.0))
    began = time.now
    time.run(kind(bus, kind.addresses[0]).reading())
    took = time.now - began
    config, mistakes = parse(f'[agent]\nevery = "1s"\n[[sensor]]\nid = "it"\ndriver = "{name}"\n')
    assert config is not None, mistakes
    assert took <= max(config.sensors[0].timeout, SHORT)
