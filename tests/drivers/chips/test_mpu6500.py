"""MPU-6500 and those that have its registers: vectors, and what it must refuse."""

import math

import pytest
from scripted import ScriptedBus, on

from drivers.chips.mpu6050 import celsius
from drivers.chips.mpu6500 import Mpu6500
from drivers.errors import BeyondRange, ChecksumError, LostPower, WrongChip

STATUS, SETTINGS, POWER, IDENTITY = b"\x3a", b"\x19", b"\x6b", b"\x75"
G = 9.80665
# 1 g, -1 g, 0; 25 °C; 1 and -1 °/s, 0.
FRAME = bytes.fromhex("4000 c000 0000 0537 0083 ff7d 0000")
WRITTEN = bytes.fromhex("13 04 00 00 04")


def bus(data: object = FRAME, identity: int = 0x70, settings: object = WRITTEN) -> ScriptedBus:
    frames = [b"\x01" + one for one in (data if isinstance(data, list) else [data])]
    return ScriptedBus({STATUS: frames, SETTINGS: settings, IDENTITY: bytes([identity])})


def test_units() -> None:
    assert celsius(0, 333.87, 21.0) == 21.0
    # -40 °C.
    assert celsius(-20366, 333.87, 21.0) == pytest.approx(-40.0, abs=0.003)


@pytest.mark.parametrize("identity", [0x70, 0x71, 0x72, 0x73, 0x98])
def test_tells_seven_numbers_whatever_it_calls_itself(identity: int) -> None:
    values = on(bus(identity=identity), Mpu6500).read()
    force = [values[f"acceleration_{axis}"] for axis in "xyz"]
    turn = [math.degrees(values[f"rotation_{axis}"]) for axis in "xyz"]
    assert force == pytest.approx([G, -G, 0.0])
    assert turn == pytest.approx([1.0, -1.0, 0.0])
    assert values["temperature"] == pytest.approx(25.0, abs=0.005)


def test_sets_the_filter_of_the_accelerometer_and_the_ranges() -> None:
    wire = bus(settings=bytes.fromhex("13 04 08 10 04"))
    values = on(wire, Mpu6500, range=8, rotation_range=500).read()
    assert [message for message in wire.written if len(message) == 2] == [
        b"\x6b\x01",
        b"\x6c\x00",
        b"\x19\x13",
        b"\x1a\x04",
        b"\x1b\x08",
        b"\x1c\x10",
        b"\x1d\x04",
    ]
    assert values["acceleration_x"] == pytest.approx(4 * G)


def test_notices_that_it_woke_up_by_itself_with_other_ranges() -> None:
    wire = bus(settings=bytes.fromhex("13 04 00 10 04"))
    chip = on(wire, Mpu6500, range=8)
    chip.read()
    wire.answers[SETTINGS] = bytes(5)
    with pytest.raises(LostPower):
        chip.read()


def test_names_an_mpu6050() -> None:
    with pytest.raises(WrongChip, match="MPU-6050"):
        on(bus(identity=0x68), Mpu6500).read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_is_not_found_on_a_dead_line(byte: int) -> None:
    with pytest.raises(WrongChip):
        on(ScriptedBus(otherwise=byte), Mpu6500).read()


def test_refuses_reads_that_do_not_agree() -> None:
    wire = bus([FRAME[:-2] + bytes([n, 0]) for n in range(0x00, 0x60, 4)])
    with pytest.raises(ChecksumError):
        on(wire, Mpu6500).read()


def test_an_axis_at_its_stop_is_beyond_its_range() -> None:
    chip = on(bus(b"\x7f\xff" + FRAME[2:]), Mpu6500)
    assert len(chip.read()) == 6
    assert isinstance(chip.missing["acceleration_x"], BeyondRange)


def test_notices_that_it_woke_up_by_itself_where_it_moves_and_samples_faster_than_it_is_read() -> None:
    wire = bus()
    chip = on(wire, Mpu6500)
    chip.read()
    wire.answers[SETTINGS] = bytes(5)
    wire.answers[STATUS] = [b"\x01" + bytes([16 * n]) + FRAME[1:] for n in range(9)]
    with pytest.raises(LostPower):
        chip.read()
