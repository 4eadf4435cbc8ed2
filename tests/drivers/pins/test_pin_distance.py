"""Distance: echo timing from the edges' time stamps, bounded, truth or an error."""

import pytest

from drivers import open_chip
from drivers.errors import BeyondRange, NoEcho
from drivers.fakes import fake_chip
from drivers.pins.distance import Distance, millimetres


@pytest.fixture
def chip(pins, time):
    Distance.quiet_at = 0.0
    chip = open_chip("distance", trigger=23, echo=24)
    chip.clock, chip.sleep = time, time.sleep
    return chip


@pytest.fixture
def fake(pins):
    return fake_chip("distance", trigger=23, echo=24)


def test_sound_needs_2915_microseconds_there_and_back_for_half_a_metre_at_20_degrees():
    assert millimetres(0.002915, 20.0) == pytest.approx(500, abs=1)
    assert millimetres(0.002915, -10.0) == pytest.approx(474, abs=1)


@pytest.mark.parametrize("mm", [20, 57, 500, 1234, 3999])
def test_reports_what_its_fake_feels(fake, chip, mm):
    fake.feel(distance=mm)
    assert chip.read()["distance"] == pytest.approx(mm, abs=3)


def test_takes_60_ms_whatever_happens(fake, chip, time):
    chip.read()
    fake.suffer("unplugged")
    time.sleep(1)
    began = time.now
    with pytest.raises(NoEcho, match="GPIO24 within 60 ms"):
        chip.read()
    assert time.now - began == pytest.approx(0.06, abs=0.001)


def test_raises_while_the_echo_line_is_stuck_and_works_again(fake, chip):
    chip.read()
    fake.suffer("stuck")
    for _ in range(3):
        with pytest.raises(NoEcho, match="high before the ping"):
            chip.read()
    fake.heal()
    assert chip.read()["distance"] == pytest.approx(800, abs=3)


def test_an_echo_that_never_ends_is_none(fake, chip, pins):
    chip.read()
    pins.pin(23).ping = lambda: pins.drive(24, 1)
    with pytest.raises(NoEcho, match="never ended"):
        chip.read()


def test_nothing_in_range_is_an_answer(fake, chip):
    fake.feel(distance=9000)
    with pytest.raises(BeyondRange, match="4000 mm or more; nothing is in range"):
        chip.read()
    assert chip.known


@pytest.mark.parametrize("seconds", [0.038, 0.1, 0.2])
def test_a_board_that_holds_its_line_high_where_nothing_is_in_range_answers(fake, chip, time, pins, seconds):
    """The edges come while it waits, with the time stamps of the kernel."""
    chip.read()
    began = []

    def ping():
        began.append(time.now)
        pins.pin(24).drive(1, 5.0)

    def sleep(wait):
        time.now += wait
        if began and time.now >= began[-1] + seconds:
            pins.pin(24).drive(0, 5.0 + seconds)

    pins.pin(23).ping, chip.sleep = ping, sleep
    for _ in range(2):
        with pytest.raises(BeyondRange, match="nothing is in range"):
            chip.read()


def test_nearer_than_it_can_measure_is_an_answer(fake, chip):
    fake.feel(distance=3)
    with pytest.raises(BeyondRange, match="20 mm or less"):
        chip.read()


def test_two_sensors_do_not_hear_each_others_ping(pins, time, fake, chip):
    other = open_chip("distance", trigger=20, echo=21)
    other.clock = time
    first, second = chip.reading(), other.reading()
    assert next(first) == pytest.approx(10e-6)
    assert next(second) == pytest.approx(0.06)
    first.close()
    second.close()


@pytest.mark.parametrize(
    "options", [{"trigger": 4, "echo": 4}, {"trigger": 4, "echo": None}, {"trigger": 4, "echo": 5, "temperature": 900}]
)
def test_refuses_a_wrong_option_when_it_is_made(options):
    with pytest.raises(ValueError, match=r"echo|temperature"):
        open_chip("distance", **options)


def test_frees_both_pins(fake, chip):
    chip.read()
    chip.close()
    assert open_chip("contact", pin=24).read()["state"] in (0, 1)
    assert open_chip("contact", pin=23).read()["state"] in (0, 1)
