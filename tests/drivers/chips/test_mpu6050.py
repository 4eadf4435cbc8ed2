"""MPU-6050: vectors, and what it must refuse."""

import math

import pytest
from scripted import ScriptedBus, on

from drivers.chips.mpu6050 import Mpu6050, celsius, metres_per_second_squared, radians_per_second
from drivers.errors import InvalidReading, LostPower, WrongChip

DATA, POWER, IDENTITY = b"\x3b", b"\x6b", b"\x75"
G = 9.80665
FRAME = bytes.fromhex("4000 c000 0000 f0b0 0083 ff7d 0000")


def bus(data: bytes = FRAME, power: bytes = b"\x01", identity: bytes = b"\x68") -> ScriptedBus:
    return ScriptedBus({DATA: data, POWER: power, IDENTITY: identity})


def test_units() -> None:
    assert metres_per_second_squared(-16384) == pytest.approx(-G)
    assert radians_per_second(-131) == pytest.approx(-math.pi / 180)
    assert celsius(0xF0B0 - 0x10000) == pytest.approx(25.0, abs=0.005)


def test_tells_seven_numbers() -> None:
    values = on(bus(), Mpu6050).read()
    force = [values[f"acceleration_{axis}"] for axis in "xyz"]
    turn = [math.degrees(values[f"rotation_{axis}"]) for axis in "xyz"]
    assert force == pytest.approx([G, -G, 0.0])
    assert turn == pytest.approx([1.0, -1.0, 0.0])
    assert values["temperature"] == pytest.approx(25.0, abs=0.005)


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(power=b"\x40"), LostPower),
        (ScriptedBus({DATA: bytes(14), POWER: b"\x01", IDENTITY: b"\x68", b"\x3a": bytes(15)}), InvalidReading),
        (bus(b"\xff" * 14), InvalidReading),
        (bus(b"\x7f\xff" + FRAME[2:]), InvalidReading),
        (bus(FRAME[:8] + b"\x80\x00" + FRAME[10:]), InvalidReading),
        (bus(identity=b"\x70"), WrongChip),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    with pytest.raises(error):
        on(wire, Mpu6050).read()


def test_names_the_chip_it_found() -> None:
    with pytest.raises(WrongChip, match="MPU-6500"):
        on(bus(identity=b"\x70"), Mpu6050).identify()


def test_is_woken_again_after_a_loss_of_power() -> None:
    wire = bus()
    chip = on(wire, Mpu6050)
    chip.read()
    wire.answers[POWER] = [b"\x40", b"\x01"]
    with pytest.raises(LostPower):
        chip.read()
    chip.read()
    assert wire.written.count(b"\x6b\x01") == 2


@pytest.mark.parametrize(
    ("status", "then", "is_told"), [(b"\x01", bytes(14), True), (b"\x00", bytes(14), False), (b"\x01", FRAME, False)]
)
def test_all_zero_is_told_only_if_the_chip_calls_it_new(status: bytes, then: bytes, is_told: bool) -> None:
    wire = bus(bytes(14))
    wire.answers[b"\x3a"] = status + then
    if is_told:
        assert on(wire, Mpu6050).read()["temperature"] == pytest.approx(36.53)
    else:
        with pytest.raises(InvalidReading):
            on(wire, Mpu6050).read()


def test_free_fall_is_a_value() -> None:
    values = on(bus(bytes(6) + FRAME[6:8] + bytes(6)), Mpu6050).read()
    assert [value for name, value in values.items() if name != "temperature"] == [0.0] * 6
