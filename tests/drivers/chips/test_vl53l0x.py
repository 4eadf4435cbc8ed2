"""VL53L0X: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.vl53l0x import Vl53l0x, spad_map
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

IDENTITY, READY, SETTINGS = b"\xc0", b"\x13", b"\x01"
WRITTEN = b"\xe8" + bytes(8) + b"\x04"


def frame(distance: bytes, status: int = 11, ready: int = 4) -> bytes:
    return bytes([ready, status << 3]) + bytes(9) + distance


def bus(result: object = frame(b"\x04\xd2"), settings: object = WRITTEN) -> ScriptedBus:
    return ScriptedBus({IDENTITY: b"\xee\xaa\x10", READY: result, SETTINGS: settings}, otherwise=0x44)


def test_tells_millimetres() -> None:
    assert on(bus(), Vl53l0x).read() == {"distance": 1234}


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(frame(b"\x04\xd2", status=1)), InvalidReading),
        (bus(frame(b"\x04\xd2", status=0)), InvalidReading),
        (bus([frame(b"\x04\xd2")] * 3 + [frame(b"\x04\xd3")]), ChecksumError),
        (bus([frame(b"\x04\xd2")] * 2 + [frame(b"\x04\xd2", ready=0)]), NotReady),
        (bus(frame(b"\x04\xd2", ready=0)), NotReady),  # a calibration that does not end
        (bus(settings=[WRITTEN, b"\xff" + bytes(9)]), LostPower),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    chip = on(wire, Vl53l0x)
    with pytest.raises(error):
        chip.read()
    assert sum(chip.waited) <= Vl53l0x.takes


@pytest.mark.parametrize(
    ("distance", "status", "what"),
    [
        (b"\x1f\xfe", 11, "2000 mm or more"),
        (b"\x1f\xff", 4, "2000 mm or more"),
        (b"\x04\xd2", 6, "2000 mm or more"),
        (b"\x08\x98", 11, "2000 mm or more"),
        (b"\x00\x14", 8, "nearer"),
    ],
)
def test_no_target_in_range_is_an_answer(distance: bytes, status: int, what: str) -> None:
    chip = on(bus(frame(distance, status)), Vl53l0x)
    with pytest.raises(BeyondRange, match=what):
        chip.read()
    assert chip.known


def test_finds_itself_again_when_another_page_of_registers_was_left_open() -> None:
    wire = bus()
    wire.answers[IDENTITY] = [b"\x00\x00\x00", b"\xee\xaa\x10"]
    on(wire, Vl53l0x).identify()
    assert wire.written == [IDENTITY, b"\xff\x00", b"\x80\x00", IDENTITY]


def test_measures_with_the_detectors_as_they_are_when_it_does_not_tell_them() -> None:
    wire = bus(settings=[b"\xff", WRITTEN])
    wire.answers[b"\x83"] = b"\x00"
    assert on(wire, Vl53l0x).read() == {"distance": 1234}
    assert not any(message[0] == 0xB0 for message in wire.written)


def test_says_that_power_was_lost_while_it_asked_for_the_detectors() -> None:
    wire = bus()
    wire.answers[b"\x83"] = b"\x00"
    with pytest.raises(LostPower):
        on(wire, Vl53l0x).read()


def test_enables_the_first_good_detectors() -> None:
    good = bytes([0xFF, 0xFF, 0b1010_1010, 0, 0, 0xFF])
    assert spad_map(good, 5, aperture=False) == bytes([0b0001_1111, 0, 0, 0, 0, 0])
    assert spad_map(good, 6, aperture=True) == bytes([0, 0b1111_0000, 0b0000_1010, 0, 0, 0])
