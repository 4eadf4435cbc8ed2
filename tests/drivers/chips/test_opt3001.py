"""OPT3001: the datasheet's examples, its flags, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.opt3001 import Opt3001, lux
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


def bus(result: object = b"\x36\xc0", config: object = b"\xc8\x80", **more: object) -> ScriptedBus:
    answers = {b"\x7e": b"\x54\x49", b"\x7f": b"\x30\x01", b"\x00": result, b"\x01": config}
    return ScriptedBus(answers | {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0x0001, 0.01),
        (0x0FFF, 40.95),
        (0x3456, 88.80),
        (0x789A, 2818.56),
        (0x8800, 5242.88),
        (0x9400, 5242.88),
        (0xA200, 5242.88),
        (0xB100, 5242.88),
        (0xB001, 20.48),
        (0xBFFF, 83865.60),
    ],
)
def test_lux_of_the_table_in_the_datasheet(code, expected):
    assert lux(code) == pytest.approx(expected)


def test_tells_lux_of_a_conversion_that_it_began():
    wire = bus(b"\x78\x9a")
    assert on(wire, Opt3001).read()["illuminance"] == pytest.approx(2818.56)
    assert b"\x01\xca\x00" in wire.written


def test_a_short_integration_is_another_configuration_and_a_shorter_wait():
    wire = bus(config=b"\xc0\x80")
    chip = on(wire, Opt3001, integration_ms=100)
    assert chip.read()["illuminance"] == pytest.approx(0.01 * 8 * 0x6C0)
    assert b"\x01\xc2\x00" in wire.written
    assert sum(chip.waited) < 0.2
    with pytest.raises(ValueError, match="integration_ms"):
        Opt3001(None, integration_ms=400)


def test_darkness_is_0_lx():
    assert on(bus(b"\x00\x00"), Opt3001).read() == {"illuminance": 0.0}


@pytest.mark.parametrize(("result", "config"), [(b"\xbf\xff", b"\xc8\x80"), (b"\xb7\xff", b"\xc9\x80")])
def test_too_bright_light_is_beyond_the_scale(result, config):
    with pytest.raises(BeyondRange, match=r"83865\.6 lx or more"):
        on(bus(result, config), Opt3001).read()


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(config=b"\xca\x00"), NotReady),
        (bus(config=b"\xc8\x10"), LostPower),
        (bus(config=b"\xc0\x80"), LostPower),
        (bus([b"\x36\xc0", b"\x36\xc1"]), ChecksumError),
        (bus(b"\xc3\x00"), InvalidReading),
        (bus(at_7f=b"\x30\x02"), WrongChip),
        (bus(at_7e=b"\xff\xff"), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Opt3001).read()
