"""SGP30: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.sgp30 import Sgp30
from drivers.crc import crc8
from drivers.errors import BeyondRange, ChecksumError, LostPower, WrongChip

MEASURE, BASELINE = b"\x20\x08", b"\x20\x15"
CLEAN = bytes.fromhex("01904c 000081")


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") + bytes([crc8(value.to_bytes(2, "big"))]) for value in values)


def bus(values: object, features: bytes = words(0x0022), baseline: bytes = words(0x8973, 0x8AAE)) -> ScriptedBus:
    return ScriptedBus({b"\x20\x2f": features, MEASURE: values, BASELINE: baseline})


def test_checksum_of_the_datasheet() -> None:
    assert words(400, 0) == CLEAN


@pytest.mark.parametrize("values", [(640, 25), (59999, 1), (400, 59999)])
def test_tells_both(values: tuple[int, int]) -> None:
    assert on(bus(words(*values)), Sgp30).read() == {"eco2": values[0], "tvoc": values[1]}


def test_a_value_at_its_stop_is_beyond_the_scale_and_the_other_is_told() -> None:
    chip = on(bus(words(60000, 1)), Sgp30)
    assert chip.read() == {"tvoc": 1}
    assert isinstance(chip.missing["eco2"], BeyondRange)
    assert chip.missing["eco2"].at_least == 60000


def test_asks_every_second_until_it_is_warm() -> None:
    wire = bus([CLEAN] * 17 + [words(640, 25)])
    chip = on(wire, Sgp30)
    assert chip.read()["eco2"] == 640
    assert max(chip.waited) <= 1.0
    assert 15 * 1.1 <= sum(chip.waited) <= Sgp30.takes
    assert wire.written.count(MEASURE) == 18


def test_believes_clean_air_while_there_is_a_baseline() -> None:
    chip = on(bus(CLEAN), Sgp30)
    assert chip.read() == chip.read() == {"eco2": 400, "tvoc": 0}


def test_sees_that_power_was_lost_and_warms_up_again() -> None:
    wire = bus(words(640, 25))
    chip = on(wire, Sgp30)
    chip.read()
    wire.answers |= {MEASURE: CLEAN, BASELINE: words(0, 0)}
    with pytest.raises(LostPower):
        chip.read()
    wire.answers |= {MEASURE: words(650, 26), BASELINE: words(1, 1)}
    before = wire.written.count(b"\x20\x03")
    assert chip.read()["eco2"] == 650
    assert wire.written.count(b"\x20\x03") == before + 1


def test_sees_that_power_was_lost_while_it_warmed_up() -> None:
    with pytest.raises(LostPower):
        on(bus(CLEAN, baseline=words(0, 0)), Sgp30).read()


def test_refuses_damaged_bytes() -> None:
    with pytest.raises(ChecksumError):
        on(bus(bytes.fromhex("01914c 000081")), Sgp30).read()


@pytest.mark.parametrize("features", [words(0x3220), words(0xFFFF), b"\xff\xff\xff", b"\x00\x00\x00"])
def test_is_no_other_chip(features: bytes) -> None:
    with pytest.raises(WrongChip):
        on(bus(CLEAN, features), Sgp30).read()


def test_takes_no_line_that_stays_at_one_byte_for_an_answer() -> None:
    # The checksum of 2b 2b is 2b.
    wire = bus(words(640, 25))
    chip = on(wire, Sgp30)
    chip.read()
    wire.constant = 0x2B
    with pytest.raises(ChecksumError):
        chip.read()
