"""MAX31865: IEC 60751's table, the order of bias, test and conversion, the wires that each fault bit names."""

import pytest
from models import Registers

from drivers import open_chip
from drivers.chips.max31865 import celsius, ohms
from drivers.errors import ChecksumError, InvalidReading, LostPower, NoAcknowledge, NotReady

POWER_ON = bytes.fromhex("000000ffff000000")


def result(code: int = 8192, faults: int = 0):
    """Return what a conversion leaves in the registers."""

    def convert(bank):
        bank[1:3] = (code << 1 | bool(faults)).to_bytes(2, "big")
        bank[7] = faults

    return convert


def chip(**options):
    made = open_chip("max31865", **options)
    made.sleep = lambda _: None
    return made


# IEC 60751, Pt100; and the codes of the data sheet's table with a reference of 400 Ω.
TABLE = [(-200, 18.52, 1517), (-100, 60.26, 4937), (-50, 80.31, 6579), (0, 100.0, 8192), (25, 109.73, 8989),
         (100, 138.51, 11346), (200, 175.86, 14406), (550, 297.49, 24370), (850, 390.48, 31988)]  # fmt: skip


@pytest.mark.parametrize(("temperature", "resistance", "code"), TABLE)
def test_a_pt100_is_told_as_in_the_standard(pins, temperature, resistance, code):
    assert ohms(temperature, 100.0) == pytest.approx(resistance, abs=0.005)
    assert celsius(ohms(temperature, 100.0), 100.0) == pytest.approx(temperature, abs=1e-6)
    model = Registers(POWER_ON, 0x20, result(code))
    told = chip(reference=400.0).read()
    assert told["temperature"] == pytest.approx(temperature, abs=0.05)
    assert told["resistance"] == pytest.approx(resistance, abs=0.013)
    most, least = (int.from_bytes(model.bank[at : at + 2], "big") >> 1 for at in (3, 5))
    assert least < code < most


def test_a_pt1000_has_ten_times_the_ohms(pins):
    Registers(POWER_ON, 0x20, result(round(1385.1 / 4300 * 32768)))
    assert chip(nominal=1000.0).read()["temperature"] == pytest.approx(100.0, abs=0.05)


@pytest.mark.parametrize(("wires", "mains", "base"), [(2, 60, 0x00), (3, 60, 0x10), (4, 50, 0x01), (3, 50, 0x11)])
def test_the_bias_is_on_only_while_it_measures(pins, wires, mains, base):
    model = Registers(POWER_ON, 0x20, result())
    chip(wires=wires, mains=mains).read()
    written = [value for at, value in model.log if at == 0]
    assert written == [base, base | 0x82, base | 0x84, base | 0xA0, base]


@pytest.mark.parametrize(
    ("bit", "wire"),
    [
        (0x80, "the RTD is open"),
        (0x40, "RTDIN- touch each other"),
        (0x20, "RTDIN- or FORCE- is loose"),
        (0x10, "RTDIN- touches ground"),
        (0x08, "RTDIN- or RTDIN+ touches ground"),
        (0x04, "touches another voltage"),
    ],
)
def test_each_fault_bit_says_which_wire(pins, bit, wire):
    Registers(POWER_ON, 0x20, result(faults=bit))
    with pytest.raises(InvalidReading) as raised:
        chip().read()
    assert wire in str(raised.value)


@pytest.mark.parametrize("code", [0, 32767])
def test_an_end_of_the_scale_is_no_resistance(pins, code):
    Registers(POWER_ON, 0x20, result(code))
    with pytest.raises(InvalidReading, match="open or shorted"):
        chip().read()


def test_settings_that_are_lost_are_written_again(pins):
    model = Registers(POWER_ON, 0x20, result())
    made = chip()
    good = made.read()
    model.lose_power()
    with pytest.raises(LostPower):
        made.read()
    assert made.read() == good


def test_a_command_that_is_lost_is_sent_again(pins):
    model = Registers(POWER_ON, 0x20, result())
    made = chip()
    before = made.read()["temperature"]
    model.convert = result(code=9000)
    model.lost = {0xA1}
    after = made.read()["temperature"]
    assert not model.lost
    assert after != before


def test_a_conversion_that_never_ends_is_not_waited_for(pins):
    model = Registers(POWER_ON, 0x20, result())
    made = chip()
    made.read()
    model.one_shot = 0
    with pytest.raises(NotReady):
        made.read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_line_at_rest_is_no_chip(pins, byte):
    Registers(POWER_ON, 0x20, result()).damage = lambda *_: byte
    with pytest.raises(NoAcknowledge):
        chip().read()


@pytest.mark.parametrize("at", range(8))
def test_no_damaged_byte_is_believed(pins, at):
    model = Registers(POWER_ON, 0x20, result())
    made = chip()
    good = made.read()
    model.damage = lambda where, byte, reads: byte ^ (1 << reads % 8) * (where == at)
    with pytest.raises(ChecksumError):
        made.read()
    model.damage = lambda where, byte, reads: byte
    assert made.read() == good


@pytest.mark.parametrize(
    "options",
    [{"wires": 5}, {"mains": 400}, {"nominal": 0.0}, {"reference": 9.0}, {"reference": 1e6}],
)
def test_refuses_a_wrong_option_when_it_is_made(options):
    with pytest.raises(ValueError, match=r"wires|nominal"):
        open_chip("max31865", **options)
