"""MAX44009: the datasheet's examples, torn results, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.max44009 import Max44009, lux
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, WrongChip


def bus(high: object = b"\x44", low: object = b"\x0e", **more: object) -> ScriptedBus:
    answers = {b"\x00": b"\x00", b"\x03": high, b"\x04": low}
    changes = {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()}
    return ScriptedBus(answers | changes, keeps=1)


def start(wire: ScriptedBus) -> ScriptedBus:
    wire.bank |= {1: b"\x00", 2: b"\x03", 5: b"\xff", 6: b"\x00"}
    return wire


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [
        (0x00, 0x01, 0.045),
        (0x01, 0x00, 0.72),
        (0x11, 0x01, 1.53),
        (0xEF, 0x0F, 188_006.4),
        (0xEF, 0x0E, 187_269.12),
        (0x00, 0x00, 0.0),
    ],
)
def test_lux_of_the_datasheets_codes(high, low, expected):
    assert lux(high, low) == pytest.approx(expected)


def test_tells_lux_and_measures_all_the_time():
    wire = start(bus())
    chip = on(wire, Max44009)
    assert chip.read() == {"illuminance": pytest.approx(0.045 * 16 * 0x4E)}
    assert b"\x02\x80" in wire.written
    assert sum(chip.waited) >= 0.9


def test_two_results_are_never_mixed():
    wire = start(bus(high=[b"\x44", b"\x55", b"\x55"], low=[b"\x01", b"\x02", b"\x02", b"\x02"]))
    wire.answers[b"\x04"] = [b"\x00", b"\x0e", b"\x02", b"\x02"]
    assert on(wire, Max44009).read() == {"illuminance": pytest.approx(lux(0x55, 0x02))}


def test_results_that_never_agree_are_refused():
    wire = start(bus(high=[bytes([at]) for at in range(0x10, 0x50, 7)] * 4))
    with pytest.raises(ChecksumError):
        on(wire, Max44009).read()


@pytest.mark.parametrize("high", [b"\xff", b"\xf0"])
def test_too_bright_light_is_beyond_the_scale(high):
    with pytest.raises(BeyondRange, match="188006 lx or more"):
        on(start(bus(high=high)), Max44009).read()


def test_says_that_it_lost_power():
    wire = start(bus())
    chip = on(wire, Max44009)
    chip.read()
    start(wire)
    with pytest.raises(LostPower):
        chip.read()
    assert chip.read()["illuminance"] > 0


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (start(bus(at_00=b"\x15")), WrongChip),
        (start(bus(at_02=b"\x39")), WrongChip),
        (start(bus(at_05=b"\xff")), WrongChip),
        (start(bus(low=[b"\x0e", b"\x1e"])), InvalidReading),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Max44009).read()
