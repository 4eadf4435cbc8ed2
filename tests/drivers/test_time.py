"""Time: looked up when it is needed, so that a test may replace `time.sleep` and `time.monotonic` after the imports."""

import time

import pytest

from drivers import open_chip
from drivers.bus.worker import BusWorker
from drivers.fakes import FakeBus, FakeTime, fake_chip
from drivers.pins.edges import Edges


@pytest.fixture
def still(monkeypatch):
    still = FakeTime()
    monkeypatch.setattr(time, "sleep", still.sleep)
    monkeypatch.setattr(time, "monotonic", still)
    return still


def test_a_chip_sleeps_as_time_sleep_says_now(still):
    with FakeBus({0x38: fake_chip("aht20")}) as bus:
        began = still.now
        chip = open_chip("aht20", bus)
        still.sleep(1)
        assert chip.read()["temperature"] == pytest.approx(fake_chip("aht20").world["temperature"], abs=0.01)
        assert still.now - began > 0.08


def test_a_chip_sleeps_as_it_is_told(still):
    with FakeBus({0x38: fake_chip("aht20")}) as bus:
        chip, waited = open_chip("aht20", bus), []
        chip.sleep = lambda seconds: (waited.append(seconds), still.sleep(seconds))
        chip.read()
        assert waited


@pytest.mark.parametrize(
    ("name", "options"), [("dht", {}), ("pulse", {"pin": 5}), ("distance", {"trigger": 23, "echo": 24})]
)
def test_a_driver_s_clock_is_that_of_now(still, name, options):
    assert open_chip(name, **options).clock() == still.now


def test_a_bus_and_its_worker_have_the_clock_of_now(still):
    with FakeBus() as bus:
        assert bus.clock() == BusWorker("i2c-1").clock() == still.now


def test_debouncing_has_the_clock_of_now(monkeypatch):
    edges, still = Edges(lambda: 0, quiet=0.02, most=20), FakeTime()
    monkeypatch.setattr(time, "monotonic", still)
    assert edges.clock() == still.now
