"""TMP1075: the datasheet's table with negative ones, its witnesses, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.tmp1075 import Tmp1075
from drivers.errors import ChecksumError, InvalidReading, LostPower, WrongChip


def board(register: int, identity: int = 0x7500) -> ScriptedBus:
    bus = ScriptedBus(
        {b"\x00": register.to_bytes(2, "big"), b"\x0f": identity.to_bytes(2, "big"), b"\x03": b"\x50\x00"}, keeps=2
    )
    bus.bank.update({1: b"\x00\xff", 2: b"\x4b\x00"})
    return bus


@pytest.mark.parametrize(
    ("register", "celsius"),
    [
        (0x7D00, 125.0),
        (0x3200, 50.0),
        (0x1900, 25.0),
        (0x0010, 0.0625),
        (0x0000, 0.0),
        (0xFFF0, -0.0625),
        (0xE700, -25.0),
        (0xC900, -55.0),
    ],
)
def test_reads_the_table_of_the_datasheet(register, celsius):
    assert on(board(register), Tmp1075).read() == {"temperature": celsius}


def test_writes_words_and_waits_for_the_first_conversion():
    bus = board(0x1900)
    chip = on(bus, Tmp1075)
    chip.read()
    assert [data for data in bus.written if len(data) > 1] == [b"\x01\x08\xff", b"\x02\x4a\x80"]
    assert sum(chip.waited) >= 0.0275 + 0.007


def test_refuses_what_has_another_identity_and_names_an_lm75():
    with pytest.raises(WrongChip, match="117"):
        on(board(0x1900, identity=0x0117), Tmp1075).read()
    with pytest.raises(WrongChip, match='driver = "lm75"'):
        on(board(0x1900, identity=0x5000), Tmp1075).read()


@pytest.mark.parametrize(("register", "value"), [(1, b"\x00\xff"), (2, b"\x4b\x00")])
def test_says_that_it_lost_its_power(register, value):
    bus = board(0x1900)
    chip = on(bus, Tmp1075)
    chip.read()
    bus.bank[register] = value
    with pytest.raises(LostPower):
        chip.read()
    assert chip.read()


def test_refuses_unused_bits_and_two_reads_that_differ():
    bus = board(0x1901)
    with pytest.raises(InvalidReading):
        on(bus, Tmp1075).read()
    bus.answers[b"\x00"] = [b"\x19\x00", b"\x19\x10", b"\x19\x00"]
    with pytest.raises(ChecksumError):
        on(bus, Tmp1075).read()
