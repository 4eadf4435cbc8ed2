"""Pulse: counts are never lost, frequency is over measured time."""

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from drivers import open_chip
from drivers.errors import BusError
from drivers.fakes import fake_chip


@pytest.fixture
def chip(pins, time):
    chip = open_chip("pulse", pin=5)
    chip.clock, chip.sleep = time, time.sleep
    return chip


def test_counts_every_pulse_between_two_readings(chip, pins, time):
    assert chip.read() == {"count": 0, "frequency": 0.0}
    pins.pulse(5, 1234)
    time.sleep(10)
    assert chip.read() == {"count": 1234, "frequency": pytest.approx(123.4)}


def test_divides_by_the_time_that_passed_not_by_the_configured_one(chip, pins, time):
    chip.read()
    pins.pulse(5, 100)
    time.sleep(25)
    assert chip.read()["frequency"] == pytest.approx(4.0)


def test_measures_half_a_second_when_it_is_read_at_once(chip, pins, time):
    chip.read()
    began = time.now
    pins.pulse(5, 5)
    assert chip.read()["frequency"] == pytest.approx(10.0)
    assert time.now - began == pytest.approx(0.5)


def test_reports_the_frequency_its_fake_feels(chip, pins, time):
    fake = fake_chip("pulse", pin=5, frequency=8.0)
    fake.clock = time
    fake._last = time.now
    chip.read()
    fake.feel()
    chip.read()
    time.sleep(1000)
    fake.feel()
    assert chip.read()["frequency"] == pytest.approx(8.0, rel=0.01)


def test_keeps_its_count_over_an_error(chip, pins, mocker):
    chip.read()
    pins.pulse(5, 10)
    mocker.patch.object(type(pins.pin(5)), "_get_state", side_effect=OSError(5, "I/O error"))
    with pytest.raises(BusError):
        chip.read()
    mocker.stopall()
    assert chip.read()["count"] == 10
    pins.pulse(5, 3)
    assert chip.read()["count"] == 13


def test_does_not_count_the_time_it_was_deaf(chip, pins, time, mocker):
    chip.read()
    mocker.patch.object(type(pins.pin(5)), "_get_state", side_effect=OSError(5, "I/O error"))
    with pytest.raises(BusError):
        chip.read()
    mocker.stopall()
    time.sleep(3600)
    chip.setup()
    pins.pulse(5, 10)
    time.sleep(10)
    assert chip.read()["frequency"] == pytest.approx(1.0)


@pytest.mark.parametrize(("edges", "count"), [("rising", 10), ("falling", 10), ("both", 20)])
def test_counts_the_edges_it_is_told_to(pins, time, edges, count):
    chip = open_chip("pulse", pin=5, edges=edges)
    chip.clock, chip.sleep = time, time.sleep
    chip.read()
    pins.pulse(5, 10)
    assert chip.read()["count"] == count


@pytest.mark.parametrize("pull", ["up", "down"])
@pytest.mark.parametrize("first", ["drive_high", "drive_low"])
def test_counts_each_pulse_once_at_whatever_level_the_line_rests(pull, first, time):
    Device.pin_factory = MockFactory()
    chip = open_chip("pulse", pin=5, pull=pull)
    chip.clock, chip.sleep = time, time.sleep
    chip.read()
    pin = Device.pin_factory.pin(5)
    second = "drive_low" if first == "drive_high" else "drive_high"
    for _ in range(10):
        getattr(pin, first)()
        getattr(pin, second)()
    assert chip.read()["count"] == 10
    chip.close()


def test_a_floating_line_rests_low(time):
    assert open_chip("pulse", pin=5, pull="none").edges == "rising"


def test_swallows_bounces_by_the_time_stamps_of_the_edges(pins, time):
    chip = open_chip("pulse", pin=5, edges="rising", bounce="5ms")
    chip.clock, chip.sleep = time, time.sleep
    chip.read()
    pins.pulse(5, 10, 0.01)  # 1 ms apart: the first, and those 5 ms later
    assert chip.read()["count"] == 2
    pins.pulse(5, 10, 1.0)
    assert chip.read()["count"] == 12


@pytest.mark.parametrize("options", [{"edges": "some"}, {"pull": "left"}, {"bounce": "x"}])
def test_refuses_a_wrong_option_when_it_is_made(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        open_chip("pulse", pin=5, **options)
