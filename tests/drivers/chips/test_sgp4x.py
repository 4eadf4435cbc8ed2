"""SGP40 and SGP41: vectors, the conditioning, and what they must refuse."""

from typing import Any

import pytest
from scripted import ScriptedBus, on, words

from drivers import open_chip
from drivers.chips.sgp4x import Sgp40, Sgp41
from drivers.errors import ChecksumError, InvalidReading, LostPower, NoAcknowledge, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip
from drivers.scan import BusScan, run

SERIAL, FEATURES, OFF = b"\x36\x82", b"\x20\x2f", b"\x36\x15"
# The datasheets' own words for 50 % and 25 °C.
DEFAULT = bytes.fromhex("8000a2 666693")
VOC, BOTH, CONDITION = b"\x26\x0f" + DEFAULT, b"\x26\x19" + DEFAULT, b"\x26\x12" + DEFAULT


def bus(features: object = words(0x3220), **answers: object) -> ScriptedBus:
    told = {SERIAL: words(0, 0x03A1, 0x7C5E), FEATURES: features, VOC: [words(52000), words(30500)]}
    told[CONDITION] = [words(52000), words(30000)]
    return ScriptedBus(told | {BOTH: words(30500, 15800)} | answers)


def test_an_sgp40_tells_ticks_for_the_command_of_the_datasheet() -> None:
    wire = bus()
    assert on(wire, Sgp40).read() == {"voc_raw": 30500}
    assert wire.written == [SERIAL, FEATURES, OFF, VOC, VOC]


@pytest.mark.parametrize(
    ("options", "air"),
    [
        ({"temperature": -10, "humidity": 80}, words(0xCCCC, 0x3333)),
        ({"temperature": -45, "humidity": 0}, words(0x0000, 0x0000)),
        ({"temperature": 130, "humidity": 100}, words(0xFFFF, 0xFFFF)),
    ],
)
def test_is_told_its_air(options: dict[str, float], air: bytes) -> None:
    wire = bus()
    wire.answers[b"\x26\x0f" + air] = [words(52000), words(1)]
    assert on(wire, Sgp40, **options).read() == {"voc_raw": 1}


def test_an_sgp40_heats_up_before_its_first_value_counts() -> None:
    wire = bus()
    wire.answers[VOC] = [words(52000), words(30500)]
    chip = on(wire, Sgp40)
    assert chip.read() == {"voc_raw": 30500}
    assert sum(chip.waited) > 0.17 + 0.03


def test_an_sgp41_is_conditioned_for_ten_seconds_at_most_and_tells_both() -> None:
    wire = bus(words(0x0040))
    chip = on(wire, Sgp41)
    assert chip.read() == {"voc_raw": 30500, "nox_raw": 15800}
    assert wire.written == [SERIAL, FEATURES, OFF, *[CONDITION] * 10, BOTH, BOTH]
    assert chip.read() == {"voc_raw": 30500, "nox_raw": 15800}
    assert wire.written.count(CONDITION) == 10


@pytest.mark.parametrize("blip", [False, True])
def test_the_element_of_an_sgp41_is_never_conditioned_for_too_long(blip: bool) -> None:
    time, fake = FakeTime(), fake_chip("sgp41")
    with FakeBus({0x59: fake}, clock=time, wait=time.sleep) as wire:
        chip = Sgp41(wire)
        chip.sleep = time.sleep
        chip.read()
        assert 9.5 < fake.conditioned_for <= 10
        if blip:
            fake.lose_power()
        time.sleep(60)
        if blip:
            with pytest.raises(LostPower):
                chip.read()
        assert chip.read()["nox_raw"] == pytest.approx(15800)
        assert not fake.damaged


@pytest.mark.parametrize("name", ["sgp40", "sgp41"])
def test_tells_no_signal_of_a_plate_that_is_cold_after_a_blip_of_the_supply(name: str) -> None:
    time, fake = FakeTime(), fake_chip(name)
    with FakeBus({0x59: fake}, clock=time, wait=time.sleep) as wire:
        chip = open_chip(name, wire)
        chip.sleep = time.sleep
        before = chip.read()
        fake.lose_power()
        time.sleep(10)
        if name == "sgp41":
            # It has to be conditioned again.
            with pytest.raises(LostPower, match="cold"):
                chip.read()
        began = time.now
        assert chip.read() == before
        assert time.now - began <= chip.takes


