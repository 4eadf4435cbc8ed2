"""INA219: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on
from scripted import ScriptedBus as Keeping

from drivers.chips.ina219 import Ina219, bus_volts, shunt_volts
from drivers.errors import InvalidReading, NotReady, WrongChip


def bus(shunt: object = b"\x07\xd0", volts: object = b"\x5d\x9a") -> ScriptedBus:
    return ScriptedBus({b"\x00": b"\x39\x9f", b"\x01": shunt, b"\x02": volts, b"\x05": b"\x2a\xaa"})


def test_numbers_of_the_datasheet() -> None:
    assert shunt_volts(0x07D0) == pytest.approx(0.02)
    assert shunt_volts(0x8300 - 0x10000) == pytest.approx(-0.32)
    assert bus_volts(0x5D98) == pytest.approx(11.98)


def test_tells_current_and_power_over_its_shunt() -> None:
    values = on(bus(), Ina219, shunt_ohms=0.002).read()
    assert values == pytest.approx({"bus_voltage": 11.98, "shunt_voltage": 0.02, "current": 10.0, "power": 119.8})


def test_tells_a_current_that_flows_backwards() -> None:
    assert on(bus(shunt=b"\x83\x00"), Ina219).read()["current"] == pytest.approx(-3.2)


def test_needs_three_transfers() -> None:
    wire = bus()
    chip = on(wire, Ina219)
    chip.read()
    before = wire.transfers
    chip.read()
    assert wire.transfers - before == 3


def test_gives_up_a_conversion_that_never_ends_and_works_again() -> None:
    wire = bus(volts=b"\x5d\x98")
    chip = on(wire, Ina219)
    with pytest.raises(NotReady):
        chip.read()
    wire.answers[b"\x02"] = b"\x5d\x9a"
    assert chip.read()["bus_voltage"] == pytest.approx(11.98)


@pytest.mark.parametrize("answers", [{"volts": b"\x5d\x9b"}, {"volts": b"\xff\xff"}, {"shunt": b"\x7d\x01"}])
def test_refuses_overflow_floating_lines_and_too_large_a_shunt(answers: dict[str, bytes]) -> None:
    with pytest.raises(InvalidReading):
        on(bus(**answers), Ina219).read()


@pytest.mark.parametrize("found", [b"\x41\x27", b"\xff\xff", b"\x00\x00"])
def test_is_no_other_chip(found: bytes) -> None:
    wire = bus()
    wire.answers[b"\x00"] = found
    with pytest.raises(WrongChip):
        on(wire, Ina219).read()


def test_is_not_a_chip_whose_calibration_keeps_bit_0() -> None:
    wire = bus()
    wire.answers[b"\x05"] = b"\x2a\xab"
    with pytest.raises(WrongChip):
        on(wire, Ina219).read()


def test_takes_an_emulator_that_keeps_all_for_one_but_no_memory_of_bytes() -> None:
    registers = {1: b"\x07\xd0", 2: b"\x5d\x9a"}
    assert on(Keeping(width=2, registers=registers), Ina219).read()["current"] == pytest.approx(0.2)
    with pytest.raises(WrongChip, match="memory of bytes"):
        on(Keeping(width=1), Ina219).read()


@pytest.mark.parametrize("ohms", [0, -1, "0.1", True])
def test_wrong_options_are_named(ohms: object) -> None:
    with pytest.raises(ValueError, match="shunt_ohms"):
        Ina219(None, shunt_ohms=ohms)  # type: ignore[arg-type]
