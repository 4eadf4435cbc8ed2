"""LIS3DH: vectors, and what it must refuse."""

import pytest
from scripted_b import ScriptedBus, on

from drivers.chips.lis3dh import Lis3dh, metres_per_second_squared
from drivers.errors import InvalidReading, LostPower, NotReady, WrongChip

DATA, CONTROLS, STATUS, IDENTITY = b"\xa8", b"\xa0", b"\x27", b"\x0f"
G = 9.80665
FRAME = bytes.fromhex("0000 80c1 803e")


def bus(data: bytes = FRAME, status: object = b"\x0f", controls: bytes = b"\x57\x00\x00\x88") -> ScriptedBus:
    return ScriptedBus({DATA: data, CONTROLS: controls, STATUS: status, IDENTITY: b"\x33"})


def test_unit() -> None:
    assert metres_per_second_squared(-16000) == pytest.approx(-G)


@pytest.mark.parametrize("status", [b"\x0f", b"\x00"])
def test_tells_three_axes(status: bytes) -> None:
    assert list(on(bus(status=status), Lis3dh).read().values()) == pytest.approx([0.0, -G, G])


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(controls=b"\x07\x00\x00\x00"), LostPower),
        (bus(status=[b"\x0f", b"\x00"]), NotReady),
        (bus(bytes(6)), InvalidReading),
        (bus(b"\xff" * 6), InvalidReading),
        (bus(b"\xf0\x7f" + FRAME[2:]), InvalidReading),
        (bus(b"\x00\x80" + FRAME[2:]), InvalidReading),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    with pytest.raises(error):
        on(wire, Lis3dh).read()
