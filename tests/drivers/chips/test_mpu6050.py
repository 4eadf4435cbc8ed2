"""MPU-6050: vectors, and what it must refuse."""

import math

import pytest
from scripted import ScriptedBus, on

from drivers.chips.mpu6050 import Mpu6050, celsius, metres_per_second_squared, radians_per_second
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

STATUS, SETTINGS, POWER, IDENTITY = b"\x3a", b"\x19", b"\x6b", b"\x75"
G = 9.80665
FRAME = bytes.fromhex("4000 c000 0000 f0b0 0083 ff7d 0000")
AWAKE = b"\x01" + bytes(9) + b"\x68"
ASLEEP = b"\x40" + bytes(9) + b"\x68"
AXES = {f"{kind}_{axis}" for kind in ("acceleration", "rotation") for axis in "xyz"}


def bus(
    data: bytes = FRAME,
    power: object = AWAKE,
    identity: bytes = b"\x68",
    status: bytes = b"\x01",
    settings: bytes = b"\x13\x04\x00\x00",
) -> ScriptedBus:
    """`status`: one byte for each read, the last one forever."""
    frames = [bytes([byte]) + data for byte in status]
    return ScriptedBus({STATUS: frames, SETTINGS: settings, POWER: power, IDENTITY: identity})


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
        (bus(power=ASLEEP), LostPower),
        (bus(power=b"\x01" + bytes(10)), LostPower),
        (bus(settings=b"\x13\x04\x00\x08"), LostPower),
        (bus(status=b"\x01\x00"), NotReady),
        (bus(bytes(14), status=b"\x00"), InvalidReading),
        (bus(b"\xff" * 14), InvalidReading),
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


def test_may_be_a_chip_with_another_identity_where_the_user_says_so() -> None:
    wire = bus(power=b"\x01" + bytes(9) + b"\x69", identity=b"\x69")
    assert len(on(wire, Mpu6050, identity="lenient").read()) == 7


def test_is_woken_again_after_a_loss_of_power() -> None:
    wire = bus()
    chip = on(wire, Mpu6050)
    chip.read()
    wire.answers[POWER] = ASLEEP
    with pytest.raises(LostPower):
        chip.read()
    wire.answers[POWER] = AWAKE
    chip.read()
    assert wire.written.count(b"\x6b\x01") == 2


@pytest.mark.parametrize("at", [0, 8])
@pytest.mark.parametrize(("end", "bound"), [(b"\x7f\xff", "or more"), (b"\x80\x00", "or less")])
def test_an_axis_at_its_stop_costs_only_itself(at: int, end: bytes, bound: str) -> None:
    chip = on(bus(FRAME[:at] + end + FRAME[at + 2 :]), Mpu6050)
    name = "rotation_x" if at else "acceleration_x"
    assert chip.read().keys() == AXES - {name} | {"temperature"}
    assert isinstance(chip.missing[name], BeyondRange)
    assert bound in str(chip.missing[name])
    assert ("`rotation_range`" if at else "`range`") in str(chip.missing[name])


def test_larger_ranges_have_larger_digits() -> None:
    wire = bus(settings=b"\x13\x04\x18\x10")
    values = on(wire, Mpu6050, range=8, rotation_range=2000).read()
    assert values["acceleration_x"] == pytest.approx(4 * G)
    assert math.degrees(values["rotation_x"]) == pytest.approx(8.0)
    assert {b"\x19\x13", b"\x1a\x04", b"\x1b\x18", b"\x1c\x10"} <= set(wire.written)


@pytest.mark.parametrize("options", [{"range": 3}, {"range": True}, {"rotation_range": 300}])
def test_wrong_options_are_named(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Mpu6050(None, **options)


def test_a_sample_that_changes_while_it_is_read_is_read_until_three_agree() -> None:
    wire = bus()
    chip = on(wire, Mpu6050)
    chip.setup()
    old, new = b"\x01" + FRAME, b"\x01" + FRAME[:1] + b"\x10" + FRAME[2:]
    wire.answers[STATUS] = [old, new]
    assert chip.read()["acceleration_x"] == pytest.approx((0x4010 / 16384) * G)
    wire.answers[STATUS] = [b"\x01" + bytes([n]) + FRAME[1:] for n in range(9)]
    with pytest.raises(ChecksumError):
        chip.read()


def test_on_a_slow_bus_samples_may_differ_by_the_noise_of_the_chip() -> None:
    wire = bus()
    chip = on(wire, Mpu6050)
    chip.setup()
    frames = [b"\x01" + FRAME[:1] + bytes([10 * n]) + FRAME[2:] for n in (5, 1, 4, 2, 8, 3, 7, 6)]
    wire.answers[STATUS] = [*frames]
    assert chip.read()["acceleration_x"] == pytest.approx((0x4000 + 50) / 16384 * G)
    wire.answers[STATUS] = [*frames[:3], b"\x01\x44" + FRAME[1:], *frames[4:]]
    with pytest.raises(ChecksumError):
        chip.read()


def test_free_fall_is_a_value() -> None:
    values = on(bus(bytes(6) + FRAME[6:8] + bytes(6)), Mpu6050).read()
    assert [value for name, value in values.items() if name != "temperature"] == [0.0] * 6
    assert on(bus(bytes(14)), Mpu6050).read()["temperature"] == pytest.approx(36.53)
