"""TSL2561: both packages' formulas, the gain that it finds, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.tsl2561 import OF_CHIP_SCALE, Tsl2561, lux
from drivers.errors import BeyondRange, ChecksumError, LostPower, WrongChip


class Board(ScriptedBus):
    """Registers that keep what is written, bytes and words, and one result."""

    def __init__(self, both: object = 10_000, infrared: object = 2000, part: int = 0x50, **more: object) -> None:
        answers = {b"\x8a": bytes([part]), b"\xac": word(both), b"\xae": word(infrared)}
        super().__init__(answers | {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()})

    def _take(self, data: bytes) -> None:
        super()._take(data)
        if len(data) > 1:
            self.bank[data[0]] = data[1:]


def word(value: object) -> object:
    return [word(one) for one in value] if isinstance(value, list) else value.to_bytes(2, "little")


@pytest.mark.parametrize(
    ("both", "infrared", "expected"),
    [
        (1000, 0, 30.4),
        (1000, 250, 30.4 - 62.0 * 0.25**1.4),
        (1000, 550, 22.4 - 0.031 * 550),
        (1000, 605, 22.4 - 0.031 * 605),
        (1000, 615, 12.8 - 0.0153 * 615),
        (1000, 700, 12.8 - 0.0153 * 700),
        (1000, 1310, 0.0),
        (1000, 1000, 1.46 - 1.12),
        (1000, 1400, 0.0),
        (0, 0, 0.0),
        (0, 5, 0.0),
    ],
)
def test_formula_of_most_packages(both, infrared, expected):
    assert lux(both, infrared) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("infrared", "expected"),
    [(0, 31.5), (600, 22.9 - 17.46), (700, 15.7 - 12.6), (1000, 3.38 - 2.60), (1301, 0.0)],
)
def test_formula_of_the_chip_scale_package(infrared, expected):
    assert lux(1000, infrared, OF_CHIP_SCALE) == pytest.approx(expected)


def test_tells_lux_at_402_ms_and_gain_16_as_the_formula_has_it():
    wire = Board()
    chip = on(wire, Tsl2561, integration_ms=402, gain=16)
    assert chip.read() == {"illuminance": pytest.approx(lux(10_000, 2000))}
    assert b"\x81\x12" in wire.written
    assert 0.45 < sum(chip.waited) < 0.6


def test_scales_a_shorter_integration_and_a_lower_gain():
    value = on(Board(), Tsl2561, integration_ms=101, gain=1).read()["illuminance"]
    assert value == pytest.approx(lux(10_000, 2000) * 322 / 81 * 16)


@pytest.mark.parametrize(("integration_ms", "timing", "scale"), [(13, 0x10, 322 / 11), (101, 0x11, 322 / 81)])
def test_each_integration_is_the_datasheets_code_and_scale(integration_ms, timing, scale):
    wire = Board(4000, 800)
    value = on(wire, Tsl2561, integration_ms=integration_ms, gain=16).read()["illuminance"]
    assert value == pytest.approx(lux(4000, 800) * scale)
    assert bytes([0x81, timing]) in wire.written


def test_the_chip_scale_package_has_a_formula_of_its_own():
    wire = Board(part=0x10)
    assert on(wire, Tsl2561, integration_ms=402, gain=16).read()["illuminance"] == pytest.approx(
        lux(10_000, 2000, OF_CHIP_SCALE)
    )


def test_takes_a_lower_gain_in_bright_light_and_the_higher_one_again():
    wire = Board(both=[37177, 37177, 5000, 5000], infrared=[9000, 9000, 1000, 1000])
    chip = on(wire, Tsl2561)
    assert chip.read()["illuminance"] == pytest.approx(lux(5000, 1000) * 322 / 81 * 16)
    wire.answers[b"\xac"], wire.answers[b"\xae"] = word([500, 500, 8000, 8000]), word([100, 100, 1600, 1600])
    assert chip.read()["illuminance"] == pytest.approx(lux(8000, 1600) * 322 / 81)


def test_reserved_bits_may_be_1():
    assert on(Board(at_80=b"\x33", at_81=b"\xe1"), Tsl2561, gain=1).read()["illuminance"] > 0


def test_darkness_is_0_lx():
    assert on(Board(0, 0), Tsl2561).read() == {"illuminance": 0.0}


@pytest.mark.parametrize(
    ("both", "infrared", "words"),
    [(37177, 9000, "lx or more"), (37177, 37177, "too bright"), (20_000, 37177, "too bright")],
)
def test_too_bright_light_is_beyond_the_scale(both, infrared, words):
    with pytest.raises(BeyondRange, match=words):
        on(Board(both, infrared), Tsl2561).read()


@pytest.mark.parametrize("options", [{"gain": 2}, {"integration_ms": 100}])
def test_wrong_options_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Tsl2561(None, **options)


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (Board(at_81=b"\x02"), LostPower),
        (Board(at_a4=b"\x00\x00"), LostPower),
        (Board(both=[9000, 9001]), ChecksumError),
        (Board(at_80=b"\x30"), WrongChip),
        (Board(part=0x90), WrongChip),
        (Board(at_8a=[b"\x50", b"\x10"]), ChecksumError),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Tsl2561).read()
