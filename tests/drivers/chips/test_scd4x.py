"""SCD4x: vectors, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.scd4x import Scd4x
from drivers.crc import crc8
from drivers.errors import ChecksumError, InvalidReading, NotReady, WrongChip

SERIAL = bytes.fromhex("beef92 beef92 beef92")
READY, NOT_READY = bytes.fromhex("8006 04"), bytes.fromhex("8000 a2")
FIRST = bytes.fromhex("01f433 6667a2 5eb93c")
COLD = bytes.fromhex("04d264 249285 ffffac")


def bus(values: object = FIRST, ready: object = READY) -> ScriptedBus:
    return ScriptedBus({b"\x36\x82": SERIAL, b"\xe4\xb8": ready, b"\xec\x05": values})


@pytest.mark.parametrize(("frame", "expected"), [(FIRST, (500, 25.0, 37.0)), (COLD, (1234, -20.0, 100.0))])
def test_tells_the_numbers_of_the_datasheet(frame: bytes, expected: tuple[float, ...]) -> None:
    values = on(bus(frame), Scd4x).read()
    assert [values[name] for name in ("co2", "temperature", "humidity")] == pytest.approx(expected, abs=0.005)


def test_stops_and_starts_the_measurement_when_it_is_set_up() -> None:
    wire = bus()
    on(wire, Scd4x).setup()
    assert wire.written == [b"\x3f\x86", b"\x36\x82", b"\x21\xb1"]


def test_needs_no_measurement_that_can_be_stopped() -> None:
    wire = bus()
    wire.refused = {b"\x3f\x86"}
    assert on(wire, Scd4x).read()["co2"] == 500


def test_waits_for_a_value_in_steps_of_a_second_at_most() -> None:
    chip = on(bus(ready=[NOT_READY, NOT_READY, READY]), Scd4x)
    assert chip.read()["co2"] == 500
    assert max(chip.waited) <= 1.0
    assert 6.0 <= sum(chip.waited) <= Scd4x.takes


def test_is_set_up_again_when_no_value_comes() -> None:
    wire = bus()
    chip = on(wire, Scd4x)
    chip.read()
    wire.answers[b"\xe4\xb8"] = NOT_READY
    with pytest.raises(NotReady):
        chip.read()
    wire.answers[b"\xe4\xb8"] = READY
    before = len(wire.written)
    assert chip.read()["co2"] == 500
    assert b"\x21\xb1" in wire.written[before:]


def test_tells_temperature_and_humidity_where_it_has_no_concentration() -> None:
    chip = on(bus(bytes.fromhex("000081 6667a2 5eb93c")), Scd4x)
    assert set(chip.read()) == {"temperature", "humidity"}
    assert isinstance(chip.missing["co2"], InvalidReading)


def test_tells_the_concentration_where_the_temperature_stands_at_its_stop() -> None:
    chip = on(bus(bytes.fromhex("01f433 000081 5eb93c")), Scd4x)
    assert chip.read() == {"co2": 500.0}
    assert set(chip.missing) == {"temperature", "humidity"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"altitude": 350}, bytes.fromhex("2427 015e") + bytes([crc8(b"\x01\x5e")])),
        ({"altitude": 0}, bytes.fromhex("2427 000081")),
        ({"pressure": 987.4}, bytes.fromhex("e000 03db") + bytes([crc8(b"\x03\xdb")])),
    ],
)
def test_is_told_how_thin_its_air_is_before_it_starts(options: dict[str, float], message: bytes) -> None:
    wire = bus()
    assert on(wire, Scd4x, **options).read()["co2"] == 500
    assert wire.written[:4] == [b"\x3f\x86", b"\x36\x82", message, b"\x21\xb1"]


@pytest.mark.parametrize(
    "options", [{"altitude": -1}, {"altitude": 3001}, {"pressure": 1.0}, {"altitude": "high"}, {"altitude": True}]
)
def test_takes_no_altitude_or_pressure_that_the_chip_cannot_take(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the chip takes"):
        Scd4x(bus(), **options)


def test_takes_one_of_altitude_and_pressure() -> None:
    with pytest.raises(ValueError, match="one of the two"):
        Scd4x(bus(), altitude=350, pressure=970)


def test_refuses_damaged_bytes() -> None:
    with pytest.raises(ChecksumError):
        on(bus(bytes.fromhex("01f533 6667a2 5eb93c")), Scd4x).read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_is_not_found_on_a_dead_line(byte: int) -> None:
    with pytest.raises(WrongChip):
        on(ScriptedBus(otherwise=byte), Scd4x).read()


def test_takes_no_line_that_stays_at_one_byte_for_an_answer() -> None:
    # The checksum of 2b 2b is 2b.
    wire = bus()
    chip = on(wire, Scd4x)
    chip.read()
    wire.constant = 0x2B
    with pytest.raises(ChecksumError):
        chip.read()
