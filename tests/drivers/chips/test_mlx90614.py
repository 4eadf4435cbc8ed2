"""MLX90614: worked examples below zero, the packet error code as identity, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.mlx90614 import Mlx90614, celsius
from drivers.crc import crc8
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, NotReady, WrongChip

AMBIENT, OBJECT = b"\x06", b"\x07"


def signed_off(command: bytes, low: int, high: int) -> bytes:
    packet = b"\xb4" + command + b"\xb5" + bytes([low, high])
    return bytes([low, high, crc8(packet, start=0, polynomial=0x07)])


def board(ambient: str = "892dd8", seen: str = "f73adf") -> ScriptedBus:
    return ScriptedBus({AMBIENT: bytes.fromhex(ambient), OBJECT: bytes.fromhex(seen)})


@pytest.mark.parametrize(("seen", "expected"), [("f73adf", 28.75), ("ad2702", -70.01), ("d23a30", 28.01)])
def test_reads_the_worked_examples(seen, expected):
    values = on(board(seen=seen), Mlx90614).read()
    assert values["object_temperature"] == pytest.approx(expected, abs=0.005)
    assert values["ambient_temperature"] == pytest.approx(-40.01, abs=0.005)


def test_celsius_of_a_fiftieth_of_a_kelvin():
    assert celsius(1) == pytest.approx(-273.13)


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_refuses_a_device_that_sends_no_packet_error_code(level):
    bus = board()
    bus.constant = level
    with pytest.raises(WrongChip):
        on(bus, Mlx90614).read()


class TestAKnownMlx90614:
    @pytest.fixture
    def bus(self):
        return board()

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Mlx90614)
        chip.read()
        return chip

    def test_refuses_a_damaged_word(self, bus, chip):
        bus.answers[OBJECT] = bytes.fromhex("f63adf")
        with pytest.raises(ChecksumError):
            chip.read()

    def test_tells_its_own_temperature_where_that_of_the_object_carries_the_error_flag(self, bus, chip):
        bus.answers[OBJECT] = signed_off(OBJECT, 0x01, 0x80)
        assert set(chip.read()) == {"ambient_temperature"}
        with pytest.raises(InvalidReading, match="error flag"):
            raise chip.missing["object_temperature"]

    def test_says_what_it_knows_of_an_object_at_the_end_of_its_scale(self, bus, chip):
        bus.answers[OBJECT] = signed_off(OBJECT, 0xFF, 0x7F)
        assert set(chip.read()) == {"ambient_temperature"}
        with pytest.raises(BeyondRange, match=r"382\.19 °C or more"):
            raise chip.missing["object_temperature"]

    def test_tells_nothing_where_its_own_temperature_carries_the_error_flag(self, bus, chip):
        bus.answers[AMBIENT] = signed_off(AMBIENT, 0x01, 0x80)
        with pytest.raises(InvalidReading, match="error flag"):
            chip.read()

    def test_is_not_ready_before_its_first_value(self, bus, chip):
        bus.answers[AMBIENT] = signed_off(AMBIENT, 0, 0)
        with pytest.raises(NotReady):
            chip.read()
        bus.answers[AMBIENT] = bytes.fromhex("892dd8")
        assert chip.read()["object_temperature"] == pytest.approx(28.75)

    @pytest.mark.parametrize("level", [0x00, 0xFF])
    def test_refuses_a_shorted_or_floating_line(self, bus, chip, level):
        bus.constant = level
        with pytest.raises(ChecksumError):
            chip.read()
