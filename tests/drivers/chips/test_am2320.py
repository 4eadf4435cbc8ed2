"""AM2320: the manual's worked examples with a negative one, its sleep, the value from before, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers import crc, open_chip
from drivers.chips.am2320 import Am2320, celsius_and_humidity
from drivers.errors import ChecksumError, InvalidReading, NoAcknowledge, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

READ = b"\x03\x00\x04"


def frame(*data: int) -> bytes:
    body = bytes([3, 4, *data])
    return body + crc.modbus(body).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("answer", "temperature", "humidity"),
    [
        (bytes.fromhex("0304 01f4 00fa 31a5"), 25.0, 50.0),
        (bytes.fromhex("0304 0339 0115 e1fe"), 27.7, 82.5),
        (frame(0x02, 0x92, 0x80, 0x65), -10.1, 65.8),
        (frame(0x03, 0xE8, 0x81, 0x90), -40.0, 100.0),
        (frame(0x03, 0xE7, 0x03, 0x20), 80.0, 99.9),
    ],
)
def test_reads_the_worked_examples(answer, temperature, humidity):
    assert on(ScriptedBus({READ: answer}), Am2320).read() == {"temperature": temperature, "humidity": humidity}


def test_a_temperature_has_a_sign_and_no_complement():
    assert celsius_and_humidity(bytes.fromhex("01f4 8065")) == (-10.1, 50.0)


def test_tells_what_it_measured_two_seconds_ago_not_at_the_reading_before():
    bus = ScriptedBus({READ: [frame(0, 100, 0, 10), frame(0, 100, 0, 10), frame(1, 244, 0, 250)]})
    chip = on(bus, Am2320)
    assert chip.read() == {"temperature": 25.0, "humidity": 50.0}
    assert max(chip.waited) >= 2.0


@pytest.mark.parametrize("byte", range(8))
def test_refuses_a_damaged_answer(byte):
    right = frame(1, 244, 0, 250)
    bus = ScriptedBus({READ: right})
    chip = on(bus, Am2320)
    chip.read()
    damaged = bytearray(right)
    damaged[byte] ^= 0x20
    bus.answers[READ] = [right, bytes(damaged)]
    with pytest.raises(ChecksumError):
        chip.read()


def test_refuses_an_answer_of_other_registers_whose_checksum_is_right():
    bus = ScriptedBus({READ: frame(1, 244, 0, 250)})
    chip = on(bus, Am2320)
    chip.read()
    bus.answers[READ] = [frame(1, 244, 0, 250), frame(0, 250, 0, 0), frame(1, 244, 0, 250)]
    with pytest.raises(ChecksumError, match="differ"):
        chip.read()


def test_refuses_the_zeros_from_before_its_first_measurement():
    with pytest.raises(InvalidReading):
        on(ScriptedBus({READ: frame(0, 0, 0, 0)}), Am2320).read()


@pytest.mark.parametrize("answer", [b"\x83\x81\x01\x02", b"", frame(1, 244, 0, 250)[:7] + b"\x00"])
def test_is_known_by_its_checksum(answer):
    with pytest.raises(WrongChip):
        on(ScriptedBus({READ: answer}), Am2320).read()


class TestAChipThatSleeps:
    def test_is_woken_by_the_command_that_it_refuses(self):
        asleep = [True]

        def refuse(bus: ScriptedBus, data: bytes) -> None:
            asleep[0] = not asleep[0]
            if not asleep[0]:
                raise OSError(121, "not acknowledged")

        bus = ScriptedBus({READ: frame(1, 244, 0, 250)}, react=refuse)
        assert on(bus, Am2320).read()["temperature"] == 25.0

    def test_that_never_wakes_is_absent(self):
        bus = ScriptedBus({})
        bus.gone = True
        with pytest.raises(NoAcknowledge):
            on(bus, Am2320).read()

    def test_shows_the_world_of_now_after_an_hour(self):
        time, fake = FakeTime(), fake_chip("am2320", temperature=5.0)
        with FakeBus({0x5C: fake}, clock=time, wait=time.sleep) as bus:
            chip = open_chip("am2320", bus)
            chip.sleep = time.sleep
            assert chip.read()["temperature"] == 5.0
            time.sleep(3600)
            fake.feel(temperature=-7.5)
            assert chip.read()["temperature"] == -7.5


def test_is_read_where_it_refuses_to_be_read_at_once_again():
    answered = [0]

    def refuse(bus: ScriptedBus, data: bytes) -> None:
        answered[0] += 1
        if answered[0] > 3:
            raise OSError(121, "not acknowledged")

    bus = ScriptedBus({READ: frame(1, 244, 0, 250)}, react=refuse)
    assert on(bus, Am2320).read()["temperature"] == 25.0


class ImpatientBus(ScriptedBus):
    """A bus with a chip that refuses to be read within 2 s after an answer."""

    def __init__(self, time: FakeTime) -> None:
        self.time, self.answered_at = time, -2.0
        super().__init__({READ: self.answer}, react=self.refuse)

    def refuse(self, bus: ScriptedBus, data: bytes) -> None:
        if self.time.now < self.answered_at + 2.0:
            raise OSError(121, "not acknowledged")

    def answer(self) -> bytes:
        self.answered_at = self.time.now
        return frame(1, 244, 0, 250)


@pytest.mark.parametrize("pause", [0.0, 0.5, 10.0])
def test_is_read_in_any_rhythm_where_it_refuses_to_be_read_within_two_seconds(pause):
    time = FakeTime()
    chip = on(ImpatientBus(time), Am2320)
    chip.sleep = time.sleep
    for _ in range(3):
        assert chip.read() == {"temperature": 25.0, "humidity": 50.0}
        time.sleep(pause)


def test_says_that_it_was_unplugged_within_one_reading():
    bus = ScriptedBus({READ: frame(1, 244, 0, 250)})
    chip = on(bus, Am2320)
    chip.read()
    bus.gone = True
    with pytest.raises(NoAcknowledge):
        chip.read()
