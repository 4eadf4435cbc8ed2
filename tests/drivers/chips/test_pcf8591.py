"""PCF8591: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.pcf8591 import Pcf8591, volts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, WrongChip

ALL = b"\x04"


def bus(*codes: int) -> ScriptedBus:
    return ScriptedBus(
        {ALL: bytes([0x80, *codes, *codes]), **{bytes([n]): bytes([0x80, code]) for n, code in enumerate(codes)}}
    )


def test_numbers_of_the_datasheet() -> None:
    values = on(bus(0x00, 0x80, 0xFE, 0x07), Pcf8591).read()
    assert values == pytest.approx({"a0": 0.0, "a1": 1.65, "a2": 3.2742, "a3": 0.0902}, abs=5e-4)
    assert volts(0x40, 5.0) == 1.25


def test_needs_one_transfer() -> None:
    wire = bus(1, 2, 3, 4)
    chip = on(wire, Pcf8591)
    chip.read()
    before = wire.transfers
    chip.read()
    assert wire.transfers == before + 1


def test_refuses_a_line_that_nobody_drives() -> None:
    with pytest.raises(InvalidReading):
        on(ScriptedBus(otherwise=0xFF), Pcf8591).read()


def test_believes_that_all_inputs_are_at_ground() -> None:
    assert on(bus(0, 0, 0, 0), Pcf8591).read() == {"a0": 0.0, "a1": 0.0, "a2": 0.0, "a3": 0.0}


@pytest.mark.parametrize("level", [b"\x00", b"\xff"])
def test_reads_again_when_a_line_was_stuck_for_one_transfer(level: bytes) -> None:
    wire = bus(10, 20, 30, 40)
    chip = on(wire, Pcf8591)
    chip.setup()
    good = wire.answers[ALL]
    wire.answers |= {ALL: [9 * level, good], b"\x34": bytes([0xFF, 0, 0, 0, 0])}
    assert chip.read()["a3"] == pytest.approx(40 * 3.3 / 256)


def test_an_input_at_the_reference_is_beyond_the_scale_and_the_others_are_told() -> None:
    chip = on(bus(0xFF, 0x80, 0x00, 0x07), Pcf8591)
    assert chip.read().keys() == {"a1", "a2", "a3"}
    assert isinstance(chip.missing["a0"], BeyondRange)
    assert chip.missing["a0"].at_least == pytest.approx(3.287, abs=1e-3)


def test_all_inputs_at_the_reference_are_beyond_the_scale_when_their_differences_are_none() -> None:
    wire = bus(0xFF, 0xFF, 0xFF, 0xFF)
    wire.answers[b"\x34"] = bytes([0xFF, 0, 0, 0, 0])
    with pytest.raises(BeyondRange):
        on(wire, Pcf8591).read()


def test_a_line_at_one_byte_is_no_chip() -> None:
    with pytest.raises(InvalidReading, match="stuck"):
        on(ScriptedBus(otherwise=0x55), Pcf8591).read()


def test_zero_volts_are_refused_where_the_line_acknowledges_everything() -> None:
    wire = bus(0, 0, 0, 0)
    wire.answers[b"\x34"] = bytes(5)
    wire.acknowledges_everything = True
    with pytest.raises(InvalidReading, match="stuck"):
        on(wire, Pcf8591).read()


def test_a_transfer_that_breaks_off_is_read_again() -> None:
    wire = bus(10, 20, 30, 40)
    wire.answers[ALL] = [wire.answers[ALL], wire.answers[ALL][:4] + bytes(5), wire.answers[ALL]]
    assert on(wire, Pcf8591).read()["a3"] == pytest.approx(40 * 3.3 / 256)


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_of_transfers_that_always_break_off_what_arrived_is_told(level: int) -> None:
    wire = bus(10, 20, 30, 40)
    chip = on(wire, Pcf8591)
    chip.setup()
    wire.answers[ALL] = wire.answers[ALL][:3] + bytes([level] * 6)
    assert chip.read() == pytest.approx({"a0": 10 * 3.3 / 256, "a1": 20 * 3.3 / 256})
    assert chip.missing.keys() == {"a2", "a3"}


def test_an_input_that_never_agrees_costs_only_itself() -> None:
    wire = bus(10, 20, 30, 40)
    chip = on(wire, Pcf8591)
    chip.setup()
    wire.answers[ALL] = [bytes([0, 10, 20, n, 40, 10, 20, n + 60, 40]) for n in range(9)]
    assert chip.read().keys() == {"a0", "a1", "a3"}
    assert isinstance(chip.missing["a2"], ChecksumError)


def test_reads_again_what_a_damaged_control_byte_may_have_turned_round() -> None:
    wire = bus(10, 60, 110, 160)
    chip = on(wire, Pcf8591)
    chip.read()
    turned = bytes([0, 60, 110, 160, 10, 60, 110, 160, 10])
    wire.answers[ALL] = [turned, wire.answers[ALL]]
    assert chip.read() == pytest.approx({f"a{n}": code * 3.3 / 256 for n, code in enumerate((10, 60, 110, 160))})


def test_an_input_that_jumps_is_told_where_another_one_stands_still() -> None:
    wire = bus(10, 20, 30, 40)
    chip = on(wire, Pcf8591)
    chip.read()
    before = wire.transfers
    wire.answers[ALL] = bytes([0, *(10, 20, 100, 40) * 2])
    assert chip.read()["a2"] == pytest.approx(100 * 3.3 / 256)
    assert wire.transfers == before + 1


def test_inputs_that_all_jump_on_and_on_have_no_value() -> None:
    wire = bus(10, 20, 30, 40)
    chip = on(wire, Pcf8591)
    chip.read()
    wire.answers[ALL] = [bytes([0, *range(n, n + 4), *range(n, n + 4)]) for n in (100, 200, 100, 200)]
    with pytest.raises(ChecksumError):
        chip.read()


def test_is_no_chip_of_registers() -> None:
    wire = ScriptedBus({ALL: b"\x19\x00\xff\xff\xff", b"\x00": b"\x19\x00", b"\x02": b"\x4b\x00", b"\x03": b"\x50\x00"})
    with pytest.raises(WrongChip):
        on(wire, Pcf8591).read()


def test_stands_an_open_input_that_wanders() -> None:
    wire = bus(10, 20, 30, 40)
    wire.answers[b"\x02"] = [b"\x00\xc0", b"\x00\x20"]
    assert on(wire, Pcf8591).read()["a2"] > 0


@pytest.mark.parametrize("vref", [0, 7, "3.3", True])
def test_wrong_options_are_named(vref: object) -> None:
    with pytest.raises(ValueError, match="vref"):
        Pcf8591(None, vref=vref)  # type: ignore[arg-type]
