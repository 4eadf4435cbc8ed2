"""VL53L1X: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.vl53l1x import CONFIGURATION, Vl53l1x
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

IDENTITY, BOOTED, READY, FRAME, WITNESS = b"\x01\x0f", b"\x00\xe5", b"\x00\x31", b"\x00\x89", b"\x00\x60"
CLEAR, START, STOP = b"\x00\x86\x01", b"\x00\x87\x40", b"\x00\x87\x00"
KEPT = bytes.fromhex("0f 01 f1 0d 01 68 00 80 08 b8")


def frame(distance: int, status: int = 9) -> bytes:
    return bytes([status]) + bytes(12) + distance.to_bytes(2, "big") + bytes(2)


def bus(result: object = frame(1234), kept: object = KEPT, ready: object = b"\x03") -> ScriptedBus:
    return ScriptedBus({IDENTITY: b"\xea\xcc", BOOTED: b"\x03", READY: ready, FRAME: result, WITNESS: kept})


def test_tells_millimetres() -> None:
    assert on(bus(), Vl53l1x).read() == {"distance": 1234}


def test_writes_the_configuration_of_st_and_measures_once() -> None:
    wire = bus()
    on(wire, Vl53l1x).setup()
    assert len(CONFIGURATION) == 0x87 - 0x2D + 1
    assert [message for message in wire.written if len(message) > 2] == [
        b"\x00\x2d" + CONFIGURATION, START, STOP, CLEAR, b"\x00\x08\x09", b"\x00\x0b\x00",
    ]  # fmt: skip


def test_the_second_result_after_a_start_counts() -> None:
    wire = bus()
    chip = on(wire, Vl53l1x)
    chip.setup()
    before = len(wire.written)
    chip.read()
    assert [message for message in wire.written[before:] if len(message) > 2] == [CLEAR, START, CLEAR, STOP, CLEAR]


def test_waits_for_its_firmware_and_for_a_slow_measurement() -> None:
    wire = bus(ready=[b"\x02"] * 4 + [b"\x03"])
    wire.answers[BOOTED] = [b"\x00", b"\x00", b"\x03"]
    chip = on(wire, Vl53l1x)
    assert chip.read() == {"distance": 1234}
    assert sum(chip.waited) <= Vl53l1x.takes


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(frame(1234, status=6)), InvalidReading),
        (bus(frame(1234, status=19)), InvalidReading),
        (bus(frame(1234, status=0)), InvalidReading),
        (bus(frame(1234, status=18)), InvalidReading),
        (bus([frame(1234), frame(1235)]), ChecksumError),
        (bus(ready=b"\x02"), NotReady),
        (bus(kept=bytes(10)), LostPower),
        (bus(kept=[KEPT, bytes(10)]), LostPower),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
        (ScriptedBus({IDENTITY: b"\xea\xaa"}), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    chip = on(wire, Vl53l1x)
    with pytest.raises(error):
        chip.read()
    assert sum(chip.waited) <= Vl53l1x.takes


@pytest.mark.parametrize(
    ("distance", "status", "what"),
    [
        (0, 4, "4000 mm or more"),
        (1234, 5, "4000 mm or more"),
        (1234, 7, "4000 mm or more"),
        (4001, 9, "4000 mm or more"),
        (0xFFFF, 9, "4000 mm or more"),
        (12, 8, "nearer"),
    ],
)
def test_no_target_in_range_is_an_answer(distance: int, status: int, what: str) -> None:
    chip = on(bus(frame(distance, status)), Vl53l1x)
    with pytest.raises(BeyondRange, match=what):
        chip.read()
    assert chip.known


def test_the_upper_bits_of_the_status_do_not_count() -> None:
    assert on(bus(frame(4000, status=0xE9)), Vl53l1x).read() == {"distance": 4000}
