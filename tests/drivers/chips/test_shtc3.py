"""SHTC3: worked examples with a negative one, a chip left asleep, and the multiplexer that shares its address."""

import pytest
from scripted import ScriptedBus, on, words

from drivers import open_chip
from drivers.chips.shtc3 import Shtc3
from drivers.errors import ChecksumError, NoAcknowledge, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

IDENTITY, MEASURE, WAKE_UP, SOFT_RESET = b"\xef\xc8", b"\x78\x66", b"\x35\x17", b"\x80\x5d"


def board(answer: bytes = words(0x6666, 0x8000)) -> ScriptedBus:
    return ScriptedBus({IDENTITY: words(0x0807), MEASURE: answer})


@pytest.mark.parametrize(
    ("answer", "temperature", "humidity"),
    [("66669380 00a2", 25.0, 50.0), ("3a41d1 ffffac", -5.178, 100.0)],
)
def test_reads_the_worked_examples(answer, temperature, humidity):
    values = on(board(bytes.fromhex(answer)), Shtc3).read()
    assert values["temperature"] == pytest.approx(temperature, abs=0.002)
    assert values["humidity"] == pytest.approx(humidity, abs=0.002)


def test_sends_the_commands_of_the_datasheet():
    bus = board()
    chip = on(bus, Shtc3)
    chip.read()
    assert bus.written == [IDENTITY, SOFT_RESET, MEASURE]
    chip.read()
    assert bus.written[3:] == [MEASURE]
    assert all(wait >= 0.0121 for wait in chip.waited[-1:])


@pytest.mark.parametrize(("identity", "is_shtc3"), [(0x0807, True), (0x0887, True), (0xF7C7, False), (0x0007, False)])
def test_looks_at_the_fixed_bits_of_the_identity(identity, is_shtc3):
    bus = board()
    bus.answers[IDENTITY] = words(identity)
    if is_shtc3:
        assert on(bus, Shtc3).read()
    else:
        with pytest.raises(WrongChip):
            on(bus, Shtc3).read()


def test_refuses_damaged_words():
    bus = board()
    chip = on(bus, Shtc3)
    chip.read()
    for at in range(6):
        damaged = bytearray(words(0x6666, 0x8000))
        damaged[at] ^= 0x10
        bus.answers[MEASURE] = bytes(damaged)
        with pytest.raises(ChecksumError):
            chip.read()


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture
def bus(time):
    with FakeBus({0x70: fake_chip("shtc3")}, clock=time, wait=time.sleep) as bus:
        time.sleep(1.0)
        yield bus


@pytest.fixture
def chip(bus, time):
    chip = open_chip("shtc3", bus)
    chip.sleep = time.sleep
    return chip


class TestAChipThatAnotherProgramSentToSleep:
    def test_is_woken_before_it_is_set_up(self, bus, chip):
        bus.chips[0x70].asleep = True
        assert chip.read()["temperature"] == pytest.approx(21.5, abs=0.01)

    def test_is_woken_by_the_reading_after_the_one_that_failed(self, bus, chip):
        chip.read()
        bus.chips[0x70].asleep = True
        with pytest.raises(NoAcknowledge):
            chip.read()
        assert chip.read()["temperature"] == pytest.approx(21.5, abs=0.01)


def test_names_a_multiplexer_and_closes_it_again(time):
    mux = fake_chip("tca9548a", channels={3: {0x44: fake_chip("sht4x")}})
    with FakeBus({0x70: mux}, clock=time, wait=time.sleep) as bus:
        chip = open_chip("shtc3", bus)
        chip.sleep = time.sleep
        with pytest.raises(WrongChip, match="TCA9548A"):
            chip.read()
        assert mux.control == 0
