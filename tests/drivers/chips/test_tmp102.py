"""TMP102: worked examples with a negative one, its configuration as identity and witness, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.tmp102 import Tmp102, celsius
from drivers.errors import InvalidReading, LostPower, NotReady, WrongChip


def silicon(bus: ScriptedBus, data: bytes) -> None:
    """Keep the two bits that are always 1; finish a conversion at once, if there is one to be finished."""
    if data[0] == 1 and len(data) == 3:
        finished = 0x80 if data[1] & 0x81 == 0x81 else 0
        bus.put(1, bytes([data[1] & 0x1F | 0x60 | finished, data[2] & 0xD0 | 0x20]))


def board(data: str = "3200") -> ScriptedBus:
    return ScriptedBus(width=2, registers={0: bytes.fromhex(data), 1: b"\x60\xa0"}, react=silicon)


@pytest.mark.parametrize(("data", "expected"), [("3200", 50.0), ("e700", -25.0), ("fff0", -0.0625), ("0000", 0.0)])
def test_reads_the_worked_examples(data, expected):
    assert on(board(data), Tmp102).read() == {"temperature": expected}


def test_celsius_is_in_sixteenths():
    assert celsius(-16) == -1.0


@pytest.mark.parametrize("configuration", ["0220", "8583", "0000", "ffff"])
def test_does_not_write_to_another_chip(configuration):
    bus = ScriptedBus(width=2, registers={1: bytes.fromhex(configuration), 2: b"\x4b\x00"})
    before = bytes(bus.memory)
    with pytest.raises(WrongChip):
        on(bus, Tmp102).read()
    assert bytes(bus.memory) == before


def test_refuses_a_memory_of_bytes_that_is_all_zero():
    with pytest.raises(WrongChip):
        on(ScriptedBus(width=1), Tmp102).read()


@pytest.mark.parametrize(
    "react",
    [
        lambda bus, data: bus.put(1, b"\x60\xa0"),
        lambda bus, data: bus.put(2, b"\x4b\x00"),
        lambda bus, data: data[0] == 2 and len(data) == 3 and bus.put(1, bytes([bus.memory[2], data[1]])),
    ],
    ids=["the configuration is not kept", "the limit is not kept", "a memory of bytes"],
)
def test_refuses_a_chip_that_does_not_keep_what_is_written(react):
    bus = board()
    bus.put(2, b"\x4b\x00")
    bus.react = react
    with pytest.raises(WrongChip):
        on(bus, Tmp102).read()


class TestAnEmulatorThatKeepsEverything:
    @pytest.fixture
    def bus(self):
        return ScriptedBus(width=2, registers={0: b"\xe7\x00"})

    def test_is_no_tmp102(self, bus):
        with pytest.raises(WrongChip):
            on(bus, Tmp102).read()

    def test_is_read_where_it_is_believed_to_be_one(self, bus):
        chip = on(bus, Tmp102, identity="lenient")
        assert chip.read() == {"temperature": -25.0}
        bus.put(0, b"\x32\x00")
        assert chip.read() == {"temperature": 50.0}


class TestAKnownTmp102:
    @pytest.fixture
    def bus(self):
        return board()

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Tmp102)
        chip.read()
        return chip

    def test_gives_up_a_conversion_that_does_not_end(self, bus, chip):
        bus.react = lambda bus, data: bus.put(1, b"\x61\xa0")
        with pytest.raises(NotReady):
            chip.read()

    def test_says_that_it_lost_power_during_the_conversion(self, bus, chip):
        bus.react = lambda bus, data: bus.put(1, b"\xe0\xa0")
        with pytest.raises(LostPower):
            chip.read()

    def test_says_that_it_lost_power_before_the_temperature_was_read(self, bus, chip):
        def blip(bus: ScriptedBus, data: bytes) -> None:
            silicon(bus, data)
            if data == b"\x00":
                bus.put(0, b"\x00\x00\x60\xa0")

        bus.react = blip
        with pytest.raises(LostPower):
            chip.read()

    def test_refuses_another_chip_that_was_put_in_its_place(self, bus, chip):
        bus.react = lambda bus, data: None  # it keeps what is written, as it is written
        with pytest.raises(LostPower):
            chip.read()

    def test_refuses_set_bits_that_it_does_not_have(self, bus, chip):
        bus.put(0, b"\x32\x01")
        with pytest.raises(InvalidReading):
            chip.read()

    @pytest.mark.parametrize("level", [0x00, 0xFF])
    def test_refuses_a_shorted_or_floating_line(self, bus, chip, level):
        bus.constant = level
        with pytest.raises(LostPower):
            chip.read()
