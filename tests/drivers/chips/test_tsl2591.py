"""TSL2591: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.tsl2591 import Tsl2591, lux
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


def bus(status: int = 1, both: int = 2000, infrared: int = 400, **more: object) -> ScriptedBus:
    frame = bytes([status]) + both.to_bytes(2, "little") + infrared.to_bytes(2, "little")
    answers: dict[bytes, object] = {b"\xb2": b"\x50", b"\xb3": frame, b"\xa0": b"\x03\x10"}
    return ScriptedBus(answers | {bytes.fromhex(key): value for key, value in more.items()})


def test_lux() -> None:
    assert lux(1000, 200, 25, 100) == pytest.approx(109.7, abs=0.05)
    assert lux(200, 20, 25, 100) == pytest.approx(27.3, abs=0.05)


def test_tells_lux() -> None:
    assert on(bus(), Tsl2591).read()["illuminance"] == pytest.approx(2 * 109.7, abs=0.1)


def test_takes_a_lower_gain_in_bright_light() -> None:
    wire = bus()
    wire.answers[b"\xb3"] = [b"\x01\xff\xff\x00\x40"] * 3 + [b"\x01\xe8\x03\xc8\x00"]
    wire.answers[b"\xa0"] = [b"\x03\x10", b"\x03\x00"]
    assert on(wire, Tsl2591).read()["illuminance"] == pytest.approx(25 * 109.7, abs=1)


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(both=100, infrared=200), InvalidReading),
        (bus(status=0), NotReady),
        (bus(a0=b"\x00\x00"), LostPower),
        (bus(b3=[b"\x01", b"\x01\xe8\x03\xc8\x00", b"\x01\xe9\x03\xc8\x00"]), ChecksumError),
        (bus(b2=b"\x00"), WrongChip),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    with pytest.raises(error):
        on(wire, Tsl2591, gain=25).read()


@pytest.mark.parametrize("options", [{"gain": 2}, {"integration_ms": 99}])
def test_wrong_options_are_named(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Tsl2591(None, **options)


def test_infrared_that_takes_the_formula_far_below_0_lx_is_no_reading() -> None:
    with pytest.raises(InvalidReading, match="outside of"):
        on(bus(both=30000, infrared=30000), Tsl2591, gain=25).read()


@pytest.mark.parametrize(("both", "infrared"), [(0, 0), (0, 1), (3, 20), (1000, 1000), (5000, 5000)])
def test_the_dark_and_infrared_alone_are_0_lx(both: int, infrared: int) -> None:
    assert on(bus(both=both, infrared=infrared), Tsl2591, gain=25).read() == {"illuminance": 0.0}


@pytest.mark.parametrize(
    ("both", "infrared", "bound"),
    [(36863, 400, "5908.98 lx or more"), (36863, 36863, "too bright"), (30000, 36863, "too bright")],
)
def test_too_bright_light_is_beyond_the_scale(both: int, infrared: int, bound: str) -> None:
    with pytest.raises(BeyondRange, match=bound):
        on(bus(both=both, infrared=infrared), Tsl2591, gain=25).read()


def test_light_beyond_what_the_chip_is_made_for_is_beyond_the_scale() -> None:
    wire = bus(both=36000, infrared=0, a0=b"\x03\x00")
    with pytest.raises(BeyondRange, match="88000 lx or more"):
        on(wire, Tsl2591, gain=1).read()


def test_says_why_it_refuses_more_infrared_than_light() -> None:
    with pytest.raises(InvalidReading, match="more infrared"):
        on(bus(both=100, infrared=200), Tsl2591, gain=25).read()
