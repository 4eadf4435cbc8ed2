"""SEN5x: vectors, its models, and what it must refuse."""

from typing import Any

import pytest
from scripted import ScriptedBus, on, words

from drivers.chips.sen5x import Sen5x
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, NotReady, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

PRODUCT, READY, READ, STATUS, START = b"\xd0\x14", b"\x02\x02", b"\x03\xc4", b"\xd2\x06", b"\x00\x21"
MASSES = ["pm1", "pm2_5", "pm4", "pm10"]
WARM = (62, 84, 99, 107, 4550, 4310, 1020, 10)
COLD = (0, 1, 9999, 10000, 10000, -4025 & 0xFFFF, 5000, 5000)


def letters(text: str) -> bytes:
    data = text.ljust(32, "\0").encode()
    return words(*(int.from_bytes(data[at : at + 2], "big") for at in range(0, 32, 2)))


def bus(values: tuple[int, ...] = WARM, model: str = "SEN55", status: int = 0, ready: object = words(1)) -> ScriptedBus:
    told = {PRODUCT: letters(model), READY: ready, READ: words(*values)}
    return ScriptedBus(told | {STATUS: words(status >> 16, status & 0xFFFF)})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (WARM, (6.2, 8.4, 9.9, 10.7, 45.5, 21.55, 102.0, 1.0)),
        (COLD, (0.0, 0.1, 999.9, 1000.0, 100.0, -20.125, 500.0, 500.0)),
    ],
)
def test_tells_eight_numbers(values: tuple[int, ...], expected: tuple[float, ...]) -> None:
    told = on(bus(values), Sen5x).read()
    names = [*MASSES, "humidity", "temperature", "voc_index", "nox_index"]
    assert [told[name] for name in names] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("model", "values", "more"),
    [
        ("SEN50", (62, 84, 99, 107, 0x7FFF, 0x7FFF, 0x7FFF, 0x7FFF), set()),
        ("SEN54", (62, 84, 99, 107, 4550, 4310, 1020, 0x7FFF), {"humidity", "temperature", "voc_index"}),
    ],
)
def test_tells_what_its_model_has(model: str, values: tuple[int, ...], more: set[str]) -> None:
    chip = on(bus(values, model), Sen5x)
    assert set(chip.read()) == {*MASSES, *more}
    assert not chip.missing
    assert {one.name for one in chip.quantities} == {*MASSES, *more}


def test_another_model_in_its_place_is_noticed_when_it_is_set_up() -> None:
    wire = bus(model="SEN50")
    chip = on(wire, Sen5x)
    chip.setup()
    wire.answers[PRODUCT] = letters("SEN55")
    chip.setup()
    assert len(chip.quantities) == 8


def test_one_that_idles_is_started() -> None:
    wire = bus(ready=words(0))
    wire.react = lambda wire, data: wire.answers.update({READY: words(1)}) if data == START else None
    chip = on(wire, Sen5x)
    assert chip.read()["nox_index"] == 1.0
    assert wire.written.count(START) == 1
    assert 11 * 1.1 <= sum(chip.waited) <= Sen5x.takes


def test_one_that_refuses_to_be_asked_while_it_idles_is_started() -> None:
    wire = bus()
    wire.refused = {READY}
    wire.react = lambda wire, data: wire.refused.clear() if data == START else None
    assert len(on(wire, Sen5x).read()) == 8


def test_one_that_measures_goes_on_with_its_indices() -> None:
    wire = bus()
    chip = on(wire, Sen5x)
    chip.read()
    assert START not in wire.written
    assert sum(chip.waited) < 1


def test_one_that_measures_gases_only_is_started() -> None:
    time, fake = FakeTime(), fake_chip("sen5x")
    with FakeBus({0x69: fake}, clock=time, wait=time.sleep) as wire:
        time.sleep(1)
        fake.on_write(b"\x00\x37")
        time.sleep(20)
        chip = Sen5x(wire)
        chip.sleep = time.sleep
        assert chip.read()["pm2_5"] == pytest.approx(8.4)


@pytest.mark.parametrize(
    ("status", "lost", "what"),
    [
        (1 << 5, {*MASSES}, "laser"),
        (1 << 4, {*MASSES}, "fan does not turn"),
        (1 << 21, {*MASSES}, "too fast or too slow"),
        (1 << 19, {*MASSES}, "cleaned"),
        (1 << 6, {"temperature", "humidity"}, "temperature and humidity fails"),
        (1 << 7, {"voc_index", "nox_index"}, "gases fails"),
    ],
)
def test_a_part_that_fails_costs_no_other(status: int, lost: set[str], what: str) -> None:
    chip = on(bus(status=status), Sen5x)
    assert len(chip.read()) == 8 - len(lost)
    assert set(chip.missing) == lost
    assert all(isinstance(error, InvalidReading) and what in str(error) for error in chip.missing.values())


