"""MAX31855: frames of the data sheet, the wires that each fault bit names, lines that carry no frame."""

import gc
from pathlib import Path

import pytest
from models import Frames

from drivers import open_chip
from drivers.errors import ChecksumError, InvalidReading, NoAcknowledge, PermanentError
from drivers.fakes.pins import mock_pins


def chip(**options):
    made = open_chip("max31855", **options)
    made.sleep = lambda _: None
    return made


def frame(hot: int, cold: int, faults: int = 0) -> int:
    return (hot & 0x3FFF) << 18 | bool(faults) << 16 | (cold & 0xFFF) << 4 | faults


# Tables 4 and 5.
@pytest.mark.parametrize(
    ("hot", "celsius"),
    [
        (0b01_1001_0000_0000, 1600.0),
        (0b00_1111_1010_0000, 1000.0),
        (0b00_0001_1001_0011, 100.75),
        (0b00_0000_0110_0100, 25.0),
        (0b00_0000_0000_0000, 0.0),
        (0b11_1111_1111_1111, -0.25),
        (0b11_1111_1111_1100, -1.0),
        (0b11_1100_0110_0000, -232.0),
    ],
)
def test_a_thermocouple_is_told_as_in_table_4(pins, hot, celsius):
    Frames(frame(hot, 0x190))
    assert chip().read() == {"temperature": celsius, "reference_temperature": 25.0}


@pytest.mark.parametrize(
    ("cold", "celsius"),
    [(0x7F0, 127.0), (0x649, 100.5625), (0x190, 25.0), (0xFFF, -0.0625), (0xFF0, -1.0), (0xEC0, -20.0), (0xC90, -55.0)],
)
def test_a_cold_junction_is_told_as_in_table_5(pins, cold, celsius):
    Frames(frame(100, cold))
    assert chip().read() == {"temperature": 25.0, "reference_temperature": celsius}


def test_without_a_cold_junction_there_is_no_thermocouple(pins):
    Frames(frame(100, 0xC70))
    with pytest.raises(InvalidReading, match="without reference_temperature"):
        chip().read()


@pytest.mark.parametrize(("bit", "wire"), [(1, "open"), (2, "T- touches ground"), (4, "T- touches the supply")])
def test_each_fault_bit_says_which_wire_and_the_cold_junction_is_told(pins, bit, wire):
    Frames(frame(0x1FFF, 0x190, bit))
    made = chip()
    assert made.read() == {"reference_temperature": 25.0}
    assert isinstance(made.missing["temperature"], InvalidReading)
    assert wire in str(made.missing["temperature"])


def test_two_frames_must_agree(pins):
    model = Frames(frame(100, 400), frame(101, 400), frame(101, 400))
    made = chip()
    assert made.read()["temperature"] == 25.25
    model.frames = [frame(number, 400) for number in range(5)]
    with pytest.raises(ChecksumError, match="no two answers"):
        made.read()


@pytest.mark.parametrize("line", [0x00000000, 0xFFFFFFFF])
def test_a_line_at_rest_is_no_chip(pins, line):
    Frames(line)
    with pytest.raises(NoAcknowledge, match=r"spi0\.0"):
        chip().read()


@pytest.mark.parametrize("word", [0x42424242, frame(100, 400) | 8, frame(100, 400) | 1 << 17, frame(1, 400) | 1 << 16])
def test_bits_that_are_always_0_show_that_it_is_no_frame(pins, word):
    Frames(word)
    with pytest.raises(InvalidReading, match="no frame"):
        chip().read()


@pytest.mark.parametrize("where", [(0, 1), (1, 0), (1, 2)])
def test_every_port_and_chip_select_is_a_bus_of_its_own(pins, where):
    port, select = where
    Frames(frame(100, 400), where=where)
    made = chip(port=port, select=select)
    assert made.bus_name == f"spi{port}.{select}"
    assert made.read()["temperature"] == 25.0


def test_two_chips_on_one_port_are_apart(pins):
    Frames(frame(100, 400), where=(0, 0))
    Frames(frame(-4, 400), where=(0, 1))
    first, second = chip(), chip(select=1)
    assert [first.read()["temperature"], second.read()["temperature"]] == [25.0, -1.0]
    first.close()
    assert second.read()["temperature"] == -1.0


def test_chips_that_nobody_closed_disturb_none_when_they_are_collected(pins):
    for collects_first in (False, True, False, True):
        mock_pins(fresh=True)
        Frames(frame(100, 400), where=(0, 0))
        Frames(frame(-4, 400), where=(0, 1))
        first, second = chip(), chip(select=1)
        assert first.read()["temperature"] == 25.0
        if collects_first:
            gc.collect()
        assert second.read()["temperature"] == -1.0
        first.close()
        gc.collect()
        assert [first.read()["temperature"], second.read()["temperature"]] == [25.0, -1.0]


@pytest.mark.parametrize("options", [{"port": 2}, {"select": 3}, {"port": True}, {"select": -1}])
def test_the_pi_has_five_chip_selects(options):
    with pytest.raises(ValueError, match="the Pi has port 0"):
        open_chip("max31855", **options)


def test_spi_that_is_off_is_switched_on_by_one_command(pins, monkeypatch):
    monkeypatch.setattr(pins.factory, "_handle", 0, raising=False)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    with pytest.raises(PermanentError, match="raspi-config nonint do_spi 0"):
        chip().read()
    with pytest.raises(PermanentError, match="spi1-3cs"):
        chip(port=1).read()


def test_port_1_is_read_over_lgpio_which_gpiozero_does_not_do(pins, monkeypatch, mocker):
    import sys

    lgpio = mocker.Mock(error=OSError)
    lgpio.spi_open.return_value = 7
    lgpio.spi_xfer.return_value = (4, bytearray(frame(100, 400).to_bytes(4, "big")))
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    monkeypatch.setattr(pins.factory, "_handle", 0, raising=False)
    monkeypatch.setattr(Path, "exists", lambda _: True)
    made = chip(port=1, select=2)
    assert made.read()["temperature"] == 25.0
    made.close()
    lgpio.spi_open.assert_called_once_with(1, 2, 500_000, 0)
    lgpio.spi_close.assert_called_once_with(7)
