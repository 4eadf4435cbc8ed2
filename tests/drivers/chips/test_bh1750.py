"""BH1750: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.bh1750 import Bh1750, lux
from drivers.errors import BeyondRange, ChecksumError, InvalidReading

MEASURE = b"\x20"


@pytest.mark.parametrize(("code", "expected"), [(0x8390, 28066.7), (0x0110, 226.7), (0, 0.0)])
def test_lux(code: int, expected: float) -> None:
    assert lux(code) == pytest.approx(expected, abs=0.05)


def test_clears_the_old_result_before_it_measures_and_waits_for_the_slowest_chip() -> None:
    wire = ScriptedBus({MEASURE: b"\x01\x10"})
    chip = on(wire, Bh1750)
    assert chip.read()["illuminance"] == pytest.approx(226.67, abs=0.01)
    assert wire.written[-4:] == [b"\x01", b"\x07", b"\x01", b"\x20"]
    assert chip.waited == [pytest.approx(0.2)] * 2


def test_measures_once_where_the_light_is_as_it_was() -> None:
    chip = on(ScriptedBus({MEASURE: [b"\x01\x10"] * 4 + [b"\x01\x12"]}), Bh1750)
    chip.read()
    chip.waited.clear()
    assert chip.read()["illuminance"] == pytest.approx(228.33, abs=0.01)
    assert chip.waited == [pytest.approx(0.2)]


def test_measures_again_what_is_unlike_the_light_before() -> None:
    """Of 0x21 in place of 0x20 the result is twice as large."""
    wire = ScriptedBus({MEASURE: [*[b"\x01\x10"] * 4, *[b"\x02\x20"] * 2, *[b"\x01\x11"] * 2, b"\x01\x10"]})
    chip = on(wire, Bh1750)
    chip.read()
    assert chip.read()["illuminance"] == pytest.approx(226.67, abs=0.01)


def test_tells_the_middle_one_of_three_in_light_that_changes() -> None:
    wire = ScriptedBus({MEASURE: [code for code in (b"\x01\x10", b"\x02\x20", b"\x03\x30") for _ in range(2)]})
    assert on(wire, Bh1750).read()["illuminance"] == pytest.approx(2 * 226.67, abs=0.01)


def test_believes_darkness_when_it_comes_twice() -> None:
    chip = on(ScriptedBus({MEASURE: b"\x00\x00"}), Bh1750)
    assert chip.read() == {"illuminance": 0.0}
    assert len(chip.waited) == 2


def test_asks_again_when_power_was_lost_while_it_measured() -> None:
    wire = ScriptedBus({MEASURE: [b"\x00\x00", b"\x00\x00", b"\x01\x10"]})
    assert on(wire, Bh1750).read()["illuminance"] == pytest.approx(226.67, abs=0.01)


def test_measures_bright_light_for_a_shorter_time() -> None:
    bright = [b"\xff\xff", b"\xff\xff", b"\x83\x90", b"\x83\x90"]
    wire = ScriptedBus({MEASURE: bright * 2})
    assert on(wire, Bh1750).read()["illuminance"] == pytest.approx(28066.7 * 69 / 31, abs=0.1)
    assert wire.written[-6:-4] == [b"\x40", b"\x7f"]  # 31


def test_reads_a_chip_that_refuses_another_measurement_time() -> None:
    wire = ScriptedBus({MEASURE: b"\x01\x10"})
    wire.refused = {b"\x42", b"\x65"}
    assert on(wire, Bh1750).read()["illuminance"] == pytest.approx(226.67, abs=0.01)


def test_sets_the_usual_time_again_after_a_short_one_broke_off() -> None:
    wire = ScriptedBus({MEASURE: [b"\xff\xff", b"\xff\xff", b"\x83\x90", b"\x83\x91", b"\x01\x10"]})
    chip = on(wire, Bh1750)
    with pytest.raises(ChecksumError):
        chip.read()
    assert chip.read()["illuminance"] == pytest.approx(226.67, abs=0.01)
    assert wire.written[-6:] == [b"\x42", b"\x65", b"\x01", b"\x07", b"\x01", b"\x20"]


def stuck_at(byte: int) -> ScriptedBus:
    wire = ScriptedBus(otherwise=byte)
    wire.acknowledges_everything = True
    return wire


@pytest.mark.parametrize("byte", [0x00, 0x01, 0x55, 0xFF])
def test_refuses_a_line_at_one_byte(byte: int) -> None:
    with pytest.raises(InvalidReading) as caught:
        on(stuck_at(byte), Bh1750).read()
    assert not isinstance(caught.value, BeyondRange)


def test_light_beyond_the_scale_is_told_as_such() -> None:
    with pytest.raises(BeyondRange, match="121557 lx or more"):
        on(ScriptedBus({MEASURE: b"\xff\xff"}), Bh1750).read()


@pytest.mark.parametrize("code", [b"\x02\x02", b"\x03\x00", b"\x00\xff"])
def test_measures_a_result_that_a_line_could_show_with_another_time(code: bytes) -> None:
    wire = ScriptedBus({MEASURE: [code, code, b"\x01\x10", b"\x01\x10"] * 2})
    assert on(wire, Bh1750).read()["illuminance"] == pytest.approx(226.67 * 69 / 31, abs=0.01)


def test_refuses_a_result_that_breaks_off_with_every_time() -> None:
    with pytest.raises(InvalidReading):
        on(ScriptedBus({MEASURE: [b"\x03\x00", b"\x03\x00", b"\x01\x00"]}), Bh1750).read()


def test_refuses_a_result_that_changes_between_two_reads() -> None:
    with pytest.raises(ChecksumError):
        on(ScriptedBus({MEASURE: [b"\x01\x10", b"\x01\x11"]}), Bh1750).read()
