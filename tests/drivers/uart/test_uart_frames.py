"""Frames on a UART: wherever they begin, however they are damaged, whatever lies in the port already."""

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import open_chip
from drivers.errors import (
    AdapterGone,
    BusTimeout,
    ChecksumError,
    InvalidReading,
    NotReady,
    PermanentError,
    TransientError,
)

# As seen on a PMS7003 (PyPMS); the last of them is of cleaner air.
DUSTY = bytes.fromhex("424d001c000000080008000000080008 00d20046002d001e00000000970002c5")
CLEAN = bytes.fromhex("424d001c000000050005000000050005 008a002e0017000f0000000097000234")
# Nova Fitness' protocol V1.3, section 2.
SDS = bytes.fromhex("aac0d4043a0aa1601dab")
SDS_LATER = bytes.fromhex("aac0d5043a0aa1601eab")
# Winsen, MH-Z19B V1.0: 544 ppm.
CO2 = bytes.fromhex("ff86022000000000 58")
TALKING = [("pms5003", DUSTY, CLEAN, "pm2_5", 8.0, 5.0), ("sds011", SDS, SDS_LATER, "pm2_5", 123.6, 123.7)]
LONGEST = 10.0


@pytest.mark.parametrize(("name", "frame", "later", "quantity", "value", "then"), TALKING)
class TestASensorThatTalks:
    def test_is_told_from_the_next_frame(self, line, sensor, name, frame, later, quantity, value, then):
        chip = sensor(name)
        line.every(1.0, [frame, later])
        assert chip.read()[quantity] == pytest.approx(value)
        assert chip.read()[quantity] == pytest.approx(then)
        assert not line.heard

    def test_may_be_in_the_middle_of_a_frame(self, line, sensor, name, frame, later, quantity, value, then):
        for cut in range(1, len(frame)):
            chip = sensor(name)
            line.say(later[cut:], 0.1)
            line.say(frame, 0.2)
            assert chip.read()[quantity] == pytest.approx(value)
            chip.close()

    def test_may_pause_within_a_frame(self, line, sensor, name, frame, later, quantity, value, then):
        for cut in range(1, len(frame)):
            chip = sensor(name)
            line.say(frame[:cut], 0.1)
            line.say(frame[cut:], 0.4)
            assert chip.read()[quantity] == pytest.approx(value)
            chip.close()

    def test_counts_with_the_newest_frame_of_several(self, line, sensor, name, frame, later, quantity, value, then):
        chip = sensor(name)
        line.say(5 * frame + later, 0.1)
        assert chip.read()[quantity] == pytest.approx(then)

    def test_does_not_count_with_what_has_lain_in_the_port(
        self, line, sensor, name, frame, later, quantity, value, then
    ):
        chip = sensor(name)
        line.say(frame, 0.1)
        chip.read()
        for _ in range(20):
            line.sleep(1.0)
            line.say(frame)
        line.say(later, 0.9)
        assert chip.read()[quantity] == pytest.approx(then)

    def test_that_has_stopped_is_not_told_from_the_port(self, line, sensor, name, frame, later, quantity, value, then):
        chip = sensor(name)
        line.say(frame, 0.1)
        chip.read()
        line.say(frame)
        line.sleep(20.0)
        with pytest.raises(BusTimeout, match="nothing came"):
            chip.read()

    def test_is_told_or_not_but_never_wrong_at_a_damaged_byte(
        self, line, sensor, name, frame, later, quantity, value, then
    ):
        for at in range(len(frame)):
            for flip in (0x10, 0xFF):
                chip = sensor(name)
                line.say(frame[:at] + bytes([frame[at] ^ flip]) + frame[at + 1 :], 0.1)
                with pytest.raises((ChecksumError, InvalidReading)):
                    chip.read()
                line.say(frame, 0.1)
                assert chip.read()[quantity] == pytest.approx(value)
                chip.close()

    def test_is_told_after_garbage(self, line, sensor, name, frame, later, quantity, value, then):
        chip = sensor(name)
        line.say(frame[:2] * 7 + os.urandom(3) + frame[:5] + frame, 0.1)
        assert chip.read()[quantity] == pytest.approx(value)

    def test_that_sends_garbage_without_end_ends_in_an_error(
        self, line, sensor, time, name, frame, later, quantity, value, then
    ):
        noise = random.Random(4)
        for _ in range(5):
            for moment in range(60):
                line.say(noise.randbytes(48), 0.05 * moment)
            chip, began = sensor(name), time.now
            with pytest.raises((ChecksumError, InvalidReading)):
                chip.read()
            assert time.now - began < LONGEST
            chip.close()
            line.sleep(5.0)

    def test_that_is_silent_ends_in_an_error_and_may_begin(
        self, line, sensor, time, name, frame, later, quantity, value, then
    ):
        chip, began = sensor(name), time.now
        with pytest.raises(BusTimeout, match="check power"):
            chip.read()
        assert time.now - began < LONGEST
        line.say(frame, 0.5)
        assert chip.read()[quantity] == pytest.approx(value)

    def test_that_slept_is_woken_and_told_once_it_is_warm(
        self, line, sensor, time, name, frame, later, quantity, value, then
    ):
        chip = sensor(name)
        line.answers = lambda data: frame if chip.wake[0] in data else b""
        began = time.now
        with pytest.raises(NotReady, match="asleep"):
            chip.read()
        assert time.now - began < LONGEST
        assert line.heard == chip.ask + b"".join(chip.wake)
        woken = time.now
        line.every(1.0, 50 * [later])
        while time.now < woken + 29.0:
            with pytest.raises(NotReady, match="warming up"):
                chip.read()
        line.sleep(1.5)
        told = chip.read()
        assert 28.0 < time.now - woken < 32.0
        assert told[quantity] == pytest.approx(then)

    def test_whose_adapter_was_unplugged_is_told_again_after(
        self, line, sensor, time, tmp_path, name, frame, later, quantity, value, then
    ):
        link = tmp_path / "port"
        link.symlink_to(line.port)
        chip = open_chip(name, port=str(link))
        chip.sleep = line.sleep
        line.say(frame, 0.1)
        assert chip.read()[quantity] == pytest.approx(value)
        line.hang_up()
        link.unlink()
        chip.sleep = time.sleep
        with pytest.raises(AdapterGone, match="is gone"):
            chip.read()
        with pytest.raises(AdapterGone, match="no such port"):
            chip.read()
        line.__init__(time)
        link.symlink_to(line.port)
        chip.sleep = line.sleep
        line.say(later, 0.1)
        assert chip.read()[quantity] == pytest.approx(then)
        chip.close()

    def test_that_sends_zeros_has_not_measured_yet(self, line, sensor, name, frame, later, quantity, value, then):
        zeros = frame[:4] + bytes(28) if name == "pms5003" else frame[:2] + bytes(6)
        total = sum(zeros[:-2]) if name == "pms5003" else sum(zeros[2:])
        end = total.to_bytes(2, "big") if name == "pms5003" else bytes([total & 0xFF, 0xAB])
        chip = sensor(name)
        line.say((zeros[:-2] if name == "pms5003" else zeros) + end, 0.1)
        with pytest.raises(NotReady, match="not measured yet"):
            chip.read()

    def test_that_waits_to_be_asked_is_told_at_once_and_then_talks(
        self, line, sensor, time, name, frame, later, quantity, value, then
    ):
        chip, began = sensor(name), time.now
        line.answers = lambda data: frame if data == chip.ask else b""
        assert chip.read()[quantity] == pytest.approx(value)
        assert time.now - began < LONGEST / 2
        line.answers = None
        line.sleep(0.1)
        assert line.heard == chip.ask + b"".join(chip.wake)
        line.every(1.0, [later])
        assert chip.read()[quantity] == pytest.approx(then)

    def test_whose_bytes_trickle_in_is_told(self, line, sensor, time, name, frame, later, quantity, value, then):
        for cut in range(0, len(frame), 3):
            chip, began = sensor(name), time.now
            for number, byte in enumerate(frame[cut:] + frame, 1):
                line.say(bytes([byte]), 0.1 * number)
            assert chip.read()[quantity] == pytest.approx(value)
            assert time.now - began < LONGEST
            line.sleep(LONGEST)
            chip.close()