def test_refuses_the_zeros_from_before_its_first_measurement() -> None:
    with pytest.raises(InvalidReading, match="not measured"):
        on(bus((0,) * 8), Sen5x).read()


@pytest.mark.parametrize("word", [0x0000, 0x7FFF, 0xFFFF])
def test_tells_particles_where_neither_temperature_nor_humidity_was_measured(word: int) -> None:
    chip = on(bus((0, 1, 2, 3, word, word, 1020, 10)), Sen5x)
    assert set(chip.read()) == {*MASSES, "voc_index", "nox_index"}
    assert set(chip.missing) == {"temperature", "humidity"}


@pytest.mark.parametrize(("words_of_air", "expected"), [((4550, 0), (45.5, 0.0)), ((4550, 0xFFFF), (45.5, -0.005))])
def test_tells_a_temperature_near_zero(words_of_air: tuple[int, int], expected: tuple[float, float]) -> None:
    told = on(bus((62, 84, 99, 107, *words_of_air, 1020, 10)), Sen5x).read()
    assert (told["humidity"], told["temperature"]) == pytest.approx(expected)


@pytest.mark.parametrize("bit", [4, 5, 6, 7])
def test_a_fault_that_has_passed_is_cleared_and_forgotten(bit: int) -> None:
    wire = bus()
    wire.answers[STATUS] = [words(0, 1 << bit), words(0, 0)]
    chip = on(wire, Sen5x)
    assert len(chip.read()) == 8
    assert b"\xd2\x10" in wire.written
    assert sum(chip.waited) >= 5


@pytest.mark.parametrize(
    ("at", "code", "lost"),
    [
        (0, 0xFFFF, {"pm1"}),
        (4, 0x7FFF, {"humidity"}),
        (5, 0x7FFF, {"temperature", "humidity"}),
        (6, 0x7FFF, {"voc_index"}),
        (6, 0x0000, {"voc_index"}),
        (7, 0x7FFF, {"nox_index"}),
        (7, 0x0000, {"nox_index"}),
    ],
)
def test_what_the_chip_does_not_know_is_not_told(at: int, code: int, lost: set[str]) -> None:
    wire = bus()
    chip = on(wire, Sen5x)
    chip.setup()
    wire.answers[READ] = words(*WARM[:at], code, *WARM[at + 1 :])
    assert len(chip.read()) == 8 - len(lost)
    assert set(chip.missing) == lost


def test_more_than_its_scale_has_is_beyond_its_range() -> None:
    chip = on(bus((10_001, *WARM[1:])), Sen5x)
    assert "pm1" not in chip.read()
    assert isinstance(chip.missing["pm1"], BeyondRange)


def test_is_started_again_when_no_value_comes() -> None:
    wire = bus()
    chip = on(wire, Sen5x)
    chip.read()
    wire.answers[READY] = words(0)
    with pytest.raises(NotReady):
        chip.read()
    wire.react = lambda wire, data: wire.answers.update({READY: words(1)}) if data == START else None
    assert len(chip.read()) == 8


def test_refuses_damaged_bytes() -> None:
    wire: Any = bus()
    chip = on(wire, Sen5x)
    chip.read()
    wire.answers[READ] = b"\x01" + wire.answers[READ][1:]
    with pytest.raises(ChecksumError):
        chip.read()


@pytest.mark.parametrize("model", ["SEN66", "00080000", ""])
def test_is_no_other_sensor_of_sensirion(model: str) -> None:
    with pytest.raises(WrongChip, match=model or "no name"):
        on(bus(model=model), Sen5x).read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_is_not_found_on_a_dead_line(byte: int) -> None:
    with pytest.raises(WrongChip):
        on(ScriptedBus(otherwise=byte), Sen5x).read()


def test_a_name_that_arrives_damaged_in_part_is_no_other_chip() -> None:
    name = bytearray(letters("SEN55"))
    name[1] ^= 0x10
    wire = bus()
    wire.answers[PRODUCT] = [bytes(name), letters("SEN55")]
    chip = on(wire, Sen5x)
    with pytest.raises(ChecksumError):
        chip.read()
    assert len(chip.read()) == 8
