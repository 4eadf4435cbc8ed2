"""BMP180: the datasheet's worked example and a negative one, its witness, and its faults."""

import struct

import pytest
from scripted import ScriptedBus, on

from drivers.chips.bmp180 import Bmp180, celsius, hectopascals, temperature_base
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip

CALIBRATION = (408, -72, -14383, 32741, 32757, 23153, 6190, 4, -32768, -8711, 2868)
TRIM = struct.pack(">hhhHHHhhhhh", *CALIBRATION)


def board(ut: int = 27898, up: int = 23843, doublings: int = 0, trim: bytes = TRIM) -> ScriptedBus:
    """Return a chip that has converted as soon as it was told to."""

    def react(bus: ScriptedBus, data: bytes) -> None:
        if data[0] == 0xF4 and len(data) == 2:
            raw = ut << 8 if data[1] == 0x2E else up << 8 - doublings
            bus.put(0xF4, bytes([data[1] & ~0x20, 0]) + raw.to_bytes(3, "big"))

    return ScriptedBus(width=1, registers={0xD0: b"\x55", 0xAA: trim, 0xF6: b"\x80"}, react=react)


def test_computes_what_the_worked_example_of_the_datasheet_computes():
    base = temperature_base(27898, CALIBRATION)
    assert celsius(base) == 15.0
    assert hectopascals(23843, 0, base, CALIBRATION) == 699.64


@pytest.mark.parametrize(
    ("ut", "up", "doublings", "temperature", "pressure"),
    [
        (27898, 23843, 0, 15.0, 699.64),
        (27898, 23843 << 3, 3, 15.0, 699.64),
        (25154, 289116, 3, -10.4, 1007.34),
    ],
)
def test_reads_the_worked_examples(ut, up, doublings, temperature, pressure):
    values = on(board(ut, up, doublings), Bmp180, oversampling=1 << doublings).read()
    assert values["temperature"] == temperature
    assert values["pressure"] == pytest.approx(pressure, abs=0.02)


@pytest.mark.parametrize(
    ("oversampling", "command", "takes"), [(1, 0x34, 0.0045), (2, 0x74, 0.0075), (4, 0xB4, 0.0135), (8, 0xF4, 0.0255)]
)
def test_asks_for_the_oversampling_and_waits_as_long_as_it_takes(oversampling, command, takes):
    bus = board(up=23843 << oversampling.bit_length() - 1, doublings=oversampling.bit_length() - 1)
    chip = on(bus, Bmp180, oversampling=oversampling)
    chip.read()
    assert [data[1] for data in bus.written if data[0] == 0xF4 and len(data) == 2] == [0x2E, command]
    assert chip.waited[-2:] == [pytest.approx(0.005), pytest.approx(1.1 * takes, abs=0.0001)]


def test_takes_no_other_oversampling():
    with pytest.raises(ValueError, match="oversampling"):
        Bmp180(None, oversampling=16)


@pytest.mark.parametrize("word", [b"\x00\x00", b"\xff\xff"])
def test_refuses_a_calibration_with_a_word_that_no_chip_has(word):
    with pytest.raises(InvalidReading, match="calibration"):
        on(board(trim=TRIM[:8] + word + TRIM[10:]), Bmp180).read()


def test_refuses_another_identity():
    bus = board()
    bus.put(0xD0, b"\x58")
    with pytest.raises(WrongChip, match="BMP280"):
        on(bus, Bmp180).read()


class TestAKnownChip:
    @pytest.fixture
    def bus(self):
        return board()

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Bmp180, oversampling=1)
        chip.read()
        return chip

    def test_that_lost_its_power_says_so(self, bus, chip):
        bus.put(0xF4, b"\x00")
        with pytest.raises(LostPower):
            chip.read()
        assert chip.read()

    def test_that_never_finishes_is_given_up(self, bus, chip):
        bus.react = lambda bus, data: None
        with pytest.raises(NotReady):
            chip.read()

    def test_that_takes_another_command_is_told_again(self, bus, chip):
        right, misheard = bus.react, [0x34]

        def react(bus: ScriptedBus, data: bytes) -> None:
            is_command = data[0] == 0xF4 and len(data) == 2
            right(bus, bytes([0xF4, misheard.pop()]) if is_command and misheard else data)

        bus.react = react
        assert chip.read()["temperature"] == 15.0

    def test_that_takes_a_command_without_its_start_bit_is_told_again(self, bus, chip):
        right, started = bus.react, [False]

        def react(bus: ScriptedBus, data: bytes) -> None:
            if data == b"\xf4\x34" and not started[0]:
                started[0] = True
                bus.put(0xF4, b"\x14")
            else:
                right(bus, data)

        bus.react = react
        assert chip.read()["pressure"] == pytest.approx(699.64)
        assert started[0]

    @pytest.mark.parametrize("raw", ["800000", "000000", "ffffff"])
    def test_tells_nothing_that_it_has_not_converted(self, bus, chip, raw):
        def react(bus: ScriptedBus, data: bytes) -> None:
            if data[0] == 0xF4 and len(data) == 2:
                bus.put(0xF4, bytes([data[1] & ~0x20, 0]) + bytes.fromhex(raw))

        bus.react = react
        with pytest.raises(InvalidReading):
            chip.read()

    @pytest.mark.parametrize("byte", range(5))
    def test_refuses_two_reads_that_differ(self, bus, chip, byte):
        frames = [bus.i2c_rdwr]

        def damaging(*messages):
            frames[0](*messages)
            if messages[-1].flags & 1 and messages[-1].len == 5:
                bus.seen = getattr(bus, "seen", 0) + 1
                if bus.seen % 2 == 0:
                    messages[-1].buf[byte] = bytes([messages[-1].buf[byte][0] ^ 1])

        bus.i2c_rdwr = damaging
        with pytest.raises(ChecksumError):
            chip.read()