class TestASensorThatIsAsked:
    def test_is_told_behind_garbage_and_from_the_last_of_several(self, line, sensor):
        line.answers = lambda _: bytes(100) + 9 * bytes.fromhex("ff86019000000000e9") + CO2
        assert sensor("mhz19").read() == {"co2": 544.0}

    def test_is_asked_with_the_data_sheets_bytes(self, line, sensor):
        line.answers = lambda data: CO2 if data == bytes.fromhex("ff0186000000000079") else b""
        assert sensor("mhz19").read() == {"co2": 544.0}

    def test_is_not_told_from_an_answer_of_before(self, line, sensor):
        line.say(bytes.fromhex("ff86019000000000e9"))
        line.answers = lambda _: CO2
        chip = sensor("mhz19")
        assert [chip.read(), chip.read()] == [{"co2": 544.0}, {"co2": 544.0}]

    def test_is_told_or_not_but_never_wrong_at_a_damaged_byte(self, line, sensor):
        chip = sensor("mhz19")
        for at in range(len(CO2)):
            for flip in (0x10, 0xFF):
                line.answers = lambda _, at=at, flip=flip: CO2[:at] + bytes([CO2[at] ^ flip]) + CO2[at + 1 :]
                with pytest.raises(TransientError):
                    chip.read()
        line.answers = lambda _: CO2
        assert chip.read() == {"co2": 544.0}

    @pytest.mark.parametrize(("frame", "driver"), [(DUSTY, "pms5003"), (SDS, "sds011")])
    def test_names_what_talks_at_its_port_even_between_two_readings(self, line, sensor, frame, driver):
        chip, errors = sensor("mhz19"), []
        for _ in range(3):
            with pytest.raises((BusTimeout, InvalidReading)) as raised:
                chip.read()
            errors.append(str(raised.value))
            line.say(frame)
            line.sleep(1.0)
        assert f'driver = "{driver}"' in errors[1]

    def test_is_told_right_after_a_damaged_answer(self, line, sensor):
        chip = sensor("mhz19")
        for damaged in (CO2[:-1] + b"\x59", CO2[:5], bytes(9)):
            line.answers = lambda _, damaged=damaged: damaged
            with pytest.raises((ChecksumError, InvalidReading)):
                chip.read()
            line.answers = lambda _: CO2
            assert chip.read() == {"co2": 544.0}

    def test_whose_answer_trickles_in_is_told(self, line, sensor, time):
        chip, answered = sensor("mhz19"), []

        def trickle(_):
            if not answered:
                answered.append(True)
                for number, byte in enumerate(CO2, 1):
                    line.due.append((time.now + 0.1 * number, bytes([byte])))
            return b""

        line.answers = trickle
        assert chip.read() == {"co2": 544.0}

    def test_that_says_nothing_ends_in_an_error(self, sensor, time):
        chip, began = sensor("mhz19"), time.now
        with pytest.raises(BusTimeout):
            chip.read()
        assert time.now - began < 2.0

    @pytest.mark.parametrize(
        ("answer", "error"),
        [(CO2[:-1] + b"\x00", ChecksumError), (CO2[:5], InvalidReading), (b"", BusTimeout)],
        ids=["damaged", "broken off", "none"],
    )
    @pytest.mark.parametrize("at_once", [True, False])
    def test_says_what_came_in_the_answers_place(self, line, sensor, monkeypatch, at_once, answer, error):
        line.answers = lambda _: CO2
        chip = sensor("mhz19")
        chip.read()
        line.answers = lambda _: answer
        if at_once:
            # Before the port is looked at again.
            monkeypatch.setattr(chip.port, "write", lambda _: line.say(answer))
        with pytest.raises(error):
            chip.read()

    def test_whose_answer_has_no_end_is_none(self, line, sensor):
        line.answers = lambda _: 40 * CO2
        with pytest.raises(InvalidReading, match="bytes came instead of 9"):
            sensor("mhz19").read()

    @pytest.mark.parametrize("starting", ["ff86019a40003a98 85", "ff86019a40010000 56"])
    def test_is_not_told_while_it_starts(self, line, sensor, starting):
        frame = bytearray.fromhex(starting)
        frame[8] = -sum(frame[1:8]) & 0xFF
        line.answers = lambda _: bytes(frame)
        with pytest.raises(NotReady, match="started"):
            sensor("mhz19").read()

    def test_at_the_end_of_its_range_is_beyond_it(self, line, sensor):
        body = b"\x86" + (2000).to_bytes(2, "big") + bytes(4)
        line.answers = lambda _: b"\xff" + body + bytes([-sum(body) & 0xFF])
        with pytest.raises(InvalidReading, match="2000 ppm or more"):
            sensor("mhz19", range=2000).read()


