"""ENS160: vectors, its warm-up, and what it must refuse."""

from typing import Any

import pytest
from scripted import ScriptedBus, on

from drivers import open_chip
from drivers.chips.ens160 import Ens160
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

IDENTITY, MODE, SETTINGS, DATA = b"\x00", b"\x10", b"\x10", b"\x20"
# Standard mode, 25 °C, 50 %.
WRITTEN = bytes.fromhex("02 00 00 8a4a 0064")
GOOD = bytes.fromhex("82 02 5500 6c02")


def bus(frame: object = GOOD, settings: object = WRITTEN) -> ScriptedBus:
    return ScriptedBus({IDENTITY: b"\x60\x01", SETTINGS: settings, DATA: frame})


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (GOOD, (2, 85, 620)),
        (bytes.fromhex("82 01 0000 9001"), (1, 0, 400)),
        (bytes.fromhex("83 05 e7fd e7fd"), (5, 64999, 64999)),
    ],
)
def test_tells_little_endian_numbers(frame: bytes, expected: tuple[int, ...]) -> None:
    values = on(bus(frame), Ens160).read()
    assert tuple(values[name] for name in ("aqi", "tvoc", "eco2")) == expected


def test_one_that_measures_is_not_started_again() -> None:
    wire = bus()
    on(wire, Ens160).read()
    assert not any(message[0] == 0x10 and len(message) > 1 for message in wire.written)


def test_one_that_sleeps_is_started() -> None:
    wire = bus(settings=[b"\x00" + WRITTEN[1:], WRITTEN])
    assert on(wire, Ens160).read()["tvoc"] == 85
    assert b"\x10\x02" in wire.written


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        ({"temperature": 25.0}, {bytes.fromhex("13 8a4a")}),
        ({"temperature": -10.0, "humidity": 80}, {bytes.fromhex("13 ca41"), bytes.fromhex("15 00a0")}),
    ],
)
def test_is_told_its_air(options: dict[str, float], messages: set[bytes]) -> None:
    fake, time = fake_chip("ens160"), FakeTime()
    with FakeBus({0x53: fake}, clock=time, wait=time.sleep) as wire:
        chip = Ens160(wire, **options)
        chip.sleep = time.sleep
        assert chip.read()["tvoc"] == 85
        for message in messages:
            assert bytes(fake.bank[message[0] : message[0] + 2]) == message[1:]


@pytest.mark.parametrize("options", [{"temperature": 90}, {"humidity": 101}])
def test_takes_no_air_that_there_is_not(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="write a number"):
        open_chip("ens160", bus(), **options)


@pytest.mark.parametrize(("status", "what"), [(0x86, "three minutes"), (0x8A, "first hour"), (0x8E, "no valid output")])
def test_what_is_not_valid_yet_is_not_told(status: int, what: str) -> None:
    with pytest.raises(NotReady, match=what):
        on(bus(bytes([status]) + GOOD[1:]), Ens160).read()


def test_warms_up_for_three_minutes_and_is_not_started_again_meanwhile() -> None:
    fake, time = fake_chip("ens160"), FakeTime()
    with FakeBus({0x53: fake}, clock=time, wait=time.sleep) as wire:
        fake.warms_up = 180.0
        chip = Ens160(wire)
        chip.sleep = time.sleep
        for _ in range(17):
            with pytest.raises(NotReady, match="warms up"):
                chip.read()
            time.sleep(10)
        time.sleep(10)
        assert chip.read()["eco2"] == 620


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(b"\xc2" + GOOD[1:]), InvalidReading),
        (bus(b"\x02" + GOOD[1:]), LostPower),
        (bus(b"\x80" + GOOD[1:]), NotReady),
        (bus(settings=[WRITTEN, WRITTEN, b"\x00" + WRITTEN[1:]]), LostPower),
        (bus(settings=b"\x00" + WRITTEN[1:]), LostPower),
        (bus([bytes([0x82, 2, n, 0, 0x6C, 2]) for n in range(9)]), ChecksumError),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire: ScriptedBus, error: type[Exception]) -> None:
    chip = on(wire, Ens160)
    with pytest.raises(error):
        chip.read()
    assert sum(chip.waited) <= Ens160.takes


def test_a_new_value_that_comes_between_two_reads_is_told() -> None:
    new = bytes.fromhex("82 03 2c01 2003")
    assert on(bus([GOOD, GOOD, GOOD, new]), Ens160).read() == {"aqi": 3, "tvoc": 300, "eco2": 800}


@pytest.mark.parametrize(
    ("frame", "lost"),
    [
        ("82 02 e8fd 6c02", "tvoc"),
        ("82 05 5500 e8fd", "eco2"),
    ],
)
def test_a_value_at_its_stop_is_beyond_the_scale(frame: str, lost: str) -> None:
    chip = on(bus(bytes.fromhex(frame)), Ens160)
    chip.read()
    assert set(chip.missing) == {lost}
    assert isinstance(chip.missing[lost], BeyondRange)


def test_names_an_ens161() -> None:
    wire = bus()
    wire.answers[IDENTITY] = b"\x61\x01"
    with pytest.raises(WrongChip, match="ENS161"):
        on(wire, Ens160).read()
