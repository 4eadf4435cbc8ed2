"""BMP388 and BMP390: worked examples with a negative one, and their faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.bmp3xx import Bmp388, Bmp390
from drivers.errors import InvalidReading, LostPower, NotReady, WrongChip

TRIM = bytes.fromhex("7c6ce349f62ffb1bf823007762417703fad63f1bc4")
DONE = b"\x70"


def board(data: str = "a02e63802c80", identity: int = 0x50) -> ScriptedBus:
    registers = {0x00: bytes([identity]), 0x03: DONE, 0x04: bytes.fromhex(data), 0x31: TRIM}
    return ScriptedBus(width=1, registers=registers)


@pytest.mark.parametrize(
    ("data", "celsius", "hectopascals"), [("a02e63802c80", 22.67, 1003.42), ("e07072c0cf6a", -1.93, 777.94)]
)
@pytest.mark.parametrize(("kind", "identity"), [(Bmp388, 0x50), (Bmp390, 0x60)])
def test_reads_the_worked_examples(kind, identity, data, celsius, hectopascals):
    values = on(board(data, identity), kind).read()
    assert values["temperature"] == pytest.approx(celsius, abs=0.005)
    assert values["pressure"] == pytest.approx(hectopascals, abs=0.005)


def test_names_the_other_of_the_two():
    with pytest.raises(WrongChip, match="bmp390"):
        on(board(identity=0x60), Bmp388).read()


class TestAKnownBmp388:
    @pytest.fixture
    def bus(self):
        return board()

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Bmp388)
        chip.read()
        return chip

    def test_says_that_it_lost_power_and_then_reads_again(self, bus, chip):
        bus.put(0x1C, b"\x02")
        with pytest.raises(LostPower):
            chip.read()
        assert chip.read()["temperature"] == pytest.approx(22.67, abs=0.005)

    def test_gives_up_a_conversion_that_does_not_end(self, bus, chip):
        bus.put(0x03, b"\x30")
        with pytest.raises(NotReady):
            chip.read()

    def test_tells_nothing_without_a_temperature(self, bus, chip):
        bus.put(0x04, bytes.fromhex("a02e63000080"))
        with pytest.raises(InvalidReading):
            chip.read()

    @pytest.mark.parametrize("pressure", ["000080", "000000", "ffffff"])
    def test_tells_the_temperature_without_a_pressure(self, bus, chip, pressure):
        bus.put(0x04, bytes.fromhex(pressure + "802c80"))
        assert chip.read() == {"temperature": pytest.approx(22.67, abs=0.005)}
        assert isinstance(chip.missing["pressure"], InvalidReading)

    def test_refuses_when_the_chip_reports_an_error(self, bus, chip):
        bus.put(0x02, b"\x04")
        with pytest.raises(InvalidReading, match="0x04"):
            chip.read()

    @pytest.mark.parametrize(("level", "error"), [(0x00, NotReady), (0xFF, InvalidReading)])
    def test_refuses_a_shorted_or_floating_line(self, bus, chip, level, error):
        bus.constant = level
        with pytest.raises(error):
            chip.read()
        with pytest.raises(WrongChip):
            chip.read()

    def test_refuses_a_filter_that_it_did_not_switch_on(self, bus, chip):
        bus.put(0x1F, b"\x13")
        with pytest.raises(LostPower, match="filter"):
            chip.read()
