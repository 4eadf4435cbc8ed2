"""Fake power monitors: a current and a power are felt as what they do to the volts."""

import pytest

from drivers import open_chip
from drivers.fakes import FakeBus, FakeTime, fake_chip

NAMES = ("ina219", "ina226")


@pytest.fixture(params=NAMES)
def pair(request):
    time = FakeTime()
    with FakeBus({0x40: fake_chip(request.param)}, clock=time, wait=time.sleep) as bus:
        chip = open_chip(request.param, bus)
        chip.sleep = time.sleep
        yield bus.chips[0x40], chip


def test_every_quantity_can_be_felt_at_both_ends(pair):
    fake, chip = pair
    for quantity in chip.quantities:
        for value in (quantity.low, 0.0, quantity.high):
            fake.feel(**{quantity.name: value})
            assert chip.read()[quantity.name] == pytest.approx(value, abs=2 * quantity.step), quantity.name


def test_a_power_is_a_current_at_the_present_voltage(pair):
    fake, chip = pair
    fake.feel(bus_voltage=10.0, power=-5.0)
    values = chip.read()
    assert values["bus_voltage"] == pytest.approx(10.0)
    assert values["current"] == pytest.approx(-0.5, abs=1e-3)


def test_the_shunt_may_be_another_one(pair):
    fake, chip = pair
    fake.shunt_ohms = 0.01
    fake.feel(current=2.0)
    assert chip.read()["shunt_voltage"] == pytest.approx(0.02)


@pytest.mark.parametrize("name", NAMES)
def test_feels_a_current_from_the_beginning(name):
    assert fake_chip(name, current=0.5).world["shunt_voltage"] == pytest.approx(0.05)


@pytest.mark.parametrize("name", NAMES)
def test_two_values_that_speak_of_the_same_are_refused(name):
    with pytest.raises(TypeError, match="only one"):
        fake_chip(name).feel(current=1.0, power=3.0)
