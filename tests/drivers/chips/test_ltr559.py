"""LTR-559: the formula of its appendix, a gain that it finds, parts that fail alone, and what it must refuse."""

import struct

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ltr559 import Ltr559, lux
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


class Board(ScriptedBus):
    """Registers that keep what is written, and one result.

    Args:
        light: channel 0, channel 1.
        broken: registers that do not keep what is written, and what they hold.
    """

    def __init__(self, light=(1000, 200), proximity: int = 100, new: int = 0x05, invalid: int = 0, broken=()):
        self.light, self.proximity, self.invalid = light, proximity, invalid
        self.broken = dict(broken)
        answers = {b"\x86": b"\x92\x05", b"\x80": self.settings, b"\x88": self.frame, b"\x8c": lambda: bytes([new])}
        super().__init__(answers, keeps=1)

    def settings(self) -> bytes:
        kept = {**{at: self.bank.get(at, b"\x00")[0] for at in range(0x80, 0x86)}, 0x86: 0x92, 0x87: 0x05}
        return bytes((kept | self.broken).values())

    def frame(self) -> bytes:
        control = self.bank.get(0x80, b"\x00")[0]
        visible, infrared = self.light
        gain = control >> 2 & 7
        return struct.pack("<HHBH", infrared, visible, self.invalid | gain << 4, self.proximity)


def test_formula_of_the_appendix():
    assert lux(1000, 200, 1) == pytest.approx(1774.3 + 221.18)
    assert lux(1000, 1000, 1) == pytest.approx(4278.5 - 1954.8)
    assert lux(1000, 3000, 1) == pytest.approx(592.6 + 355.5)
    assert lux(360, 640, 1) == pytest.approx(0.5926 * 360 + 0.1185 * 640)
    assert lux(370, 630, 1) == pytest.approx(4.2785 * 370 - 1.9548 * 630)
    assert lux(160, 840, 1) == pytest.approx(0.5926 * 160 + 0.1185 * 840)
    assert lux(140, 860, 1) == 0.0
    assert lux(0, 0, 1) == 0.0
    assert lux(960, 0, 96) == pytest.approx(17.743)


def test_tells_light_and_proximity():
    wire = Board((8000, 1600))
    assert on(wire, Ltr559).read() == {"illuminance": pytest.approx(1995.48), "proximity": 100.0}
    assert wire.written.index(b"\x80\x02") < wire.written.index(b"\x80\x0d")
    assert b"\x81\x23" in wire.written


def test_finds_a_higher_gain_in_the_shade():
    wire = Board((1000, 200))
    chip = on(wire, Ltr559)
    assert chip.read()["illuminance"] == pytest.approx(lux(1000, 200, 96))
    assert b"\x80\x1d" in wire.written


def test_takes_a_lower_gain_in_bright_light_and_tells_what_is_known_beyond_the_last():
    chip = on(Board((0xFFFF, 20_000)), Ltr559)
    assert chip.read() == {"proximity": 100.0}
    assert "64000 lx or more" in str(chip.missing["illuminance"])
    assert chip.gain == 1


@pytest.mark.parametrize(("gain", "control"), [(1, 0x01), (2, 0x05), (4, 0x09), (8, 0x0D), (48, 0x19), (96, 0x1D)])
def test_each_gain_is_the_datasheets_code(gain, control):
    wire = Board((8000, 1600))
    assert on(wire, Ltr559, gain=gain).read()["illuminance"] == pytest.approx(lux(8000, 1600, gain))
    assert bytes([0x80, control]) in wire.written


def test_a_gain_that_was_asked_for_stays():
    assert on(Board((1000, 200)), Ltr559, gain=4).read()["illuminance"] == pytest.approx(lux(1000, 200, 4))
    with pytest.raises(ValueError, match="gain"):
        Ltr559(None, gain=3)


@pytest.mark.parametrize("proximity", [0x07FF, 0x8020])
def test_saturated_proximity_is_beyond_the_scale(proximity):
    chip = on(Board((8000, 1600), proximity=proximity), Ltr559)
    assert set(chip.read()) == {"illuminance"}
    assert isinstance(chip.missing["proximity"], BeyondRange)


@pytest.mark.parametrize(
    ("wire", "told"),
    [
        (Board((8000, 1600), new=0x04), {"illuminance"}),
        (Board((8000, 1600), new=0x01), {"proximity"}),
        (Board((8000, 1600), invalid=0x80), {"proximity"}),
    ],
)
def test_what_was_not_measured_costs_nothing_else(wire, told):
    chip = on(wire, Ltr559)
    assert set(chip.read()) == told
    (error,) = chip.missing.values()
    assert isinstance(error, InvalidReading)
    assert not isinstance(error, BeyondRange)


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (Board(new=0), NotReady),
        (Board(broken={0x85: 0x03}), LostPower),
        (Board(broken={0x80: 0x00}), LostPower),
        (ScriptedBus({b"\x86": b"\xa0\x05"}), WrongChip),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Ltr559).read()


def test_reads_that_never_agree_are_refused():
    wire = Board()
    wire.answers[b"\x88"] = [struct.pack("<HHBH", at, 9000, 0x30, 100) for at in range(30)]
    with pytest.raises(ChecksumError):
        on(wire, Ltr559).read()
