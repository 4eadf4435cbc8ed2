"""ADT7410: the datasheet's table with negative ones, its ready bit, its witness, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.adt7410 import Adt7410
from drivers.errors import ChecksumError, LostPower, NotReady, WrongChip

READY, NOT_READY = b"\x00", b"\x80"


def board(register: int) -> ScriptedBus:
    """Return a chip that shuts down after each conversion."""

    def react(bus: ScriptedBus, data: bytes) -> None:
        if data[0] == 0x03 and len(data) == 2:
            bus.bank[0x03] = bytes([data[1] | 0x60])
            bus.answers[b"\x02"] = [NOT_READY, *bus.status]

    answers = {b"\x00": register.to_bytes(2, "big"), b"\x0b": b"\xcb"}
    bus = ScriptedBus(answers, react=react)
    # Once a conversion has begun.
    bus.status = [READY]
    bus.bank[0x03] = b"\x00"
    return bus


@pytest.mark.parametrize(
    ("register", "celsius"),
    [
        (0x4B00, 150.0),
        (0x3E80, 125.0),
        (0x1900, 50.0),
        (0x0C80, 25.0),
        (0x0001, 0.0078125),
        (0x0000, 0.0),
        (0xFFFF, -0.0078125),
        (0xF380, -25.0),
        (0xE700, -50.0),
        (0xE480, -55.0),
    ],
)
def test_reads_the_table_of_the_datasheet(register, celsius):
    assert on(board(register), Adt7410).read() == {"temperature": celsius}


def test_converts_once_with_16_bits_and_waits_as_long_as_that_takes():
    bus = board(0x0C80)
    chip = on(bus, Adt7410)
    chip.read()
    assert [data for data in bus.written if len(data) > 1] == [b"\x03\xa0"]
    assert sum(chip.waited) >= 0.240


@pytest.mark.parametrize("identity", [0x00, 0x80, 0xFF, 0xC3])
def test_refuses_another_manufacturer(identity):
    bus = board(0x0C80)
    bus.answers[b"\x0b"] = bytes([identity])
    with pytest.raises(WrongChip):
        on(bus, Adt7410).read()


def test_gives_up_a_conversion_that_does_not_end():
    bus = board(0x0C80)
    bus.status = [NOT_READY]
    with pytest.raises(NotReady):
        on(bus, Adt7410).read()
    bus.status = [NOT_READY, NOT_READY, READY]
    assert on(bus, Adt7410).read() == {"temperature": 25.0}


def test_says_that_it_lost_its_power():
    bus = board(0x0C80)
    chip = on(bus, Adt7410)
    chip.read()
    react, bus.react = bus.react, lambda bus, data: None
    bus.bank[0x03] = b"\x00"
    with pytest.raises(LostPower):
        chip.read()
    bus.react = react
    assert chip.read()


def test_refuses_two_reads_that_differ():
    bus = board(0x0C80)
    chip = on(bus, Adt7410)
    chip.read()
    bus.answers[b"\x00"] = [b"\x0c\x80", b"\x0c\x81"]
    with pytest.raises(ChecksumError):
        chip.read()


def test_a_command_that_did_not_arrive_is_written_again():
    bus = board(0x0C80)
    chip = on(bus, Adt7410)
    chip.read()
    react, lost = bus.react, [True]

    def losing(bus: ScriptedBus, data: bytes) -> None:
        if len(data) == 2 and lost:
            lost.pop()
            bus.answers[b"\x02"] = READY
        else:
            react(bus, data)

    bus.react = losing
    bus.written.clear()
    chip.read()
    assert bus.written.count(b"\x03\xa0") == 2
