"""BMP581: worked examples, its flags, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.bmp581 import Bmp581, celsius, hectopascals
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip

SETTINGS = bytes([0, 0, 0, 0, 0, 0x61, 0xF0])


def bus(data: object = "00001740a862", status: object = b"\x01", **more: object) -> ScriptedBus:
    frame = bytes.fromhex(data) if isinstance(data, str) else data
    answers = {b"\x01": b"\x50", b"\x1d": frame, b"\x27": [b"\x10", b"\x00", status], b"\x28": b"\x02"}
    answers |= {b"\x31": SETTINGS}
    return ScriptedBus(answers | {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()})


def test_numbers_of_the_datasheets_formulas():
    assert celsius(0x170000) == 23.0
    assert celsius(0xF68000) == -9.5
    assert celsius(0xFFFFFF) == pytest.approx(-1 / 65536)
    assert hectopascals(101_325 * 64) == pytest.approx(1013.25)


def test_tells_temperature_and_pressure():
    wire = bus()
    assert on(wire, Bmp581).read() == {"temperature": 23.0, "pressure": pytest.approx(1010.25)}
    assert b"\x37\xf2" in wire.written
    assert b"\x36\x61" in wire.written


def test_tells_frost():
    assert on(bus("0080f640a862"), Bmp581).read()["temperature"] == -9.5


def test_believes_a_bmp585():
    assert "temperature" in on(bus(at_01=b"\x51"), Bmp581).read()


def test_a_pressure_that_was_never_measured_costs_no_temperature():
    chip = on(bus("0000177f7f7f"), Bmp581)
    assert chip.read() == {"temperature": 23.0}
    assert isinstance(chip.missing["pressure"], InvalidReading)


def test_says_that_power_came_on_and_then_reads_again():
    wire = bus()
    chip = on(wire, Bmp581)
    chip.read()
    wire.answers[b"\x27"] = [b"\x10", b"\x00", b"\x00", b"\x01"]
    with pytest.raises(LostPower):
        chip.read()
    assert chip.read()["temperature"] == 23.0


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(status=b"\x00"), NotReady),
        (bus("7f7f7f7f7f7f"), InvalidReading),
        (bus([bytes(6), b"\x01" + bytes(5)]), ChecksumError),
        (bus(at_31=bytes(6) + b"\x70"), LostPower),
        (bus(at_31=bytes([0x12, 0, 0, 0, 0, 0x61, 0xF0])), LostPower),
        (bus(at_28=b"\x00"), NotReady),
        (bus(at_28=b"\x06"), InvalidReading),
        (bus(at_01=b"\x60"), WrongChip),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Bmp581).read()


def test_is_not_reset_since_that_is_not_acknowledged():
    time = FakeTime()
    with FakeBus({0x46: fake_chip("bmp581")}, clock=time, wait=time.sleep) as fake:
        fake.log = []
        chip = on(fake, Bmp581)
        chip.sleep = time.sleep
        time.sleep(1.0)
        chip.read()
        assert not any(data[:1] == b"\x7e" for _, _, data in fake.log)
