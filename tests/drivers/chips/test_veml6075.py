"""VEML6075: the application note's formulas, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.veml6075 import Veml6075, index, uva_counts, uvb_counts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, WrongChip
from drivers.fakes import fake_chip


def word(value: int) -> bytes:
    return value.to_bytes(2, "little")


def bus(uva: int = 1000, uvb: int = 800, visible: int = 100, infrared: int = 50, **more: object) -> ScriptedBus:
    answers = {b"\x07": word(uva), b"\x09": word(uvb), b"\x0a": word(visible), b"\x0b": word(infrared)}
    answers |= {b"\x0c": b"\x26\x00"}
    return ScriptedBus(
        answers | {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()}, keeps=2
    )


def test_formulas_of_the_application_note():
    assert uva_counts(1000, 100, 50) == pytest.approx(1000 - 222 - 66.5)
    assert uvb_counts(800, 100, 50) == pytest.approx(800 - 295 - 87)
    assert uva_counts(0, 10, 10) == pytest.approx(-35.5)
    assert index(1000, 1000) == pytest.approx((1.461 + 2.591) / 2)


def test_tells_index_and_counts_without_visible_light_and_infrared():
    wire = bus()
    values = on(wire, Veml6075).read()
    assert values == pytest.approx({"uv_index": 1.0613, "uva": 711.5, "uvb": 418.0}, abs=1e-3)
    assert b"\x00\x06\x00" in wire.written


def test_the_zeros_of_power_on_are_no_darkness_where_the_first_command_was_lost():
    def obey(wire: ScriptedBus, data: bytes) -> None:
        if data == b"\x00\x03\x00" and b"\x00\x06\x00" in wire.written:
            wire.answers |= bus().answers

    wire = bus(0, 0, 0, 0)
    wire.react = obey
    assert on(wire, Veml6075).read()["uva"] == 711.5


def test_tells_darkness():
    assert on(bus(0, 0, 0, 0), Veml6075).read() == {"uv_index": 0.0, "uva": 0.0, "uvb": 0.0}


def test_a_little_more_compensation_than_light_is_darkness():
    assert on(bus(10, 5, 8, 4), Veml6075).read() == {"uv_index": 0.0, "uva": 0.0, "uvb": 0.0}


def test_far_more_compensation_than_light_is_no_reading():
    with pytest.raises(InvalidReading, match="more visible light"):
        on(bus(10, 5, 4000, 4000), Veml6075).read()


@pytest.mark.parametrize(
    ("counts", "beyond"),
    [
        ({"uva": 0xFFFF}, {"uv_index", "uva"}),
        ({"uvb": 0xFFFF}, {"uv_index", "uvb"}),
        ({"uva": 0xFFFF, "uvb": 0xFFFF}, {"uv_index", "uva", "uvb"}),
    ],
)
def test_a_saturated_channel_is_beyond_the_scale_and_the_rest_is_told(counts, beyond):
    chip = on(bus(**counts), Veml6075)
    if len(beyond) == 3:
        with pytest.raises(BeyondRange):
            chip.read()
        return
    assert set(chip.read()) == {"uv_index", "uva", "uvb"} - beyond
    assert all(isinstance(chip.missing[name], BeyondRange) for name in beyond)


@pytest.mark.parametrize("channel", ["visible", "infrared"])
def test_saturated_compensation_leaves_nothing_to_tell(channel):
    with pytest.raises(BeyondRange, match="visible light or infrared"):
        on(bus(**{channel: 0xFFFF}), Veml6075).read()


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(at_00=b"\x00\x00"), LostPower),
        (bus(at_07=[b"\x01\x00", b"\x02\x00"]), ChecksumError),
        (bus(at_0c=b"\x81\xc4"), WrongChip),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Veml6075).read()


def test_its_fake_feels_an_index_as_an_equal_share_of_both():
    world = fake_chip("veml6075", uv_index=3.0).world
    assert index(world["uva"], world["uvb"]) == pytest.approx(3.0)
