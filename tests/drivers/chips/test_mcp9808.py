"""MCP9808: worked examples with a negative one, its identity, its witness, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.mcp9808 import Mcp9808, celsius
from drivers.errors import InvalidReading, LostPower, NotReady, WrongChip


def board(data: str = "c194", identity: bytes = b"\x00\x54\x04\x00") -> ScriptedBus:
    return ScriptedBus(width=2, registers={5: bytes.fromhex(data), 6: identity})


@pytest.mark.parametrize(
    ("data", "expected"), [("c194", 25.25), ("3ffc", -0.25), ("1e70", -25.0), ("8000", 0.0), ("c7d0", 125.0)]
)
def test_reads_the_worked_examples(data, expected):
    assert on(board(data), Mcp9808).read() == {"temperature": expected}


def test_celsius_is_in_sixteenths():
    assert celsius(-4) == -0.25


@pytest.mark.parametrize("identity", [b"\x00\x54\x05\x00", b"\x00\x00\x04\x00", b"\x33\x33\x33\x33"])
def test_refuses_another_chip(identity):
    with pytest.raises(WrongChip):
        on(board(identity=identity), Mcp9808).read()


def test_waits_for_the_first_conversion_before_it_reads():
    chip = on(board(), Mcp9808)
    waited = []
    chip.sleep = waited.append
    chip.read()
    assert sum(waited) >= 0.275


@pytest.mark.parametrize("configuration", [b"\x00\x00", b"\x03\x00"])
def test_says_that_it_lost_power_or_was_shut_down_and_then_reads_again(configuration):
    bus = board()
    chip = on(bus, Mcp9808)
    chip.read()
    bus.put(1, configuration)
    with pytest.raises(LostPower):
        chip.read()
    assert chip.read() == {"temperature": 25.25}


def test_refuses_the_zero_from_before_the_first_conversion():
    bus = board("0000")
    chip = on(bus, Mcp9808)
    with pytest.raises(NotReady):
        chip.read()
    bus.put(5, b"\xc0\x10")
    assert chip.read() == {"temperature": 1.0}
    bus.put(5, b"\x00\x00")
    assert chip.read() == {"temperature": 0.0}


def test_refuses_a_reading_of_all_ones():
    with pytest.raises(InvalidReading):
        on(board("ffff"), Mcp9808).read()


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_refuses_a_shorted_or_floating_line(level):
    bus = board()
    chip = on(bus, Mcp9808)
    chip.read()
    bus.constant = level
    with pytest.raises(LostPower):
        chip.read()
    with pytest.raises(WrongChip):
        chip.read()