NOTHING = [
    ("pms5003", b"BM\x00\x1c" + b"\xff" * 26),
    ("sds011", b"\xaa\xc0" + b"\xff" * 4 + b"\xa1\x60"),
    ("sds011", b"\xaa\xc0" + (10000).to_bytes(2, "little") + b"\x05\x00\xa1\x60"),
    ("mhz19", b"\xff\x86\xff\xff\x00\x00\x00\x00"),
]


@pytest.mark.parametrize(("name", "body"), NOTHING)
def test_what_stands_at_the_end_of_its_scale_is_no_value(name, body):
    ends = {
        "pms5003": sum(body).to_bytes(2, "big"),
        "sds011": bytes([sum(body[2:]) & 0xFF, 0xAB]),
        "mhz19": bytes([-sum(body[1:]) & 0xFF]),
    }
    chip = open_chip(name, port="/dev/serial0")
    frame = body + ends[name]
    assert chip.is_intact(frame)
    with pytest.raises(InvalidReading, match="no value"):
        chip.check(chip.told(frame))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("sds011", DUSTY, 'driver = "pms5003"'),
        ("pms5003", SDS, 'driver = "sds011"'),
        ("pms5003", b"\r\nraspberrypi login: ", "raspberrypi login:"),
        ("sds011", b"$GPGGA,123519,4807.038,N,01131.000,E\r\n", "GPS"),
        ("sds011", bytes(range(128, 160)), "check driver, port and wiring"),
    ],
)
def test_what_else_is_at_the_port_is_named(line, sensor, name, data, says):
    for moment in range(12):
        line.say(data, 0.9 * moment)
    with pytest.raises(InvalidReading, match="no frame") as raised:
        sensor(name).read()
    assert says in str(raised.value)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from([("pms5003", DUSTY), ("sds011", SDS), ("mhz19", CO2)]),
    st.lists(st.one_of(st.binary(max_size=40), st.just(None)), max_size=12),
)
def test_whatever_comes_in_whatever_pieces_only_whole_frames_are_found(kind, pieces):
    name, frame = kind
    chip = open_chip(name, port="/dev/serial0")
    found = []
    for piece in pieces:
        chip.port.read = lambda piece=piece: frame if piece is None else piece
        found += chip.frames()
    stream = b"".join(frame if piece is None else piece for piece in pieces)
    at = 0
    for one in found:
        assert chip.is_intact(one)
        at = stream.index(one, at) + len(one)
    if all(piece is None for piece in pieces):
        assert found == [frame] * len(pieces)


def test_two_programs_do_not_share_a_port(line, sensor):
    import serial

    other = serial.Serial(line.port, exclusive=True)
    with pytest.raises(PermanentError, match="in use by another program"):
        sensor("pms5003").read()
    other.close()
    line.say(DUSTY, 0.1)
    assert sensor("pms5003").read()["pm10"] == 8.0


def test_a_file_is_no_port(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermanentError, match="no serial port"):
        open_chip("sds011", port=str(tmp_path / "file")).read()


def test_without_pyserial_the_error_names_the_extra(line, sensor, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "serial", None)
    with pytest.raises(PermanentError, match=r"limpet\[uart\]"):
        sensor("mhz19").read()


@pytest.mark.parametrize("port", ["ttyUSB0", "", 3, None, "/dev/tty USB"])
def test_a_port_is_a_path(port):
    with pytest.raises(ValueError, match="/dev/serial0"):
        open_chip("pms5003", port=port)
