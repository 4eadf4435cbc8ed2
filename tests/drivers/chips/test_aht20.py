"""AHT20: worked examples with a negative one, its checksum as identity, and its faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.aht20 import Aht10, Aht20
from drivers.crc import crc8
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

TRIGGER, INITIALISE = b"\xac\x33\x00", b"\xbe\x08\x00"


def frame(*data: int) -> bytes:
    return bytes(data) + bytes([crc8(bytes(data))])


def board(answer: bytes) -> ScriptedBus:
    return ScriptedBus({b"\x00": b"\x18", TRIGGER: answer})


@pytest.mark.parametrize(
    ("answer", "celsius", "humidity"),
    [("1c80000600004e", 25.0, 50.0), ("1c40000333335a", -10.0, 25.0)],
)
def test_reads_the_worked_examples(answer, celsius, humidity):
    values = on(board(bytes.fromhex(answer)), Aht20).read()
    assert values["temperature"] == pytest.approx(celsius, abs=0.005)
    assert values["humidity"] == pytest.approx(humidity, abs=0.005)


def test_takes_two_transfers_once_it_is_set_up():
    bus = board(bytes.fromhex("1c80000600004e"))
    chip = on(bus, Aht20)
    chip.read()
    before = bus.transfers
    chip.read()
    assert bus.transfers - before == 2


def test_initialises_a_chip_that_asks_for_it():
    bus = board(bytes.fromhex("1c80000600004e"))
    bus.answers[b"\x00"] = b"\x10"
    written = []
    bus.react = lambda bus, data: written.append(data)
    on(bus, Aht20).read()
    assert written[0] == INITIALISE


def test_refuses_an_aht10_that_sends_no_checksum():
    with pytest.raises(WrongChip, match="AHT10"):
        on(board(bytes.fromhex("1c8000060000")), Aht20).read()


class TestAChipWithoutItsCalibrationBit:
    def test_is_not_said_to_have_lost_its_power(self):
        bus = board(frame(0x10, 0x80, 0, 6, 0, 0))
        bus.answers[b"\x00"] = b"\x10"
        chip = on(bus, Aht20)
        for _ in range(2):
            with pytest.raises(InvalidReading, match="not calibrated"):
                chip.read()

    def test_is_read_where_it_refuses_to_be_initialised_and_then_has_the_bit(self):
        def refuse(bus: ScriptedBus, data: bytes) -> None:
            if data == INITIALISE:
                raise OSError(121, "not acknowledged")

        bus = board(bytes.fromhex("1c80000600004e"))
        bus.answers[b"\x00"] = b"\x10"
        bus.react = refuse
        assert on(bus, Aht20).read()["humidity"] == pytest.approx(50.0, abs=0.005)


class TestAKnownChip:
    @pytest.fixture
    def bus(self):
        return board(bytes.fromhex("1c80000600004e"))

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Aht20)
        chip.read()
        return chip

    def test_refuses_a_damaged_frame(self, bus, chip):
        bus.answers[TRIGGER] = bytes.fromhex("1c80010600004e")
        with pytest.raises(ChecksumError):
            chip.read()

    def test_gives_up_a_measurement_that_does_not_end(self, bus, chip):
        bus.answers[TRIGGER] = frame(0x98, 0x80, 0, 6, 0, 0)
        with pytest.raises(NotReady):
            chip.read()

    def test_says_that_it_lost_its_calibration(self, bus, chip):
        bus.answers[TRIGGER] = frame(0x10, 0x80, 0, 6, 0, 0)
        with pytest.raises(LostPower):
            chip.read()

    def test_tells_the_temperature_where_the_humidity_element_is_dead(self, bus, chip):
        bus.answers[TRIGGER] = frame(0x18, 0, 0, 6, 0, 0)
        assert chip.read() == {"temperature": 25.0}
        assert isinstance(chip.missing["humidity"], InvalidReading)

    def test_refuses_the_zeros_from_before_its_first_measurement(self, bus, chip):
        bus.answers[TRIGGER] = frame(0x18, 0, 0, 0, 0, 0)
        with pytest.raises(InvalidReading):
            chip.read()

    def test_refuses_a_floating_line(self, bus, chip):
        bus.constant = 0xFF
        with pytest.raises(NotReady):
            chip.read()

    def test_refuses_a_shorted_line(self, bus, chip):
        bus.constant = 0x00
        with pytest.raises(ChecksumError):
            chip.read()


class TestAnAht10:
    ANSWER = bytes.fromhex("1c8000060000")

    @staticmethod
    def board_of(*answers: bytes) -> ScriptedBus:
        """Each measurement plays these answers: the status while it is busy, then frames."""

        def react(bus: ScriptedBus, data: bytes) -> None:
            if data == TRIGGER:
                bus.answers[TRIGGER] = [b"\x98", *answers]

        return ScriptedBus({b"\x00": b"\x18"}, react=react)

    @pytest.mark.parametrize(
        ("answer", "celsius", "humidity"), [("1c8000060000", 25.0, 50.0), ("1c4000033333", -10.0, 25.0)]
    )
    def test_reads_the_worked_examples(self, answer, celsius, humidity):
        values = on(self.board_of(bytes.fromhex(answer)), Aht10).read()
        assert values["temperature"] == pytest.approx(celsius, abs=0.005)
        assert values["humidity"] == pytest.approx(humidity, abs=0.005)

    def test_is_calibrated_by_its_own_command(self):
        bus = self.board_of(self.ANSWER)
        bus.answers[b"\x00"] = b"\x10"
        bus.answers[b"\xe1\x08\x00"] = [b"\x98", b"\x18"]
        on(bus, Aht10).read()
        assert bus.written == [b"\xe1\x08\x00", TRIGGER, TRIGGER]

    def test_is_no_aht20(self):
        with pytest.raises(WrongChip, match='driver = "aht20"'):
            on(self.board_of(bytes.fromhex("1c80000600004e")), Aht10).read()

    def test_refuses_two_reads_that_differ(self):
        bus = self.board_of(self.ANSWER)
        chip = on(bus, Aht10)
        chip.read()
        for at in range(6):
            damaged = bytearray(self.ANSWER)
            damaged[at] ^= 1
            bus.react = self.board_of(self.ANSWER, bytes(damaged)).react
            with pytest.raises(ChecksumError):
                chip.read()

    def test_is_told_again_to_measure_where_it_is_not_busy_then(self):
        bus = self.board_of(self.ANSWER)
        chip = on(bus, Aht10)
        chip.read()
        bus.react = lambda bus, data: None
        bus.answers[TRIGGER] = [b"\x18", b"\x98", self.ANSWER]
        before = len(bus.written)
        chip.read()
        assert bus.written[before:] == [TRIGGER, TRIGGER]

    @pytest.mark.parametrize("answer", ["180000000000", "180000060000"])
    def test_tells_nothing_of_the_zeros_from_before_its_first_measurement(self, answer):
        chip = on(self.board_of(bytes.fromhex(answer)), Aht10)
        try:
            assert set(chip.read()) == {"temperature"}
        except InvalidReading:
            assert answer == "180000000000"

    def test_that_never_gets_its_calibration_bit_is_not_read(self):
        bus = self.board_of(bytes.fromhex("108000060000"))
        bus.answers[b"\x00"] = bus.answers[b"\xe1\x08\x00"] = b"\x10"
        with pytest.raises(InvalidReading, match="not calibrated"):
            on(bus, Aht10).read()
