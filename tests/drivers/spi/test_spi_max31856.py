"""MAX31856: registers of the data sheet, faults of the wires, settings that are lost."""

import pytest
from models import Registers

from drivers import open_chip
from drivers.chips.max31856 import junction_celsius, thermocouple_celsius
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NoAcknowledge, NotReady

POWER_ON = bytes.fromhex("0003ff7fc07fff80000000000000000000")[:16]


def result(hot: int = 0x1900 << 1, cold: int = 0x190 << 4, faults: int = 0):
    """Return what a conversion leaves in the registers: the words as they stand there."""

    def convert(bank):
        bank[10:12] = (cold & 0xFFFF).to_bytes(2, "big")
        bank[12:15] = (hot & 0xFFFFFF).to_bytes(3, "big")
        bank[15] = faults

    return convert


def chip(**options):
    made = open_chip("max31856", **options)
    made.sleep = lambda _: None
    return made


# Tables "Linearized thermocouple temperature" and "Cold-junction temperature".
@pytest.mark.parametrize(
    ("registers", "celsius"),
    [
        ("640000", 1600.0), ("3e8000", 1000.0), ("064f00", 100.9375), ("019000", 25.0), ("000100", 0.0625),
        ("000000", 0.0), ("ffff00", -0.0625), ("fff000", -1.0), ("f06000", -250.0), ("000020", 0.0078125),
    ],
)  # fmt: skip
def test_a_thermocouple_is_told_as_in_its_table(registers, celsius):
    assert thermocouple_celsius(bytes.fromhex(registers)) == celsius


@pytest.mark.parametrize(
    ("registers", "celsius"), [("7d00", 125.0), ("1900", 25.0), ("0080", 0.5), ("ff80", -0.5), ("c900", -55.0)]
)
def test_a_cold_junction_is_told_as_in_its_table(registers, celsius):
    assert junction_celsius(bytes.fromhex(registers)) == celsius


@pytest.mark.parametrize(("kind", "code"), [("B", 0), ("E", 1), ("J", 2), ("K", 3), ("N", 4), ("R", 5), ("T", 7)])
def test_the_type_is_set_and_each_conversion_begun(pins, kind, code):
    model = Registers(POWER_ON, 0x40, result(hot=0x12C000))
    assert chip(thermocouple=kind, mains=60).read() == {"temperature": 300.0, "reference_temperature": 25.0}
    assert (1, code) in model.log
    assert model.log[-1] == (0, 0x50)


def test_hum_of_50_hz_is_filtered_unless_told_otherwise(pins):
    model = Registers(POWER_ON, 0x40, result())
    chip().read()
    assert model.log[-1] == (0, 0x51)


@pytest.mark.parametrize(
    ("bit", "wire"),
    [
        (0x01, "T+ or T- is broken"),
        (0x02, "touches another voltage"),
        (0x04, "low threshold"),
        (0x08, "high threshold"),
    ],
)
def test_each_fault_bit_of_the_thermocouple_leaves_the_cold_junction(pins, bit, wire):
    Registers(POWER_ON, 0x40, result(faults=bit))
    made = chip()
    assert made.read() == {"reference_temperature": 25.0}
    assert wire in str(made.missing["temperature"])


@pytest.mark.parametrize(("bit", "says"), [(0x10, "low threshold"), (0x20, "high threshold"), (0x80, "-55..125")])
def test_without_its_cold_junction_a_thermocouple_tells_nothing(pins, bit, says):
    Registers(POWER_ON, 0x40, result(faults=bit))
    with pytest.raises(InvalidReading, match=f"cold junction.*{says}"):
        chip().read()


@pytest.mark.parametrize(("hot", "says"), [(0x600000, "1372 °C or more"), (0xF00000, "-200 °C or less")])
def test_beyond_its_types_range_a_bound_is_told(pins, hot, says):
    Registers(POWER_ON, 0x40, result(hot=hot, faults=0x40))
    made = chip()
    assert made.read() == {"reference_temperature": 25.0}
    assert isinstance(made.missing["temperature"], BeyondRange)
    assert says in str(made.missing["temperature"])


def test_settings_that_are_lost_are_written_again(pins):
    model = Registers(POWER_ON, 0x40, result())
    made = chip(thermocouple="J")
    good = made.read()
    model.lose_power()
    with pytest.raises(LostPower, match="are 11 03 ff"):
        made.read()
    assert made.read() == good


def test_an_offset_that_another_program_left_is_not_believed(pins):
    model = Registers(POWER_ON, 0x40, result())
    model.bank[9] = 0x10
    made = chip()
    good = made.read()
    assert model.bank[9] == 0
    model.bank[9] = 0x10
    with pytest.raises(LostPower):
        made.read()
    assert made.read() == good


def test_a_command_that_is_lost_is_sent_again(pins):
    model = Registers(POWER_ON, 0x40, result())
    made = chip()
    before = made.read()["temperature"]
    model.convert = result(hot=0x3E8000)
    model.lost = {0x51}
    after = made.read()["temperature"]
    assert not model.lost
    assert after != before


def test_a_conversion_that_never_ends_is_not_waited_for(pins):
    model = Registers(POWER_ON, 0x40, result())
    made = chip()
    made.read()
    model.one_shot = 0
    with pytest.raises(NotReady):
        made.read()


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_a_line_at_rest_is_no_chip(pins, byte):
    Registers(POWER_ON, 0x40, result()).damage = lambda *_: byte
    with pytest.raises(NoAcknowledge):
        chip().read()


@pytest.mark.parametrize("at", range(16))
def test_no_damaged_byte_is_believed(pins, at):
    model = Registers(POWER_ON, 0x40, result())
    made = chip()
    good = made.read()
    model.damage = lambda where, byte, reads: byte ^ (1 << reads % 8) * (where == at)
    with pytest.raises(ChecksumError):
        made.read()
    once = model.reads + 2
    model.damage = lambda where, byte, reads: byte ^ 0x10 * (where == at and reads == once)
    assert made.read() == good
