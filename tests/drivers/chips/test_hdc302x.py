"""HDC302x: worked examples with a negative one, its manufacturer's number, and what another program left behind."""

import pytest
from scripted import ScriptedBus, on, words

from drivers import open_chip
from drivers.chips.hdc302x import Hdc302x
from drivers.errors import ChecksumError, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

MANUFACTURER, MEASURE, STATUS = b"\x37\x81", b"\x24\x00", b"\xf3\x2d"


def board(answer: bytes) -> ScriptedBus:
    return ScriptedBus({MANUFACTURER: words(0x3000), MEASURE: answer})


@pytest.mark.parametrize(
    ("answer", "temperature", "humidity"),
    [("666693 8000a2", 25.0, 50.001), ("3a41d1 ffffac", -5.177, 100.0)],
)
def test_reads_the_worked_examples(answer, temperature, humidity):
    values = on(board(bytes.fromhex(answer)), Hdc302x).read()
    assert values["temperature"] == pytest.approx(temperature, abs=0.001)
    assert values["humidity"] == pytest.approx(humidity, abs=0.001)


def test_sends_the_commands_of_the_datasheet():
    bus = board(words(0x6666, 0x8000))
    on(bus, Hdc302x).read()
    assert bus.written == [b"\x30\x93", MANUFACTURER, b"\x30\xa2", MEASURE]


def test_refuses_another_manufacturer_and_damaged_words():
    bus = board(words(0x6666, 0x8000))
    bus.answers[MANUFACTURER] = words(0x5449)
    with pytest.raises(WrongChip):
        on(bus, Hdc302x).read()
    bus.answers[MANUFACTURER] = words(0x3000)
    chip = on(bus, Hdc302x)
    chip.read()
    bus.answers[MEASURE] = bytes.fromhex("666694 8000a2")
    with pytest.raises(ChecksumError):
        chip.read()


def test_names_an_sht3x_that_knows_no_manufacturer():
    def refuse(bus: ScriptedBus, data: bytes) -> None:
        if data == MANUFACTURER:
            raise OSError(121, "not acknowledged")

    bus = board(b"")
    bus.answers[STATUS] = words(0x8010)
    bus.react = refuse
    with pytest.raises(WrongChip, match='driver = "sht3x"'):
        on(bus, Hdc302x).read()


@pytest.mark.parametrize("command", [b"\x27\x37", b"\x30\x6d"])
def test_ends_what_another_program_began(command):
    time = FakeTime()
    with FakeBus({0x44: fake_chip("hdc302x")}, clock=time, wait=time.sleep) as bus:
        time.sleep(1.0)
        bus.chips[0x44].on_write(command)
        time.sleep(1.0)
        chip = open_chip("hdc302x", bus)
        chip.sleep = time.sleep
        assert chip.read()["temperature"] == pytest.approx(21.5, abs=0.01)
