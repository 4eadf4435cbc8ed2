"""SHT3x and SHT85, and that they and an SHT4x tell each other apart."""

import pytest
from scripted import ScriptedBus, on, words

from drivers.chips.sht3x import Sht3x, celsius
from drivers.errors import ChecksumError, InvalidReading, NoAcknowledge, WrongChip

MEASURE, STATUS, SERIAL = b"\x24\x00", b"\xf3\x2d", b"\x89"


def board(answer: str = "66669380 00a2") -> ScriptedBus:
    return ScriptedBus({STATUS: bytes.fromhex("8010e1"), MEASURE: bytes.fromhex(answer)})


def refuse(*messages: bytes):
    def react(bus: ScriptedBus, data: bytes) -> None:
        if data in messages:
            raise OSError(121, "not acknowledged")

    return react


@pytest.mark.parametrize(
    ("answer", "temperature", "humidity"),
    [("6666938000a2", 25.000, 50.001), ("3a41d1ffffac", -5.177, 100.0)],
)
def test_reads_the_worked_examples(answer, temperature, humidity):
    values = on(board(answer), Sht3x).read()
    assert values["temperature"] == pytest.approx(temperature, abs=0.0005)
    assert values["humidity"] == pytest.approx(humidity, abs=0.0005)


def test_celsius_begins_at_45_below_zero():
    assert celsius(0) == -45.0


def test_refuses_a_status_without_checksum():
    bus = board()
    bus.answers[STATUS] = b"\x80\x10\x00"
    with pytest.raises(WrongChip):
        on(bus, Sht3x).read()


def test_names_an_sht4x():
    bus = ScriptedBus({SERIAL: words(0x0F3A, 0x91C7)}, react=refuse(STATUS, b"\x30\x93"))
    with pytest.raises(WrongChip, match='"sht4x"'):
        on(bus, Sht3x).read()


def test_an_address_that_is_empty_is_no_wrong_chip():
    bus = ScriptedBus(react=refuse(STATUS, b"\x30\x93", SERIAL))
    with pytest.raises(NoAcknowledge):
        on(bus, Sht3x).read()


def test_needs_neither_the_break_nor_the_reset():
    bus = board()
    bus.react = refuse(b"\x30\x93", b"\x30\xa2")
    assert on(bus, Sht3x).read()["temperature"] == pytest.approx(25.0, abs=0.0005)


def test_insists_on_the_reset_when_the_heater_is_on():
    bus = board()
    bus.answers[STATUS] = words(0xA010)
    bus.react = refuse(b"\x30\xa2")
    with pytest.raises(NoAcknowledge):
        on(bus, Sht3x).read()


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_refuses_a_shorted_or_floating_line(level):
    bus = board()
    chip = on(bus, Sht3x)
    chip.read()
    bus.constant = level
    with pytest.raises(ChecksumError):
        chip.read()


def test_refuses_the_end_of_the_scale():
    bus = board()
    bus.answers[MEASURE] = words(0x0000, 0x8000)
    with pytest.raises(InvalidReading):
        on(bus, Sht3x).read()


def test_takes_no_line_that_stays_at_one_byte_for_an_answer() -> None:
    # The checksum of 2b 2b is 2b.
    wire = board()
    chip = on(wire, Sht3x)
    chip.read()
    wire.constant = 0x2B
    with pytest.raises(ChecksumError):
        chip.read()
