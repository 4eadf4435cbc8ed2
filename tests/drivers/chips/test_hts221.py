"""HTS221: its two lines, a flag for each result, and what it must refuse."""

import struct

import pytest
from scripted import ScriptedBus, on

from drivers.chips.hts221 import Hts221, along, lines
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

# As a user reported them: 19.125 °C at 0, 33.75 °C at 798; 30.5 % at -14, 71.5 % at -12043.
CALIBRATION = bytes.fromhex("3d8f990e00c4f2ff3a03f5d000001e03")


def bus(
    humidity: int = -4000, temperature: int = 100, status: object = b"\x03", calibration: object = CALIBRATION, **more
) -> ScriptedBus:
    answers = {
        b"\x0f": b"\xbc",
        b"\xb0": calibration,
        b"\xa0": b"\x84\x00",
        b"\x27": status,
        b"\xa8": struct.pack("<hh", humidity, temperature),
    }
    return ScriptedBus(answers | {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()})


def test_lines_of_a_calibration():
    temperature, humidity = lines(CALIBRATION)
    assert temperature == ((0, 19.125), (798, 33.75))
    assert humidity == ((-14, 30.5), (-12043, 71.5))


def test_along_a_line():
    temperature, humidity = lines(CALIBRATION)
    assert along(temperature, 399) == pytest.approx(26.4375)
    assert along(temperature, -1600) == pytest.approx(-10.198, abs=0.001)
    assert along(humidity, -6028) == pytest.approx(51.0, abs=0.01)


def test_tells_temperature_and_humidity():
    wire = bus()
    values = on(wire, Hts221).read()
    assert values == {"temperature": pytest.approx(20.958, abs=0.001), "humidity": pytest.approx(44.086, abs=0.001)}
    assert b"\x20\x84" in wire.written
    assert b"\x21\x01" in wire.written


def test_fog_is_100_percent_and_what_is_far_beyond_is_no_reading():
    assert on(bus(humidity=-20700), Hts221).read()["humidity"] == 100.0
    chip = on(bus(humidity=-24000), Hts221)
    assert set(chip.read()) == {"temperature"}


@pytest.mark.parametrize(("status", "told"), [(b"\x01", {"temperature"}), (b"\x02", {"humidity"})])
def test_what_was_not_measured_costs_nothing_else(status, told):
    chip = on(bus(status=status), Hts221)
    assert set(chip.read()) == told
    assert all(isinstance(error, InvalidReading) for error in chip.missing.values())


def test_a_damaged_calibration_is_read_again():
    damaged = bytes.fromhex("3d8f990e00c4f2ff3a03f5d000001e07")
    chip = on(bus(calibration=[CALIBRATION, damaged, CALIBRATION, CALIBRATION]), Hts221)
    assert chip.read()["temperature"] == pytest.approx(20.958, abs=0.001)


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(status=b"\x00"), NotReady),
        (bus(at_a0=b"\x00\x00"), LostPower),
        (bus(at_a0=b"\x84\x02"), LostPower),
        (bus(at_a8=[bytes(4), bytes(4), b"\x01\x00\x00\x00"]), ChecksumError),
        (bus(calibration=[bytes([at]) * 8 + CALIBRATION[8:] for at in range(8)]), ChecksumError),
        (bus(calibration=bytes(16)), InvalidReading),
        (bus(calibration=CALIBRATION[:12] + bytes(4)), InvalidReading),
        (bus(at_0f=b"\xb1"), WrongChip),
        (ScriptedBus(), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Hts221).read()
