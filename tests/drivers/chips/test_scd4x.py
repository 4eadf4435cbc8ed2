"""SCD4x: vectors, and what it must refuse."""

import pytest
from scripted_b import ScriptedBus, on

from drivers.chips.scd4x import Scd4x
from drivers.errors import ChecksumError, InvalidReading, NotReady, WrongChip

SERIAL = bytes.fromhex("beef92 beef92 beef92")
READY, NOT_READY = bytes.fromhex("8006 04"), bytes.fromhex("8000 a2")
FIRST = bytes.fromhex("01f433 6667a2 5eb93c")
COLD = bytes.fromhex("04d264 249285 ffffac")


def bus(values: object = FIRST, ready: object = READY) -> ScriptedBus:
    return ScriptedBus({b"\x36\x82": SERIAL, b"\xe4\xb8": ready, b"\xec\x05": values})


@pytest.mark.parametrize(("frame", "expected"), [(FIRST, (500, 25.0, 37.0)), (COLD, (1234, -20.0, 100.0))])
def test_tells_the_numbers_of_the_datasheet(frame: bytes, expected: tuple[float, ...]) -> None:
    values = on(bus(frame), Scd4x).read()
    assert [values[name] for name in ("co2", "temperature", "humidity")] == pytest.approx(expected, abs=0.005)


def test_stops_and_starts_the_measurement_when_it_is_set_up() -> None:
    wire = bus()
    on(wire, Scd4x).setup()
    assert wire.written == [b"\x3f\x86", b"\x36\x82", b"\x21\xb1"]


def test_needs_no_measurement_that_can_be_stopped() -> None:
    wire = bus()
    wire.refused = {b"\x3f\x86"}
    assert on(wire, Scd4x).read()["co2"] == 500


def test_waits_for_a_value_in_steps_of_a_second_at_most() -> None:
    chip = on(bus(ready=[NOT_READY, NOT_READY, READY]), Scd4x)
    assert chip.read()["co2"] == 500
    assert max(chip.waited) <= 1.0
    assert 6.0 <= sum(chip.waited) <= Scd4x.takes


def test_is_set_up_again_when_no_value_comes() -> None:
    wire = bus()
    chip = on(wire, Scd4x)
    chip.read()
    wire.answers[b"\xe4\xb8"] = NOT_READY
    with pytest.raises(NotReady):
        chip.read()
    wire.answers[b"\xe4\xb8"] = READY
    before = len(wire.written)
    assert chip.read()["co2"] == 500
    assert b"\x21\xb1" in wire.written[before:]


def test_refuses_zero_and_damaged_bytes() -> None:
    with pytest.raises(InvalidReading):
        on(bus(bytes.fromhex("000081 6667a2 5eb93c")), Scd4x).read()
    with pytest.raises(ChecksumError):
        on(bus(bytes.fromhex("01f533 6667a2 5eb93c")), Scd4x).read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_is_not_found_on_a_dead_line(byte: int) -> None:
    with pytest.raises(WrongChip):
        on(ScriptedBus(otherwise=byte), Scd4x).read()
