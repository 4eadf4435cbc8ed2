"""INA226: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ina226 import Ina226, bus_volts, shunt_volts
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


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
    ("more", "error"),
    [
        ({"x6": b"\x00\x00"}, NotReady),
        ({"x6": b"\x00\x0c"}, InvalidReading),
        ({"x1": b"\x7f\xff"}, InvalidReading),
        ({"x1": b"\x80\x00"}, InvalidReading),
        ({"x2": b"\x7f\xff"}, InvalidReading),
        ({"x0": b"\x41\x27"}, LostPower),
        ({"x1": [b"\x1f\x40", b"\x1f\x41"]}, ChecksumError),
        ({"ff": b"\x22\x70"}, WrongChip),
        ({"fe": b"\xff\xff"}, WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(more: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        on(bus(**more), Ina226).read()
