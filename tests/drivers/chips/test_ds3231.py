"""DS3231: worked examples with a negative one, that its clock is left alone, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ds3231 import Ds3231, celsius
from drivers.errors import InvalidReading, NotReady, WrongChip

TIME = bytes.fromhex("59 59 72 07 31 92 99")  # 12-hour clock, PM; the century's bit is set


def converts(bus: ScriptedBus, data: bytes) -> None:
    """Be done with a conversion at once."""
    if data[0] == 0x0E and len(data) == 2:
        bus.put(0x0E, bytes([data[1] & ~0x20]))


def board(temperature: str = "1940", status: int = 0x88) -> ScriptedBus:
    registers = {0: TIME, 0x0E: bytes([0x1C, status, 0]) + bytes.fromhex(temperature)}
    return ScriptedBus(width=1, registers=registers, react=converts)


@pytest.mark.parametrize(("data", "expected"), [("1940", 25.25), ("f640", -9.75), ("ffc0", -0.25), ("0000", 0.0)])
def test_reads_the_worked_examples(data, expected):
    assert on(board(data), Ds3231).read() == {"temperature": expected}


def test_celsius_is_in_quarters():
    assert celsius(-39) == -9.75


def test_leaves_time_alarms_and_the_stopped_flag_alone():
    bus = board()
    before = bytes(bus.memory)
    on(bus, Ds3231).read()
    assert bytes(bus.memory) == before


@pytest.mark.parametrize(
    ("register", "data"), [(0, b"\x5a"), (2, b"\x3f"), (3, b"\x68"), (5, b"\x13"), (0x0F, b"\x40"), (0x12, b"\x01")]
)
def test_refuses_another_chip(register, data):
    bus = board()
    bus.put(register, data)
    with pytest.raises(WrongChip):
        on(bus, Ds3231).read()


def test_gives_up_a_conversion_that_does_not_end():
    with pytest.raises(NotReady):
        on(board(status=0x04), Ds3231).read()


def test_refuses_a_chip_of_zeros_that_was_put_in_its_place():
    bus = board()
    chip = on(bus, Ds3231)
    chip.read()
    bus.put(0, bytes(19))
    bus.react = lambda bus, data: None
    with pytest.raises(InvalidReading):
        chip.read()


def test_refuses_set_bits_that_it_does_not_have():
    bus = board()
    chip = on(bus, Ds3231)
    chip.read()
    bus.put(0x12, b"\x41")
    with pytest.raises(InvalidReading):
        chip.read()


@pytest.mark.parametrize(("level", "error"), [(0x00, InvalidReading), (0xFF, NotReady)])
def test_refuses_a_shorted_or_floating_line(level, error):
    bus = board()
    chip = on(bus, Ds3231)
    chip.read()
    bus.constant = level
    with pytest.raises(error):
        chip.read()
    with pytest.raises(WrongChip):
        chip.read()


def test_goes_on_with_a_clock_whose_time_was_spoilt():
    bus = board()
    chip = on(bus, Ds3231)
    chip.read()
    bus.put(2, b"\xfc")
    chip.known = False
    assert chip.read().keys() == {"temperature"}


def test_writes_its_command_again_where_a_bit_of_it_was_damaged():
    bus = board()
    chip = on(bus, Ds3231)
    chip.setup()
    commands = []

    def take(bus, data):
        if data[0] == 0x0E and len(data) == 2:
            commands.append(data[1])
            # The bit that stops the clock, the first time.
            bus.put(0x0E, bytes([data[1] & ~0x20 | 0x80 * (len(commands) == 1)]))

    bus.react = take
    chip.read()
    assert len(commands) == 2
    assert not bus.memory[0x0E] & 0x80
