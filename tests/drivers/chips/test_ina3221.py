"""INA3221: vectors, three channels that are independent, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ina3221 import Ina3221, bus_volts, shunt_volts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

RESULTS = ("c180", "2ee0", "03e8", "1388", "0000", "0ce0")


def bus(**more: object) -> ScriptedBus:
    answers = {bytes([1 + at]): bytes.fromhex(word) for at, word in enumerate(RESULTS)}
    answers |= {b"\xfe": b"\x54\x49", b"\xff": b"\x32\x20", b"\x0f": b"\x00\x03"}
    changes = {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()}
    return ScriptedBus(answers | changes, keeps=2)


def test_numbers_of_the_datasheet() -> None:
    assert shunt_volts(-2000) == pytest.approx(-0.08)
    assert shunt_volts(1) == pytest.approx(40e-6)
    assert bus_volts(1500) == 12.0


def test_tells_three_channels_a_current_backwards_is_negative() -> None:
    values = on(bus(), Ina3221).read()
    assert values == pytest.approx(
        {
            **{"bus_voltage_1": 12.0, "bus_voltage_2": 5.0, "bus_voltage_3": 3.296},
            **{"current_1": -0.8, "current_2": 0.05, "current_3": 0.0},
        }
    )


def test_another_shunt_gives_another_current() -> None:
    assert on(bus(), Ina3221, shunt_ohms=0.01).read()["current_1"] == pytest.approx(-8.0)
    with pytest.raises(ValueError, match="shunt_ohms"):
        Ina3221(None, shunt_ohms=0)


def test_begins_one_conversion_of_all_channels() -> None:
    wire = bus()
    on(wire, Ina3221).read()
    assert b"\x00\x71\x23" in wire.written


@pytest.mark.parametrize(
    ("register", "word", "name", "words"),
    [
        ("at_01", b"\x7f\xf8", "current_1", "1.638 A or more"),
        ("at_03", b"\x80\x00", "current_2", "-1.6384 A or less"),
        ("at_06", b"\x7f\xf8", "bus_voltage_3", "26 V or more"),
    ],
)
def test_what_stands_at_a_stop_is_beyond_the_scale_and_the_rest_is_told(register, word, name, words) -> None:
    chip = on(bus(**{register: word}), Ina3221)
    assert len(chip.read()) == 5
    assert isinstance(chip.missing[name], BeyondRange)
    assert words in str(chip.missing[name])


def test_an_offset_below_0_v_is_0_v_and_more_is_no_reading() -> None:
    assert on(bus(at_02=b"\xff\xf0"), Ina3221).read()["bus_voltage_1"] == 0.0
    chip = on(bus(at_02=b"\xff\x00"), Ina3221)
    assert "bus_voltage_1" not in chip.read()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"at_0f": b"\x00\x02"}, NotReady),
        ({"at_00": b"\x71\x27"}, LostPower),
        ({"at_04": [b"\x13\x88", b"\x13\x80"]}, ChecksumError),
        ({"at_02": b"\x2e\xe1"}, InvalidReading),
        ({"at_ff": b"\x22\x60"}, WrongChip),
        ({"at_fe": b"\xff\xff"}, WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(more, error) -> None:
    with pytest.raises(error):
        on(bus(**more), Ina3221).read()
