"""TMP117: worked examples with a negative one, the end of a one-shot conversion, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.tmp117 import Tmp117, celsius
from drivers.errors import InvalidReading, LostPower, NotReady, WrongChip


def ready(bus: ScriptedBus, data: bytes) -> None:
    """Be done at once with what was asked for: data ready, shut down."""
    if data == b"\x01\x0c\x00":
        bus.put(1, b"\x24\x00")


def board(data: str = "0c80") -> ScriptedBus:
    return ScriptedBus(width=2, registers={0: bytes.fromhex(data), 1: b"\x02\x20", 15: b"\x01\x17"}, react=ready)


@pytest.mark.parametrize(("data", "expected"), [("0c80", 25.0), ("f380", -25.0), ("ffff", -0.0078125)])
def test_reads_the_worked_examples(data, expected):
    assert on(board(data), Tmp117).read() == {"temperature": expected}


def test_celsius_is_in_128ths():
    assert celsius(-128) == -1.0


def test_accepts_a_later_revision_and_refuses_another_chip():
    bus = board()
    bus.put(15, b"\x21\x17")
    on(bus, Tmp117).read()
    bus.put(15, b"\x01\x16")
    with pytest.raises(WrongChip):
        on(bus, Tmp117).read()


def test_gives_up_a_conversion_that_does_not_end():
    bus = board()
    bus.react = lambda bus, data: bus.put(1, b"\x8c\x00")
    with pytest.raises(NotReady):
        on(bus, Tmp117).read()


def test_refuses_a_chip_that_only_keeps_its_configuration():
    bus = board()
    bus.react = lambda bus, data: None
    with pytest.raises(NotReady):
        on(bus, Tmp117).read()


def test_refuses_a_chip_that_never_converted():
    with pytest.raises(InvalidReading, match="never converted"):
        on(board("8000"), Tmp117).read()


def test_refuses_another_chip_that_was_put_in_its_place():
    bus = board()
    chip = on(bus, Tmp117)
    chip.read()
    bus.put(15, b"\x50\x00")
    with pytest.raises(LostPower):  # a bit may have flipped: the next set-up decides
        chip.read()
    with pytest.raises(WrongChip):
        chip.read()


def test_says_that_it_lost_power_and_then_reads_again():
    bus = board()
    chip = on(bus, Tmp117)
    chip.read()
    bus.react = lambda bus, data: bus.put(1, b"\x02\x20")
    with pytest.raises(LostPower):
        chip.read()
    bus.react = ready
    assert chip.read() == {"temperature": 25.0}


@pytest.mark.parametrize(("level", "error"), [(0x00, LostPower), (0xFF, LostPower)])
def test_refuses_a_shorted_or_floating_line(level, error):
    bus = board()
    chip = on(bus, Tmp117)
    chip.read()
    bus.constant = level
    with pytest.raises(error):
        chip.read()
    with pytest.raises(WrongChip):
        chip.read()