@pytest.mark.parametrize("name", ["sgp40", "sgp41"])
def test_tells_no_signal_of_a_plate_that_is_cold_after_a_blip_right_after_it_was_set_up(name: str) -> None:
    time, fake = FakeTime(), fake_chip(name)
    with FakeBus({0x59: fake}, clock=time, wait=time.sleep) as wire:
        chip = open_chip(name, wire)
        chip.sleep = time.sleep
        chip.setup()
        fake.lose_power()
        time.sleep(10)
        if name == "sgp41":
            with pytest.raises(LostPower, match="cold"):
                chip.read()
        assert chip.read()["voc_raw"] == pytest.approx(30500)


def test_an_sgp40_tells_a_signal_that_moved_far_between_two_readings() -> None:
    wire = bus()
    chip = on(wire, Sgp40)
    chip.read()
    wire.answers[VOC] = words(22000)
    assert chip.read() == {"voc_raw": 22000}


def test_a_conditioning_that_breaks_off_turns_the_heater_off() -> None:
    wire = bus(words(0x0040))
    wire.answers[CONDITION] = [words(30000), bytes.fromhex("753100")]
    with pytest.raises(ChecksumError):
        on(wire, Sgp41).read()
    assert wire.written[-1] == OFF


def test_a_conditioning_that_is_given_up_turns_the_heater_off() -> None:
    wire = bus(words(0x0040))
    steps = on(wire, Sgp41).reading()
    for _ in range(8):
        next(steps)
    steps.close()
    assert wire.written[-2:] == [CONDITION, OFF]


@pytest.mark.parametrize(("kind", "features", "hint"), [(Sgp40, 0x0040, "SGP41"), (Sgp41, 0x3220, "SGP40")])
def test_knows_its_sibling(kind: type[Any], features: int, hint: str) -> None:
    with pytest.raises(WrongChip, match=f"this is an {hint}"):
        on(bus(words(features)), kind).read()


def test_believes_a_chip_that_does_not_know_the_command_for_its_features() -> None:
    wire = bus()
    wire.refused = {FEATURES}
    assert on(wire, Sgp40).read() == {"voc_raw": 30500}


@pytest.mark.parametrize("raw", [0x0000, 0xFFFF])
def test_an_end_of_the_scale_is_no_signal_and_costs_no_other(raw: int) -> None:
    wire = bus(words(0x0040))
    chip = on(wire, Sgp41)
    wire.answers[BOTH] = words(30500, raw)
    assert chip.read() == {"voc_raw": 30500}
    assert isinstance(chip.missing["nox_raw"], InvalidReading)


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_is_not_found_on_a_dead_line(byte: int) -> None:
    with pytest.raises(WrongChip):
        on(ScriptedBus(otherwise=byte), Sgp40).read()


def test_takes_no_line_that_stays_at_one_byte_for_an_answer() -> None:
    # The checksum of 2b 2b is 2b.
    wire = bus()
    chip = on(wire, Sgp40)
    chip.read()
    wire.constant = 0x2B
    with pytest.raises(ChecksumError):
        chip.read()


@pytest.mark.parametrize("options", [{"temperature": 200}, {"humidity": -1}, {"humidity": "damp"}])
def test_takes_no_air_that_there_is_not(options: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        open_chip("sgp40", bus(), **options)


def test_says_when_there_is_none() -> None:
    wire = bus()
    wire.gone = True
    with pytest.raises(NoAcknowledge):
        on(wire, Sgp40).read()


@pytest.mark.parametrize("name", ["sgp40", "sgp41"])
def test_a_scan_knows_it_from_its_sibling(name: str) -> None:
    scan = BusScan(1, lambda: FakeBus({0x59: fake_chip(name)}))
    run([scan])
    assert [(one.address, one.driver) for one in scan.found] == [(0x59, name)]
