"""BME280 and BMP280 against the data sheet's own example, with a negative temperature, and their faults."""

import struct

import pytest
from scripted import ScriptedBus, on

from drivers.chips.bme280 import Bme280, Bmp280, humidity_calibration
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

TRIM = bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017")
H1, TRIM_H = b"\x4b", bytes.fromhex("6a01001329031e")
WARM, COLD = bytes.fromhex("655ac07eed007530"), bytes.fromhex("476d404ca9707530")


def board(data: bytes = WARM, identity: int = 0x60) -> ScriptedBus:
    registers = {0xD0: bytes([identity]), 0x88: TRIM, 0xA1: H1, 0xE1: TRIM_H, 0xF7: data}
    return ScriptedBus(width=1, registers=registers)


class TestABme280:
    def test_reads_the_example_of_the_data_sheet(self):
        values = on(board(), Bme280).read()
        assert values["temperature"] == pytest.approx(25.08, abs=0.005)
        assert values["pressure"] == pytest.approx(1006.53, abs=0.005)
        assert values["humidity"] == pytest.approx(55.00, abs=0.005)

    def test_reads_below_zero(self):
        values = on(board(COLD), Bme280).read()
        assert values["temperature"] == pytest.approx(-39.90, abs=0.005)
        assert values["pressure"] == pytest.approx(1099.00, abs=0.005)

    def test_takes_h4_h5_and_h6_as_signed(self):
        bus = board(WARM[:6] + b"\x1f\x40")
        bus.put(0xE1, bytes.fromhex("610100ffe4fce2"))
        assert on(bus, Bme280).read()["humidity"] == pytest.approx(46.65, abs=0.005)
        assert humidity_calibration(H1 + bytes.fromhex("610100ffe4fce2"))[3:] == (-12, -50, -30)

    def test_takes_four_transfers_once_it_is_set_up(self):
        bus = board()
        chip = on(bus, Bme280)
        chip.read()
        before = bus.transfers
        chip.read()
        assert bus.transfers - before == 4

    def test_names_a_bmp280_that_was_sold_as_one(self):
        with pytest.raises(WrongChip, match="bmp280") as caught:
            on(board(identity=0x58), Bme280).read()
        assert (caught.value.expected, caught.value.found) == (0x60, 0x58)

    def test_says_that_it_lost_power_and_then_reads_again(self):
        bus = board()
        chip = on(bus, Bme280)
        chip.read()
        bus.put(0xF2, bytes(3))
        with pytest.raises(LostPower):
            chip.read()
        assert chip.read()["temperature"] == pytest.approx(25.08, abs=0.005)

    def test_says_that_it_lost_power_during_the_conversion(self):
        bus = board()
        chip = on(bus, Bme280)
        chip.read()
        bus.react = lambda bus, data: bus.put(0xF4, b"\x00") if data == b"\xf4\x25" else None
        with pytest.raises(LostPower):
            chip.read()

    def test_gives_up_a_conversion_that_does_not_end(self):
        bus = board()
        chip = on(bus, Bme280)
        chip.setup()
        bus.put(0xF3, b"\x08")
        with pytest.raises(NotReady):
            chip.read()

    @pytest.mark.parametrize("data", ["655ac0 800000 7530", "655ac0 000000 7530", "655ac0 fffff0 7530"])
    def test_tells_nothing_without_a_temperature(self, data):
        with pytest.raises(InvalidReading):
            on(board(bytes.fromhex(data)), Bme280).read()

    @pytest.mark.parametrize("pressure", ["800000", "000000", "fffff0"])
    def test_tells_temperature_and_humidity_without_a_pressure(self, pressure):
        chip = on(board(bytes.fromhex(f"{pressure} 7eed00 7530")), Bme280)
        assert set(chip.read()) == {"temperature", "humidity"}
        assert isinstance(chip.missing["pressure"], InvalidReading)

    @pytest.mark.parametrize("humidity", ["8000", "0000", "ffff", "0001", "fffe"])
    def test_tells_temperature_and_pressure_where_the_humidity_is_none(self, humidity):
        chip = on(board(bytes.fromhex(f"655ac0 7eed00 {humidity}")), Bme280)
        values = chip.read()
        assert values["temperature"] == pytest.approx(25.08, abs=0.005)
        assert set(values) == {"temperature", "pressure"}
        assert isinstance(chip.missing["humidity"], InvalidReading)

    def test_refuses_a_filter_that_it_did_not_switch_on(self):
        """As where the command went to the register next to it."""
        bus = board()
        chip = on(bus, Bme280)
        chip.read()
        bus.put(0xF5, b"\x25")
        with pytest.raises(LostPower, match="filter"):
            chip.read()

    def test_says_that_it_lost_the_setting_of_its_humidity(self):
        bus = board()
        chip = on(bus, Bme280)
        chip.read()
        bus.put(0xF2, b"\x00")
        with pytest.raises(LostPower):
            chip.read()
        assert set(chip.read()) == {"temperature", "pressure", "humidity"}

    @pytest.mark.parametrize("level", [0x00, 0xFF])
    def test_refuses_a_shorted_or_floating_line(self, level):
        bus = board()
        chip = on(bus, Bme280)
        chip.read()
        bus.constant = level
        with pytest.raises(LostPower):
            chip.read()
        with pytest.raises(WrongChip):
            chip.read()

    @pytest.mark.parametrize("level", [b"\x00", b"\xff"])
    def test_refuses_a_calibration_that_is_none(self, level):
        bus = board()
        bus.put(0x88, level * 24)
        with pytest.raises(InvalidReading, match="calibration"):
            on(bus, Bme280).read()

    def test_does_not_keep_a_calibration_that_arrived_damaged(self):
        bus = board()
        reads = iter([b"\x71", b"\x70", b"\x70", b"\x71"])

        def flip(bus: ScriptedBus, data: bytes) -> None:
            if data == b"\x88":
                bus.put(0x88, next(reads, b"\x70"))

        bus.react = flip
        chip = on(bus, Bme280)
        assert chip.read()["temperature"] == pytest.approx(25.08, abs=0.005)

    def test_takes_no_calibration_of_which_no_three_reads_agree(self):
        bus = board()
        reads = iter(range(100))
        bus.react = lambda bus, data: bus.put(0x88, bytes([next(reads) % 4])) if data == b"\x88" else None
        chip = on(bus, Bme280)
        with pytest.raises(ChecksumError):
            chip.read()
        bus.react = lambda bus, data: bus.put(0x88, b"\x70") if data == b"\x88" else None
        assert chip.read()["temperature"] == pytest.approx(25.08, abs=0.005)


class TestABmp280:
    def test_reads_the_example_of_the_data_sheet(self):
        values = on(board(identity=0x58), Bmp280).read()
        assert values["temperature"] == pytest.approx(25.08, abs=0.005)
        assert values["pressure"] == pytest.approx(1006.53, abs=0.005)
        assert set(values) == {"temperature", "pressure"}

    def test_says_that_it_lost_power(self):
        bus = board(identity=0x58)
        chip = on(bus, Bmp280)
        chip.read()
        bus.put(0xF4, b"\x00")
        with pytest.raises(LostPower):
            chip.read()


def test_oversampling_is_written_and_checked():
    bus = board()
    on(bus, Bme280, oversampling=4).read()
    assert bus.memory[0xF2] == 3
    assert bus.memory[0xF4] == 3 << 5 | 3 << 2 | 1
    with pytest.raises(ValueError, match="1, 2, 4, 8, 16"):
        Bme280(None, oversampling=3)


def test_the_trimming_values_are_those_of_the_data_sheet():
    assert struct.unpack("<HhhH", TRIM[:8]) == (27504, 26435, -1000, 36477)
