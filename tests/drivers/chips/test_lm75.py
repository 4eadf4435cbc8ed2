"""LM75 and its kin: worked examples with a negative one, the witness, and what is no LM75."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.lm75 import Lm75, celsius
from drivers.errors import InvalidReading, LostPower, WrongChip

DEFAULTS = {0: b"\x19\x00", 2: b"\x4b\x00", 3: b"\x50\x00"}


def board(**changes: bytes) -> ScriptedBus:
    return ScriptedBus(width=2, registers={**DEFAULTS, **{int(k[1:]): v for k, v in changes.items()}})


@pytest.mark.parametrize(
    ("data", "expected"), [("1900", 25.0), ("e700", -25.0), ("c900", -55.0), ("ff80", -0.5), ("ffe0", -0.125)]
)
def test_reads_the_worked_examples(data, expected):
    assert on(board(r0=bytes.fromhex(data)), Lm75).read() == {"temperature": expected}


def test_celsius_is_the_upper_byte():
    assert celsius(-0x1900) == -25.0


def test_says_that_it_lost_power_and_then_reads_again():
    bus = board()
    chip = on(bus, Lm75)
    chip.read()
    bus.put(1, b"\x00")
    with pytest.raises(LostPower):
        chip.read()
    assert chip.read() == {"temperature": 25.0}


def test_waits_for_the_first_conversion_before_it_reads():
    chip = on(board(), Lm75)
    waited = []
    chip.sleep = waited.append
    chip.read()
    assert sum(waited) >= 0.3


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_refuses_a_shorted_or_floating_line(level):
    bus = board()
    chip = on(bus, Lm75)
    chip.read()
    bus.constant = level
    with pytest.raises(LostPower):
        chip.read()
    with pytest.raises(WrongChip):
        chip.read()


def test_refuses_set_bits_that_it_does_not_have():
    with pytest.raises(InvalidReading):
        on(board(r0=b"\x19\x01"), Lm75).read()


@pytest.mark.parametrize(
    ("other", "registers"),
    [
        ("tmp102", {"r1": b"\x60\xa0"}),
        ("ads1115", {"r1": b"\x85\x83", "r2": b"\x80\x00", "r3": b"\x7f\xff"}),
    ],
)
def test_does_not_write_to_another_chip(other, registers):
    bus = board(**registers)
    before = bytes(bus.memory)
    with pytest.raises(WrongChip):
        on(bus, Lm75).read()
    assert bytes(bus.memory) == before


def test_says_that_it_lost_its_hysteresis():
    bus = board()
    chip = on(bus, Lm75)
    chip.read()
    bus.put(2, b"\x4b\x00")
    with pytest.raises(LostPower):
        chip.read()
    assert chip.read() == {"temperature": 25.0}


@pytest.mark.parametrize("rest", [0x00, 0xFF])
def test_sees_a_line_that_goes_dead_within_every_word(rest):
    class Dying(ScriptedBus):
        dies = False

        def _read(self, length):
            data = super()._read(length)
            return data[:1] + bytes([rest]) * (length - 1) if self.dies else data

    bus = Dying(width=2, registers={**DEFAULTS, 0: b"\x19\x80"})
    chip = on(bus, Lm75)
    assert chip.read() == {"temperature": 25.5}
    bus.dies = True
    with pytest.raises((LostPower, InvalidReading)):
        chip.read()


def keeps_no_configuration(bus: ScriptedBus, data: bytes) -> None:
    bus.put(1, b"\x00\x00")


@pytest.mark.parametrize("react", [keeps_no_configuration, lambda bus, data: bus.put(1, b"\x00\x00\x4b\x00\x50\x00")])
def test_refuses_a_chip_whose_configuration_keeps_nothing(react):
    bus = board()
    bus.react = react
    with pytest.raises(WrongChip):
        on(bus, Lm75).read()


def test_reads_an_emulator_whose_configuration_keeps_nothing_where_it_is_believed_to_be_one():
    bus = board()
    bus.react = keeps_no_configuration
    chip = on(bus, Lm75, identity="lenient")
    assert chip.read() == {"temperature": 25.0}
    bus.put(2, b"\x4b\x00")
    with pytest.raises(LostPower):
        chip.read()


def test_reads_a_chip_with_fixed_limits_by_its_configuration_alone():
    bus = board()
    bus.react = lambda bus, data: bus.put(2, b"\x4b\x00")
    chip = on(bus, Lm75)
    assert chip.read() == {"temperature": 25.0}
    bus.put(1, b"\x00\x00")
    with pytest.raises(LostPower):
        chip.read()
