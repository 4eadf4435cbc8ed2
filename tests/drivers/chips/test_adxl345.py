"""ADXL345: vectors, and what it must refuse."""

import pytest
from scripted_b import ScriptedBus, on

from drivers.chips.adxl345 import Adxl345, metres_per_second_squared
from drivers.errors import InvalidReading, LostPower, NotReady, WrongChip

DATA, SETTINGS, SOURCE, IDENTITY = b"\x32", b"\x2d", b"\x30", b"\x00"
G = 9.80665
FRAME = bytes.fromhex("0000 00ff 0001")


def bus(data: bytes = FRAME, source: object = b"\x82", settings: bytes = b"\x08\x00\x00\x82\x08") -> ScriptedBus:
    return ScriptedBus({DATA: data, SETTINGS: settings, SOURCE: source, IDENTITY: b"\xe5"})


def test_unit() -> None:
    assert metres_per_second_squared(-256) == pytest.approx(-G)


@pytest.mark.parametrize("source", [b"\x82", b"\x00"])
def test_tells_three_axes(source: bytes) -> None:
    assert list(on(bus(source=source), Adxl345).read().values()) == pytest.approx([0.0, -G, G])


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(settings=bytes(5)), LostPower),
        (bus(settings=b"\x08\x00\x00\x82\x00"), LostPower),
        (bus(source=[b"\x82", b"\x02"]), NotReady),
        (bus(bytes(6)), InvalidReading),
        (bus(b"\xff" * 6), InvalidReading),
        (bus(b"\xff\x01" + FRAME[2:]), InvalidReading),
        (bus(b"\x00\xfe" + FRAME[2:]), InvalidReading),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    with pytest.raises(error):
        on(wire, Adxl345).read()
