"""INA219: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on
from scripted import ScriptedBus as Keeping

from drivers.chips.ina219 import Ina219, bus_volts, shunt_volts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


def bus(shunt: object = b"\x07\xd0", volts: object = b"\x5d\x9a") -> ScriptedBus:
    """The configuration is what a reset leaves, then what was written."""
    configurations = [b"\x39\x9f", b"\x39\x9b"]
    return ScriptedBus({b"\x00": configurations, b"\x01": shunt, b"\x02": volts, b"\x05": b"\x2a\xaa"})


def test_numbers_of_the_datasheet() -> None:
    assert shunt_volts(0x07D0) == pytest.approx(0.02)
    assert shunt_volts(0x8300 - 0x10000) == pytest.approx(-0.32)
    assert bus_volts(0x5D98) == pytest.approx(11.98)


def test_tells_current_and_power_over_its_shunt() -> None:
    values = on(bus(), Ina219, shunt_ohms=0.002).read()
    assert values == pytest.approx({"bus_voltage": 11.98, "shunt_voltage": 0.02, "current": 10.0, "power": 119.8})


def test_tells_a_current_that_flows_backwards() -> None:
    assert on(bus(shunt=b"\x83\x01"), Ina219).read()["current"] == pytest.approx(-3.1999)


@pytest.mark.parametrize(("shunt", "bound"), [(b"\x7d\x00", "3.2 A or more"), (b"\x83\x00", "-3.2 A or less")])
def test_a_current_at_the_stop_is_beyond_the_scale(shunt: bytes, bound: str) -> None:
    chip = on(bus(shunt=shunt), Ina219)
    assert chip.read() == {"bus_voltage": pytest.approx(11.98)}
    assert chip.missing.keys() == {"shunt_voltage", "current", "power"}
    assert all(isinstance(error, BeyondRange) for error in chip.missing.values())
    assert bound in str(chip.missing["current"])


def test_a_bus_at_the_stop_leaves_the_current() -> None:
    chip = on(bus(volts=b"\xfa\x02"), Ina219)
    assert chip.read().keys() == {"shunt_voltage", "current"}
    assert "32 V or more" in str(chip.missing["bus_voltage"])


def test_needs_seven_transfers() -> None:
    wire = bus()
    # Reading the power puts the flag out.
    wire.answers[b"\x02"] = lambda: b"\x5d\x98" if b"\x03" in wire.written[-3:] else b"\x5d\x9a"
    chip = on(wire, Ina219)
    chip.read()
    before = wire.transfers
    chip.read()
    assert wire.transfers - before == 7
    assert b"\x03" in wire.written[-3:]


def test_puts_the_flag_out_once_more_where_it_is_still_there() -> None:
    wire = bus()
    on(wire, Ina219).read()
    assert wire.written[-1] == b"\x03"
    assert wire.written.count(b"\x03") == 2


@pytest.mark.parametrize("register", [b"\x01", b"\x02"])
def test_refuses_two_reads_of_one_conversion_that_differ(register: bytes) -> None:
    wire = bus()
    wire.answers[register] = [wire.answers[register], wire.answers[register][:1] + b"\x12"]
    with pytest.raises(ChecksumError):
        on(wire, Ina219).read()


def test_sees_that_power_was_lost() -> None:
    wire = bus()
    wire.answers[b"\x00"] = b"\x39\x9f"
    with pytest.raises(LostPower):
        on(wire, Ina219).read()


def test_gives_up_a_conversion_that_never_ends_and_works_again() -> None:
    wire = bus(volts=b"\x5d\x98")
    chip = on(wire, Ina219)
    with pytest.raises(NotReady):
        chip.read()
    wire.answers |= {b"\x02": b"\x5d\x9a", b"\x00": [b"\x39\x9f", b"\x39\x9b"]}
    assert chip.read()["bus_voltage"] == pytest.approx(11.98)


@pytest.mark.parametrize("answers", [{"volts": b"\x5d\x9b"}, {"volts": b"\xff\xff"}])
def test_refuses_overflow_and_floating_lines(answers: dict[str, bytes]) -> None:
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


@pytest.mark.parametrize("width", [1, 2])
def test_is_no_memory_that_keeps_what_is_written(width: int) -> None:
    with pytest.raises(WrongChip):
        on(Keeping(width=width), Ina219).read()


@pytest.mark.parametrize("ohms", [0, -1, "0.1", True])
def test_wrong_options_are_named(ohms: object) -> None:
    with pytest.raises(ValueError, match="shunt_ohms"):
        Ina219(None, shunt_ohms=ohms)  # type: ignore[arg-type]
