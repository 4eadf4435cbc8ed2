"""SHT4x: worked examples with a negative one, clipping, its serial number as identity."""

import pytest
from scripted import ScriptedBus, on, words

from drivers.chips.sht4x import Sht4x, celsius
from drivers.errors import ChecksumError, InvalidReading, NoAcknowledge, WrongChip

MEASURE, SERIAL, STATUS = b"\xfd", b"\x89", b"\xf3\x2d"


def board(answer: str = "6666 93 72b0 dc") -> ScriptedBus:
    return ScriptedBus({SERIAL: words(0x0F3A, 0x91C7), MEASURE: bytes.fromhex(answer)})


@pytest.mark.parametrize(
    ("answer", "temperature", "humidity"),
    [("66669372b0dc", 25.000, 50.001), ("3a41d10c4ad3", -5.177, 0.001)],
)
def test_reads_the_worked_examples(answer, temperature, humidity):
    values = on(board(answer), Sht4x).read()
    assert values["temperature"] == pytest.approx(temperature, abs=0.0005)
    assert values["humidity"] == pytest.approx(humidity, abs=0.0005)


@pytest.mark.parametrize(("ticks", "humidity"), [(0x0001, 0.0), (0x0C00, 0.0), (0xD916, 100.0), (0xED00, 100.0)])
def test_clips_humidity_for_a_tenth_of_its_scale(ticks, humidity):
    bus = board()
    bus.answers[MEASURE] = words(0x6666, ticks)
    assert on(bus, Sht4x).read()["humidity"] == pytest.approx(humidity, abs=0.02)


@pytest.mark.parametrize("ticks", [0x0000, 0xFFFF, 0xEE00])
def test_tells_the_temperature_where_the_humidity_stands_at_its_stop(ticks):
    bus = board()
    bus.answers[MEASURE] = words(0x6666, ticks)
    chip = on(bus, Sht4x)
    assert chip.read() == {"temperature": pytest.approx(25.0)}
    assert isinstance(chip.missing["humidity"], InvalidReading)


@pytest.mark.parametrize("ticks", [0x0000, 0xFFFF])
def test_tells_nothing_where_the_temperature_stands_at_its_stop(ticks):
    bus = board()
    bus.answers[MEASURE] = words(ticks, 0x8000)
    with pytest.raises(InvalidReading):
        on(bus, Sht4x).read()


def test_celsius_begins_at_45_below_zero():
    assert celsius(0) == -45.0


def test_takes_two_transfers_once_it_is_set_up():
    bus = board()
    chip = on(bus, Sht4x)
    chip.read()
    before = bus.transfers
    chip.read()
    assert bus.transfers - before == 2


def test_refuses_a_serial_number_without_checksums():
    bus = board()
    bus.answers[SERIAL] = bytes(6)
    with pytest.raises(WrongChip):
        on(bus, Sht4x).read()


def silent(*messages: bytes):
    def react(bus: ScriptedBus, data: bytes) -> None:
        if data in messages:
            raise OSError(121, "not acknowledged")

    return react


def test_names_an_sht3x():
    bus = ScriptedBus({STATUS: bytes.fromhex("8010e1")}, react=silent(SERIAL))
    with pytest.raises(WrongChip, match='"sht3x"'):
        on(bus, Sht4x).read()


def test_an_address_that_is_empty_is_no_wrong_chip():
    with pytest.raises(NoAcknowledge):
        on(ScriptedBus(react=silent(SERIAL, STATUS)), Sht4x).read()


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_refuses_a_shorted_or_floating_line(level):
    bus = board()
    chip = on(bus, Sht4x)
    chip.read()
    bus.constant = level
    with pytest.raises(ChecksumError):
        chip.read()


def test_takes_no_line_that_stays_at_one_byte_for_an_answer() -> None:
    # The checksum of 2b 2b is 2b.
    wire = board()
    chip = on(wire, Sht4x)
    chip.read()
    wire.constant = 0x2B
    with pytest.raises(ChecksumError):
        chip.read()
