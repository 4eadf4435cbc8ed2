"""INA226: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ina226 import Ina226, bus_volts, shunt_volts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


def bus(**more: object) -> ScriptedBus:
    answers = {"fe": b"\x54\x49", "ff": b"\x22\x60", "x6": b"\x00\x08", "x1": b"\x1f\x40", "x2": b"\x25\x70"} | more
    return ScriptedBus({bytes.fromhex(k.replace("x", "0")): v for k, v in answers.items()}, keeps=2)


def test_numbers_of_the_datasheet() -> None:
    assert shunt_volts(0x1F40) == pytest.approx(0.02)
    assert shunt_volts(0x8300 - 0x10000) == pytest.approx(-0.08)
    assert bus_volts(0x2570) == pytest.approx(11.98)


def test_tells_current_and_power_over_its_shunt() -> None:
    values = on(bus(), Ina226, shunt_ohms=0.002).read()
    assert values == pytest.approx({"bus_voltage": 11.98, "shunt_voltage": 0.02, "current": 10.0, "power": 119.8})
    assert on(bus(x1=b"\x83\x00"), Ina226).read()["current"] == pytest.approx(-0.8)


@pytest.mark.parametrize(
    ("more", "beyond"),
    [
        ({"x1": b"\x7f\xff"}, {"shunt_voltage", "current", "power"}),
        ({"x1": b"\x80\x00"}, {"shunt_voltage", "current", "power"}),
        ({"x2": b"\x7f\xff"}, {"bus_voltage", "power"}),
        ({"x2": b"\x70\x80"}, {"bus_voltage", "power"}),
    ],
)
def test_what_stands_at_a_stop_is_beyond_the_scale_and_the_rest_is_told(
    more: dict[str, object], beyond: set[str]
) -> None:
    chip = on(bus(**more), Ina226)
    assert chip.read().keys() == {"bus_voltage", "shunt_voltage", "current", "power"} - beyond
    assert {name for name, error in chip.missing.items() if isinstance(error, BeyondRange)} == beyond


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"x6": b"\x00\x00"}, NotReady),
        ({"x6": b"\x00\x0c"}, InvalidReading),
        ({"x0": b"\x41\x27"}, LostPower),
        ({"x1": [b"\x1f\x40", b"\x1f\x41"]}, ChecksumError),
        ({"ff": b"\x22\x70"}, WrongChip),
        ({"fe": b"\xff\xff"}, WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(more: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        on(bus(**more), Ina226).read()
