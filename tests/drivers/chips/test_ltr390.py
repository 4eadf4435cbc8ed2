"""LTR-390UV: both formulas, the range that it finds, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.ltr390 import Ltr390, index, lux
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


class Board(ScriptedBus):
    """Registers that keep what is written; a new result with each measurement."""

    def __init__(self, light: object = 1000, ultraviolet: object = 575, status: object = b"\x08", **more: object):
        results = {b"\x0d": data(light), b"\x10": data(ultraviolet), b"\x07": status, b"\x06": b"\xb2"}
        results[b"\x04"] = lambda: self.bank[4] + self.bank[5] + b"\xb2"
        changes = {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()}
        super().__init__(results | changes, keeps=1)


def data(counts: object) -> object:
    if isinstance(counts, list):
        return [data(one) for one in counts]
    return counts.to_bytes(3, "little")


def test_formulas_of_the_datasheet():
    assert lux(1000, 3) == pytest.approx(200.0)
    assert index(2300) == pytest.approx(4.0)


def test_tells_light_and_ultraviolet():
    wire = Board()
    values = on(wire, Ltr390).read()
    assert values == {"illuminance": pytest.approx(0.6 * 1000 / 18), "uv_index": pytest.approx(1.0)}
    assert [one for one in wire.written if one[:1] == b"\x00" and one[1:] not in (b"", b"\x00")] == [
        b"\x00\x02",
        b"\x00\x0a",
    ]


def test_darkness_is_0():
    assert on(Board(light=0, ultraviolet=0), Ltr390).read() == {"illuminance": 0.0, "uv_index": 0.0}


def test_takes_a_lower_gain_in_bright_light_and_a_higher_one_again():
    wire = Board(light=[0x3FFFF, 0x3FFFF, 0x3FFFF, 100_000])
    chip = on(wire, Ltr390)
    assert chip.read()["illuminance"] == pytest.approx(60_000)
    wire.answers[b"\x0d"] = data([5000, 5000, 5000, 90_000])
    assert chip.read()["illuminance"] == pytest.approx(3000)


@pytest.mark.parametrize(("gain", "code"), [(1, 0), (3, 1), (6, 2), (9, 3), (18, 4)])
def test_each_gain_is_the_datasheets_code(gain, code):
    wire = Board(light=20_000)
    assert on(wire, Ltr390, gain=gain).read()["illuminance"] == pytest.approx(0.6 * 20_000 / gain)
    assert bytes([0x05, code]) in wire.written


def test_a_gain_that_was_asked_for_stays():
    chip = on(Board(light=0x3FFFF), Ltr390, gain=3)
    assert set(chip.read()) == {"uv_index"}
    assert "52428.6 lx or more" in str(chip.missing["illuminance"])
    with pytest.raises(ValueError, match="gain"):
        Ltr390(None, gain=2)


def test_too_bright_light_is_beyond_the_scale_and_the_rest_is_told():
    chip = on(Board(light=0x3FFFF), Ltr390)
    assert set(chip.read()) == {"uv_index"}
    assert isinstance(chip.missing["illuminance"], BeyondRange)


def test_says_that_it_lost_power():
    wire = Board()
    chip = on(wire, Ltr390)
    chip.read()
    wire.answers[b"\x07"] = b"\x28"
    with pytest.raises(LostPower):
        chip.read()


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (Board(status=b"\x00"), NotReady),
        (Board(light=list(range(20))), ChecksumError),
        (Board(at_04=b"\x22\x01\xb2"), LostPower),
        (Board(at_00=b"\x00"), LostPower),
        (Board(light=0xFFFFF), InvalidReading),
        (Board(at_06=b"\x00"), WrongChip),
        (ScriptedBus(), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Ltr390).read()
