"""MS5611: the datasheet's worked example and cold ones, the checksum of AN520, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ms5611 import Ms5611, is_whole
from drivers.crc import crc4
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

COEFFICIENTS = (40127, 36924, 23317, 23282, 33464, 28312)
CONVERT = {0x48: "pressure", 0x58: "temperature"}


def prom(*coefficients: int, factory: int = 0x0046, serial: int = 0x1D00) -> bytes:
    words = b"".join(word.to_bytes(2, "big") for word in (factory, *coefficients, serial))
    return words[:15] + bytes([words[15] | crc4(words)])


class Board(ScriptedBus):
    """A chip whose results are read once; `results` is played, its last one forever."""

    def __init__(self, d1: int = 9085466, d2: int = 8569150, words: bytes = prom(*COEFFICIENTS)) -> None:
        super().__init__({bytes([0xA0 + at]): words[at : at + 2] for at in range(0, 16, 2)}, react=self.convert)
        self.results = {0x48: [d1], 0x58: [d2]}

    def convert(self, _, data: bytes) -> None:
        if data[0] in self.results:
            results = self.results[data[0]]
            result = results.pop(0) if len(results) > 1 else results[0]
            self.answers[b"\x00"] = [result.to_bytes(3, "big"), b"\x00\x00\x00"]


def test_the_checksum_is_that_of_the_application_note():
    words = bytes.fromhex("3132 3334 3536 3738 3940 4142 4344 4500")
    assert crc4(words) == 0xB


@pytest.mark.parametrize(
    ("d1", "d2", "temperature", "pressure"),
    [
        (9085466, 8569150, 20.07, 1000.09),
        # In the data sheet's integers: dT = -566784, TEMP = 87 and -62 with the second order.
        (9000000, 8000000, -0.62, 944.23),
        # dT = -1066784, TEMP = -1601, which is very cold, and -2130 with the second order.
        (8500000, 7500000, -21.30, 816.74),
    ],
)
def test_reads_the_worked_examples(d1, d2, temperature, pressure):
    values = on(Board(d1, d2), Ms5611).read()
    assert values["temperature"] == pytest.approx(temperature, abs=0.01)
    assert values["pressure"] == pytest.approx(pressure, abs=0.011)


def test_sends_the_commands_of_the_datasheet():
    bus = Board()
    chip = on(bus, Ms5611)
    chip.read()
    bus.written.clear()
    chip.waited.clear()
    chip.read()
    assert b"".join(bus.written) == bytes.fromhex("1e 5800 5800 5800 4800 4800 4800 ae")
    assert chip.waited[0] >= 0.0028
    assert min(chip.waited[1:]) >= 0.00904


@pytest.mark.parametrize("bit", range(0, 128, 5))
def test_refuses_a_calibration_with_a_wrong_bit(bit):
    damaged = bytearray(prom(*COEFFICIENTS))
    damaged[bit // 8] ^= 1 << bit % 8
    # The upper bits of the last byte are not covered.
    if bit < 120 or bit % 8 < 4:
        assert not is_whole(bytes(damaged))
        with pytest.raises(WrongChip):
            on(Board(words=bytes(damaged)), Ms5611).read()


@pytest.mark.parametrize("words", [bytes(16), b"\xff" * 16, prom(40127, 0, 23317, 23282, 33464, 28312)])
def test_refuses_a_calibration_that_is_none(words):
    assert not is_whole(words)


class TestAKnownChip:
    @pytest.fixture
    def bus(self):
        return Board()

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Ms5611)
        chip.read()
        return chip

    @pytest.mark.parametrize("command", CONVERT)
    def test_tells_the_middle_one_of_three_results(self, bus, chip, command):
        (right,) = bus.results[command]
        bus.results[command] = [right, right ^ 0x100000, right]
        assert chip.read() == {
            "temperature": pytest.approx(20.07, abs=0.01),
            "pressure": pytest.approx(1000.09, abs=0.011),
        }

    @pytest.mark.parametrize("command", CONVERT)
    def test_refuses_three_results_of_which_no_two_are_alike(self, bus, chip, command):
        (right,) = bus.results[command]
        bus.results[command] = [right, right + 5000, right - 5000]
        with pytest.raises(ChecksumError):
            chip.read()

    @pytest.mark.parametrize("command", CONVERT)
    def test_says_when_there_is_no_result(self, bus, chip, command):
        bus.results[command] = [0]
        with pytest.raises(NotReady):
            chip.read()

    def test_tells_the_temperature_where_the_pressure_stands_at_its_end(self, bus, chip):
        bus.results[0x48] = [0xFFFFFF]
        assert chip.read() == {"temperature": pytest.approx(20.07, abs=0.01)}
        assert isinstance(chip.missing["pressure"], InvalidReading)

    def test_says_when_another_chip_stands_in_its_place(self, bus, chip):
        bus.answers[b"\xae"] = b"\x1d\x05"
        with pytest.raises(LostPower):
            chip.read()
