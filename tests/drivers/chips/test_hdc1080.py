"""HDC1080: worked examples with a negative one, its kin, what it was left with, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers import open_chip
from drivers.chips.hdc1080 import Hdc1080
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

BOTH, CONFIGURATION, MAKER, DEVICE = b"\x00", b"\x02", b"\xfe", b"\xff"


def board(answer: str = "6666 8000", device: bytes = b"\x10\x50") -> ScriptedBus:
    bus = ScriptedBus({BOTH: bytes.fromhex(answer), MAKER: b"\x54\x49", DEVICE: device}, keeps=2)
    bus.bank[2] = b"\x10\x00"
    return bus


@pytest.mark.parametrize(
    ("answer", "temperature", "humidity"),
    [
        ("6664 8000", 25.994, 50.0),
        ("3e04 4000", -0.03, 25.0),
        ("1744 0ccc", -25.003, 4.999),
        ("9364 e664", 55.0, 90.0),
    ],
)
def test_reads_the_worked_examples(answer, temperature, humidity):
    values = on(board(answer), Hdc1080).read()
    assert values["temperature"] == pytest.approx(temperature, abs=0.006)
    assert values["humidity"] == pytest.approx(humidity, abs=0.004)


@pytest.mark.parametrize(("device", "fits"), [(b"\x10\x50", True), (b"\x10\x00", True), (b"\x22\x60", False)])
def test_knows_its_kin_by_the_number_of_the_device(device, fits):
    bus = board("6664 8000", device)
    if fits:
        assert on(bus, Hdc1080).read()
    else:
        with pytest.raises(WrongChip):
            on(bus, Hdc1080).read()


def test_never_asks_another_device_for_its_manufacturer_which_would_reset_an_htu21d():
    bus = board(device=b"\xff\xff")
    with pytest.raises(WrongChip):
        on(bus, Hdc1080).read()
    assert MAKER not in bus.written


def test_switches_off_a_heater_that_was_left_on():
    time, fake = FakeTime(), fake_chip("hdc1080")
    with FakeBus({0x40: fake}, clock=time, wait=time.sleep) as bus:
        time.sleep(1.0)
        fake.on_write(b"\x02\x30\x00")
        chip = open_chip("hdc1080", bus)
        chip.sleep = time.sleep
        assert chip.read()["temperature"] == pytest.approx(21.5, abs=0.02)


class TestAKnownChip:
    @pytest.fixture
    def bus(self):
        return board("6664 8000")

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Hdc1080)
        chip.read()
        return chip

    def test_waits_as_long_as_both_take(self, bus, chip):
        bus.written.clear()
        chip.waited.clear()
        chip.read()
        assert bus.written == [BOTH, MAKER, BOTH, MAKER, BOTH]
        assert all(wait >= 0.00635 + 0.0065 for wait in chip.waited)

    @pytest.mark.parametrize("byte", range(4))
    @pytest.mark.parametrize("number", range(3))
    def test_tells_the_middle_one_of_three_measurements(self, bus, chip, byte, number):
        right = bytes.fromhex("66648000")
        damaged = bytearray(right)
        damaged[byte] ^= 0x04
        bus.answers[BOTH] = [bytes(damaged) if number == at else right for at in range(3)]
        assert chip.read() == {"temperature": pytest.approx(25.994, abs=0.001), "humidity": 50.0}

    def test_refuses_measurements_of_which_no_two_are_near(self, bus, chip):
        bus.answers[BOTH] = [bytes.fromhex(one) for one in ("66648000", "6a648000", "80006664")]
        with pytest.raises(ChecksumError, match="in a row"):
            chip.read()

    @pytest.mark.parametrize("answer", ["00000000", "00008000", "ffffffff", "66650000", "80000001"])
    def test_refuses_what_is_no_measurement(self, bus, chip, answer):
        bus.answers[BOTH] = bytes.fromhex(answer)
        with pytest.raises(InvalidReading):
            chip.read()

    def test_tells_the_humidity_where_the_temperature_is_beyond_its_scale(self, bus, chip):
        bus.answers[BOTH] = bytes.fromhex("fffc8000")
        assert chip.read() == {"humidity": 50.0}
        assert isinstance(chip.missing["temperature"], BeyondRange)

    def test_says_when_another_chip_stands_in_its_place(self, bus, chip):
        bus.answers[MAKER] = b"\x00\x00"
        with pytest.raises(LostPower):
            chip.read()
