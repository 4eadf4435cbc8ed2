"""LPS22HB: worked examples, a flag for each result, and what it must refuse."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.lps22hb import Lps22hb, celsius, hectopascals
from drivers.errors import ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from drivers.registers import signed


def bus(data: object = "00c03f6608", status: object = b"\x03", **more: object) -> ScriptedBus:
    burst = bytes.fromhex(data) if isinstance(data, str) else data
    answers = {b"\x0f": [b"\xb1", b"\xb1\x02\x10"], b"\x27": status, b"\x28": burst}
    return ScriptedBus(answers | {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()})


def test_numbers_of_the_datasheet():
    assert hectopascals(0x3FF58D) == pytest.approx(1023.3, abs=0.05)
    assert celsius(2150) == 21.5
    assert celsius(signed(0xFE0C, 16)) == -5.0


def test_tells_temperature_and_pressure():
    wire = bus()
    assert on(wire, Lps22hb).read() == {"temperature": 21.5, "pressure": 1020.0}
    assert b"\x11\x11" in wire.written


def test_tells_frost():
    assert on(bus("00c03f0cfe"), Lps22hb).read()["temperature"] == -5.0


def test_begins_from_a_reset_with_results_in_one_piece():
    wire = bus()
    on(wire, Lps22hb).read()
    assert wire.written.index(b"\x11\x14") < wire.written.index(b"\x10\x02")


def test_a_pressure_that_was_not_measured_costs_no_temperature():
    chip = on(bus(status=b"\x02"), Lps22hb)
    assert chip.read() == {"temperature": 21.5}
    assert isinstance(chip.missing["pressure"], InvalidReading)


def test_a_pressure_without_a_temperature_to_correct_it_is_none():
    with pytest.raises(InvalidReading):
        on(bus(status=b"\x01"), Lps22hb).read()


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        (bus(status=b"\x00"), NotReady),
        (bus([bytes.fromhex("00c03f6608")] * 2 + [bytes.fromhex("01c03f6608")]), ChecksumError),
        (bus(at_0f=[b"\xb1", b"\xb1\x00\x10"]), LostPower),
        (bus(at_0f=[b"\xbd"]), WrongChip),
        (ScriptedBus(), WrongChip),
        (ScriptedBus(otherwise=0), WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(wire, error):
    with pytest.raises(error):
        on(wire, Lps22hb).read()
