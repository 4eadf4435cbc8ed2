"""ADXL345: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.adxl345 import Adxl345, metres_per_second_squared
from drivers.errors import BeyondRange, InvalidReading, LostPower, NotReady, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

REGISTERS, IDENTITY = b"\x2d", b"\x00"
G = 9.80665
FRAME = bytes.fromhex("0000 00ff 0001")


def bus(data: bytes = FRAME, source: bytes = b"\x82", power: bytes = b"\x08", form: bytes = b"\x08") -> ScriptedBus:
    """`source`: one byte for each read, the last one for ever."""
    frames = [power + bytes(2) + bytes([byte]) + form + data for byte in source]
    return ScriptedBus({REGISTERS: frames, IDENTITY: b"\xe5"})


def test_unit() -> None:
    assert metres_per_second_squared(-256) == pytest.approx(-G)


@pytest.mark.parametrize("source", [b"\x82", b"\x00"])
def test_tells_three_axes(source: bytes) -> None:
    assert list(on(bus(source=source), Adxl345).read().values()) == pytest.approx([0.0, -G, G])


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(power=b"\x00"), LostPower),
        (bus(form=b"\x00"), LostPower),
        (bus(source=b"\x82\x02"), NotReady),
        (bus(bytes(6), b"\x02"), InvalidReading),
        (bus(b"\xff" * 6, b"\x02"), InvalidReading),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    with pytest.raises(error):
        on(wire, Adxl345).read()


@pytest.mark.parametrize(("end", "bound"), [(b"\xff\x01", "or more"), (b"\x00\xfe", "or less")])
def test_an_axis_at_its_stop_costs_only_itself(end: bytes, bound: str) -> None:
    chip = on(bus(end + FRAME[2:]), Adxl345)
    assert chip.read() == pytest.approx({"acceleration_y": -G, "acceleration_z": G})
    assert isinstance(chip.missing["acceleration_x"], BeyondRange)
    assert bound in str(chip.missing["acceleration_x"])


@pytest.mark.parametrize(("g", "form", "stop"), [(4, 0x09, 1023), (8, 0x0A, 2047), (16, 0x0B, 4095)])
def test_a_larger_range_has_more_digits_of_the_same_size(g: int, form: int, stop: int) -> None:
    data = (stop - 1).to_bytes(2, "little") + FRAME[2:]
    chip = on(bus(data, form=bytes([form])), Adxl345, range=g)
    assert chip.read()["acceleration_x"] == pytest.approx((stop - 1) / 256 * G)
    chip = on(bus(stop.to_bytes(2, "little") + FRAME[2:], form=bytes([form])), Adxl345, range=g)
    assert "acceleration_x" not in chip.read()


def test_wrong_options_are_named() -> None:
    with pytest.raises(ValueError, match="range: 3 is none of 2, 4, 8, 16 g"):
        Adxl345(None, range=3)


def on_a_fake(time: FakeTime, **world: float) -> tuple[FakeBus, Adxl345]:
    bus = FakeBus({Adxl345.addresses[0]: fake_chip("adxl345", **world)}, clock=time, wait=time.sleep)
    chip = Adxl345(bus)
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
