"""INA260: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ina260 import Ina260, amperes, volts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

IDENTITY = {b"\xfe": b"\x54\x49", b"\xff": b"\x22\x70"}


def bus(current: str = "1f40", voltage: str = "2580", **more: object) -> ScriptedBus:
    results = {b"\x01": bytes.fromhex(current), b"\x02": bytes.fromhex(voltage), b"\x06": b"\x00\x08"}
    changes = {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()}
    return ScriptedBus(IDENTITY | results | changes, keeps=2)


def test_numbers_of_the_datasheet() -> None:
    assert amperes(0x1F40) == 10.0
    assert amperes(-1) == -0.00125
    assert volts(0x2580) == 12.0


def test_tells_volts_amperes_and_watts() -> None:
    assert on(bus(), Ina260).read() == pytest.approx({"bus_voltage": 12.0, "current": 10.0, "power": 120.0})


def test_a_current_backwards_is_negative_and_so_is_its_power() -> None:
    values = on(bus("fce0"), Ina260).read()
    assert values == pytest.approx({"bus_voltage": 12.0, "current": -1.0, "power": -12.0})


def test_begins_one_conversion_of_both() -> None:
    wire = bus()
    on(wire, Ina260).read()
    assert b"\x00\x61\x23" in wire.written


@pytest.mark.parametrize(
    ("current", "voltage", "beyond"),
    [
        ("7fff", "2580", {"current": "15 A or more", "power": "180 W or more"}),
        ("8000", "2580", {"current": "-15 A or less", "power": "W or less"}),
        ("1f40", "7fff", {"bus_voltage": "36 V or more", "power": "W or more"}),
    ],
)
def test_what_is_more_than_it_bears_is_beyond_the_scale_and_the_rest_is_told(current, voltage, beyond) -> None:
    chip = on(bus(current, voltage), Ina260)
    assert chip.read().keys() == {"bus_voltage", "current", "power"} - beyond.keys()
    assert set(chip.missing) == set(beyond)
    for name, words in beyond.items():
        assert isinstance(chip.missing[name], BeyondRange)
        assert words in str(chip.missing[name])


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"at_06": b"\x00\x00"}, NotReady),
        ({"at_06": b"\x00\x0c"}, InvalidReading),
        ({"at_00": b"\x61\x27"}, LostPower),
        ({"at_01": [b"\x1f\x40", b"\x1f\x41"]}, ChecksumError),
        ({"at_fe": b"\xff\xff"}, WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(more, error) -> None:
    with pytest.raises(error):
        on(bus(**more), Ina260).read()


def test_names_the_sibling_that_answers_instead() -> None:
    with pytest.raises(WrongChip, match="INA226"):
        on(bus(at_ff=b"\x22\x60"), Ina260).read()
