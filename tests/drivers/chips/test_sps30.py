"""SPS30: vectors, and what it must refuse."""

import struct

import pytest
from scripted import ScriptedBus, on, words

from drivers.chips.sps30 import Sps30
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, NoAcknowledge, NotReady, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

PRODUCT, VERSION, STATUS, READY, READ = b"\xd0\x02", b"\xd1\x00", b"\xd2\x06", b"\x02\x02", b"\x03\x00"
STOP, WAKE = b"\x01\x04", b"\x11\x03"
# The datasheet's own message: start, values as floats.
START = bytes.fromhex("0010 0300 ac")
NAMES = ["pm1", "pm2_5", "pm4", "pm10", "number_0_5", "number_1", "number_2_5", "number_4", "number_10"]
VALUES = (6.25, 8.5, 9.75, 10.5, 41.0, 48.5, 50.0, 50.25, 50.5)


def floats(*values: float) -> bytes:
    data = struct.pack(f">{len(values)}f", *values)
    return words(*(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)))


def letters(text: str) -> bytes:
    data = text.encode()
    return words(*(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)))


def bus(*values: float, ready: object = words(1), status: int = 0, version: int = 0x0202) -> ScriptedBus:
    frame = floats(*(values or VALUES), 0.6)
    return ScriptedBus(
        {
            PRODUCT: letters("00080000"),
            VERSION: words(version),
            READY: ready,
            READ: frame,
            STATUS: words(status >> 16, status & 0xFFFF),
        }
    )


def idle() -> ScriptedBus:
    """Return one that has no value until it is started."""
    wire = bus(ready=words(0))
    wire.react = lambda wire, data: wire.answers.update({READY: words(1)}) if data == START else None
    return wire


def test_tells_nine_concentrations() -> None:
    assert on(bus(), Sps30).read() == dict(zip(NAMES, VALUES, strict=True))


def test_one_that_idles_is_started_and_given_time_to_become_stable() -> None:
    wire = idle()
    chip = on(wire, Sps30)
    assert chip.read()["pm2_5"] == 8.5
    assert [message for message in wire.written if message not in (READY, READ)] == [
        PRODUCT, VERSION, START, STATUS,
    ]  # fmt: skip
    assert 8 * 1.1 <= sum(chip.waited) <= Sps30.takes
    assert max(chip.waited) <= 1.0


def test_one_that_refuses_to_be_asked_while_it_idles_is_started() -> None:
    wire = bus()
    wire.refused = {READY}
    wire.react = lambda wire, data: wire.refused.clear() if data == START else None
    assert on(wire, Sps30).read()["pm2_5"] == 8.5


def test_one_that_measures_goes_on() -> None:
    wire = bus()
    chip = on(wire, Sps30)
    chip.read()
    assert START not in wire.written
    assert sum(chip.waited) < 1


def test_one_that_tells_integers_is_started_again() -> None:
    wire = bus()
    wire.answers[READ] = words(6, 8, 9, 10, 41, 48, 50, 50, 50, 600)
    wire.react = lambda wire, data: wire.answers.update({READ: floats(*VALUES, 0.6)}) if data == START else None
    assert on(wire, Sps30).read()["pm10"] == 10.5
    assert wire.written.index(STOP) < wire.written.index(START)


@pytest.mark.parametrize(
    ("status", "what"), [(1 << 5, "laser"), (1 << 4, "fan does not turn"), (1 << 21, "too fast or too slow")]
)
def test_a_failing_laser_or_fan_is_said_and_no_value_told(status: int, what: str) -> None:
    with pytest.raises(InvalidReading, match=what):
        on(bus(status=status), Sps30).read()


def test_a_fault_that_has_passed_is_cleared_and_forgotten() -> None:
    wire = bus()
    wire.answers[STATUS] = [words(0, 1 << 5), words(0, 0)]
    chip = on(wire, Sps30)
    assert chip.read()["pm1"] == 6.25
    assert b"\xd2\x10" in wire.written
    assert sum(chip.waited) >= 5


def test_an_old_firmware_has_no_status_to_ask_for() -> None:
    wire = bus(version=0x0106)
    wire.refused = {STATUS}
    assert on(wire, Sps30).read()["pm1"] == 6.25
    assert STATUS not in wire.written


def test_more_than_its_scale_has_is_beyond_its_range() -> None:
    chip = on(bus(1000.5, 8.5, 9.75, 10.5, 3000.5, 48.5, 50.0, 50.25, 50.5), Sps30)
    assert set(chip.read()) == set(NAMES) - {"pm1", "number_0_5"}
    assert isinstance(chip.missing["pm1"], BeyondRange)
    assert chip.missing["pm1"].at_least == 1000
    assert chip.missing["number_0_5"].at_least == 3000


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_what_is_no_concentration_is_not_told(value: float) -> None:
    chip = on(bus(value, *VALUES[1:]), Sps30)
    assert "pm1" not in chip.read()
    assert type(chip.missing["pm1"]) is InvalidReading


def test_one_that_sleeps_is_woken() -> None:
    time, fake = FakeTime(), fake_chip("sps30")
    with FakeBus({0x69: fake}, clock=time, wait=time.sleep) as wire:
        fake.asleep = True
        chip = Sps30(wire)
        chip.sleep = time.sleep
        assert chip.read()["pm1"] == pytest.approx(6.2)


def test_says_when_there_is_none() -> None:
    wire = bus()
    wire.gone = True
    with pytest.raises(NoAcknowledge):
        on(wire, Sps30).read()


def test_is_started_again_when_no_value_comes() -> None:
    wire = bus()
    chip = on(wire, Sps30)
    chip.read()
    wire.answers[READY] = words(0)
    with pytest.raises(NotReady):
        chip.read()
    wire.react = lambda wire, data: wire.answers.update({READY: words(1)}) if data == START else None
    chip.read()
    assert START in wire.written


def test_refuses_damaged_bytes() -> None:
    wire = bus()
    chip = on(wire, Sps30)
    chip.read()
    wire.answers[READ] = b"\x00" + wire.answers[READ][1:]
    with pytest.raises(ChecksumError):
        chip.read()


def test_is_no_other_sensor_of_sensirion() -> None:
    wire = bus()
    wire.answers[PRODUCT] = letters("00070000")
    with pytest.raises(WrongChip, match="00070000"):
        on(wire, Sps30).read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_is_not_found_on_a_dead_line(byte: int) -> None:
    with pytest.raises(WrongChip):
        on(ScriptedBus(otherwise=byte), Sps30).read()
