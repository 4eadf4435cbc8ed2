"""CCS811: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ccs811 import Ccs811
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

STATUS, MODE, RESULT, IDENTITY = b"\x00", b"\x01", b"\x02", b"\x20"
RUNS = b"\x98"


def bus(result: object = b"\x03\x2c\x00\x3e\x98\x00\x00\x00", status: object = RUNS) -> ScriptedBus:
    return ScriptedBus({IDENTITY: b"\x81", STATUS: status, RESULT: result, MODE: b"\x10"})


@pytest.mark.parametrize(("data", "expected"), [("032c003e9800", (812, 62)), ("019000009800", (400, 0))])
def test_tells_the_numbers_of_the_datasheet(data: str, expected: tuple[int, int]) -> None:
    assert tuple(on(bus(bytes.fromhex(data)), Ccs811).read().values()) == expected


def test_starts_its_application_once() -> None:
    wire = bus(status=[b"\x10", b"\x90", b"\x90", RUNS])
    wire.answers[b"\xf4"] = RUNS
    on(wire, Ccs811).read()
    assert [m for m in wire.written if m in (b"\xf4", b"\x01\x10")] == [b"\xf4", b"\x01\x10"]


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(status=b"\x10"), NotReady),  # the application does not start
        (bus(status=b"\x90"), NotReady),  # no result comes
        (bus(status=[RUNS, b"\x10"]), LostPower),
        (bus(b"\x03\x2c\x00\x3e\x10\x00"), LostPower),
        (bus(b"\x03\x2c\x00\x3e\x99\x20"), InvalidReading),
        (bus(status=b"\xff"), InvalidReading),
        (bus(b"\x00\x00\x00\x00\x98\x00"), InvalidReading),  # nothing measured yet
        (bus([b"\x03\x2c\x00\x3e\x98\x00", b"\x03\x2d\x00\x3e"]), ChecksumError),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    chip = on(wire, Ccs811)
    with pytest.raises(error):
        chip.read()
    assert sum(chip.waited) <= Ccs811.takes


def test_sees_that_it_does_not_measure_any_more() -> None:
    wire = bus(status=[RUNS, b"\x90"])
    wire.answers[MODE] = b"\x00"
    with pytest.raises(LostPower):
        on(wire, Ccs811).read()
