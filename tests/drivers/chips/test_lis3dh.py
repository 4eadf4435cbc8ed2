"""LIS3DH: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.lis3dh import Lis3dh, metres_per_second_squared
from drivers.errors import BeyondRange, InvalidReading, LostPower, NotReady, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

REGISTERS, IDENTITY = b"\xa0", b"\x0f"
G = 9.80665
FRAME = bytes.fromhex("0000 80c1 803e")


def bus(data: bytes = FRAME, status: bytes = b"\x0f", controls: bytes = b"\x47\x00\x00\x88") -> ScriptedBus:
    """`status`: one byte for each read, the last one for ever."""
    frames = [controls + bytes(3) + bytes([byte]) + data for byte in status]
    return ScriptedBus({REGISTERS: frames, IDENTITY: b"\x33"})


def test_unit() -> None:
    assert metres_per_second_squared(-16000) == pytest.approx(-G)


@pytest.mark.parametrize("status", [b"\x0f", b"\x00"])
def test_tells_three_axes(status: bytes) -> None:
    assert list(on(bus(status=status), Lis3dh).read().values()) == pytest.approx([0.0, -G, G])


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(controls=b"\x07\x00\x00\x00"), LostPower),
        (bus(status=b"\x0f\x00"), NotReady),
        (bus(bytes(6), b"\x00"), InvalidReading),
        (bus(b"\xff" * 6, b"\x00"), InvalidReading),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    with pytest.raises(error):
        on(wire, Lis3dh).read()


@pytest.mark.parametrize(("end", "bound"), [(b"\xf0\x7f", "or more"), (b"\x00\x80", "or less")])
def test_an_axis_at_its_stop_costs_only_itself(end: bytes, bound: str) -> None:
    chip = on(bus(end + FRAME[2:]), Lis3dh)
    assert chip.read() == pytest.approx({"acceleration_y": -G, "acceleration_z": G})
    assert isinstance(chip.missing["acceleration_x"], BeyondRange)
    assert bound in str(chip.missing["acceleration_x"])


@pytest.mark.parametrize(("g", "control", "milligrams"), [(4, 0x98, 2), (8, 0xA8, 4), (16, 0xB8, 12)])
def test_a_larger_range_has_larger_digits(g: int, control: int, milligrams: int) -> None:
    wire = bus(bytes.fromhex("4006 0000 0000"), controls=bytes([0x47, 0, 0, control]))
    assert on(wire, Lis3dh, range=g).read()["acceleration_x"] == pytest.approx(100 * milligrams / 1000 * G)


def test_what_lies_beyond_16_g_is_not_told_although_the_digits_go_on() -> None:
    chip = on(bus(b"\x00\x60" + FRAME[2:], controls=bytes([0x47, 0, 0, 0xB8])), Lis3dh, range=16)
    chip.read()
    assert isinstance(chip.missing["acceleration_x"], BeyondRange)


def test_bits_that_no_value_has_are_no_measurement() -> None:
    with pytest.raises(InvalidReading):
        on(bus(b"\x01\x00" + FRAME[2:]), Lis3dh).read()


def test_wrong_options_are_named() -> None:
    with pytest.raises(ValueError, match="range: 3 is none of 2, 4, 8, 16 g"):
        Lis3dh(None, range=3)


def on_a_fake(time: FakeTime, **world: float) -> tuple[FakeBus, Lis3dh]:
    bus = FakeBus({Lis3dh.addresses[0]: fake_chip("lis3dh", **world)}, clock=time, wait=time.sleep)
    chip = Lis3dh(bus)
    chip.sleep = time.sleep
    time.sleep(1)
    return bus, chip


def test_free_fall_is_a_value() -> None:
    bus, chip = on_a_fake(FakeTime(), acceleration_x=0, acceleration_y=0, acceleration_z=0)
    with bus:
        assert [chip.read() for _ in range(2)] == [dict.fromkeys(chip.read(), 0.0)] * 2


def test_does_not_tell_a_sample_from_before_it_was_set_up() -> None:
    time = FakeTime()
    bus, chip = on_a_fake(time, acceleration_x=1.0)
    with bus:
        chip.setup()
        fake, began = bus.chips[chip.address], time.now
        fake.feel(acceleration_x=5.0)
        fake.refresh = lambda: None if time.now < began + 0.009 else type(fake).refresh(fake)  # type: ignore[method-assign]
        assert chip.read()["acceleration_x"] == pytest.approx(5.0, abs=0.05)
