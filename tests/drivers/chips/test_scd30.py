"""SCD30: vectors, and what it must refuse."""

import struct

import pytest
from scripted import ScriptedBus, on, words

from drivers.chips.scd30 import Scd30
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

FIRMWARE, READY, READ, INTERVAL, ALTITUDE = b"\xd1\x00", b"\x02\x02", b"\x03\x00", b"\x46\x00", b"\x51\x02"
# The interface description's own messages.
START = bytes.fromhex("0010 0000 81")
EXAMPLE = bytes.fromhex("43dbcb 8c2e8f 41d970 e7fff5 4243bf 3a1b74")


def floats(*values: float) -> bytes:
    data = struct.pack(f">{len(values)}f", *values)
    return words(*(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)))


def bus(values: object = EXAMPLE, ready: object = words(1)) -> ScriptedBus:
    return ScriptedBus(
        {FIRMWARE: words(0x0342), READY: ready, READ: values, INTERVAL: words(2), ALTITUDE: words(0), START: b""}
    )


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (EXAMPLE, (439.09, 27.2, 48.8)),
        (floats(1234.5, -20.25, 100.0), (1234.5, -20.25, 100.0)),
    ],
)
def test_tells_the_numbers_of_the_interface_description(frame: bytes, expected: tuple[float, ...]) -> None:
    values = on(bus(frame), Scd30).read()
    assert [values[name] for name in ("co2", "temperature", "humidity")] == pytest.approx(expected, abs=0.05)


def test_starts_measuring_and_leaves_a_setting_alone_that_is_right() -> None:
    wire = bus()
    on(wire, Scd30).setup()
    assert wire.written == [FIRMWARE, INTERVAL, START]


def test_waits_three_milliseconds_between_a_command_and_its_answer() -> None:
    chip = on(bus(), Scd30)
    chip.read()
    assert min(chip.waited) >= 0.003


def test_sets_an_interval_that_another_program_has_left() -> None:
    wire = bus()
    wire.answers[INTERVAL] = [words(60), words(2)]
    on(wire, Scd30).setup()
    assert wire.written[1:4] == [INTERVAL, bytes.fromhex("4600 0002 e3"), INTERVAL]


def test_says_when_a_setting_is_not_kept() -> None:
    wire = bus()
    wire.answers[INTERVAL] = words(60)
    with pytest.raises(LostPower, match="is 60"):
        on(wire, Scd30).read()


def test_is_told_its_altitude_once() -> None:
    wire = bus()
    wire.answers[ALTITUDE] = [words(0), words(350)]
    chip = on(wire, Scd30, altitude=350)
    chip.setup()
    assert ALTITUDE + words(350) in wire.written
    before = wire.written.count(ALTITUDE + words(350))
    chip.setup()
    assert wire.written.count(ALTITUDE + words(350)) == before


def test_is_told_the_pressure_with_the_start() -> None:
    wire = bus()
    on(wire, Scd30, pressure=987.4).setup()
    assert wire.written[-1] == b"\x00\x10" + words(987)


@pytest.mark.parametrize("options", [{"altitude": -1}, {"altitude": 3001}, {"pressure": 699}, {"pressure": True}])
def test_takes_no_altitude_or_pressure_that_the_chip_cannot_take(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the chip takes"):
        Scd30(bus(), **options)


def test_takes_one_of_altitude_and_pressure() -> None:
    with pytest.raises(ValueError, match="one of the two"):
        Scd30(bus(), altitude=350, pressure=970)


def test_waits_for_a_value() -> None:
    chip = on(bus(ready=[words(0)] * 4 + [words(1)]), Scd30)
    assert chip.read()["co2"] == pytest.approx(439.09, abs=0.01)
    assert 2.0 <= sum(chip.waited) <= Scd30.takes


def test_is_started_again_when_no_value_comes() -> None:
    wire = bus(ready=words(0))
    chip = on(wire, Scd30)
    with pytest.raises(NotReady):
        chip.read()
    wire.answers[READY] = words(1)
    chip.read()
    assert wire.written.count(START) == 2


@pytest.mark.parametrize("co2", [0.0, -3.0, float("nan")])
def test_tells_temperature_and_humidity_where_it_has_no_concentration(co2: float) -> None:
    chip = on(bus(floats(co2, 25.0, 40.0)), Scd30)
    assert chip.read() == {"temperature": 25.0, "humidity": 40.0}
    assert isinstance(chip.missing["co2"], InvalidReading)


def test_refuses_the_zeros_from_before_its_first_measurement() -> None:
    with pytest.raises(InvalidReading):
        on(bus(floats(0, 0, 0)), Scd30).read()


def test_tells_the_concentration_where_neither_temperature_nor_humidity_was_measured() -> None:
    chip = on(bus(floats(800, 0, 0)), Scd30)
    assert chip.read() == {"co2": 800}
    assert set(chip.missing) == {"temperature", "humidity"}


@pytest.mark.parametrize(("temperature", "humidity"), [(0, 45), (21, 0)])
def test_takes_a_zero_for_a_value_where_the_other_one_is_none(temperature: float, humidity: float) -> None:
    told = on(bus(floats(800, temperature, humidity)), Scd30).read()
    assert (told["temperature"], told["humidity"]) == (temperature, humidity)


def test_a_concentration_at_its_stop_is_beyond_the_scale() -> None:
    chip = on(bus(floats(40000.0, 25.0, 40.0)), Scd30)
    assert chip.read() == {"temperature": 25.0, "humidity": 40.0}
    assert isinstance(chip.missing["co2"], BeyondRange)


def test_finds_one_that_still_boots() -> None:
    wire = bus()
    wire.answers[FIRMWARE] = [OSError(121, "it boots"), words(0x0342)]
    chip = on(wire, Scd30)
    chip.read()
    assert sum(chip.waited) >= 2


def test_refuses_damaged_bytes() -> None:
    with pytest.raises(ChecksumError):
        on(bus(b"\x43\xda" + EXAMPLE[2:]), Scd30).read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_is_not_found_on_a_dead_line(byte: int) -> None:
    with pytest.raises(WrongChip):
        on(ScriptedBus(otherwise=byte), Scd30).read()
