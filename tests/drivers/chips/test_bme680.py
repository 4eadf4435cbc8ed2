"""BME680 and BME688: worked examples, the pure functions below zero, and their faults."""

import pytest
from scripted import ScriptedBus, on

from drivers.chips.bme680 import Bme680, celsius, heater_code, ohms_688
from drivers.errors import BeyondRange, InvalidReading, LostPower, NotReady, WrongChip

TRIM_8A = bytes.fromhex("65670300d98d9dd75800b21b7fff271e000014fbcef41e")
TRIM_E1 = bytes.fromhex("3f5232002d14789cb9650fdae212")


def board(data: str = "57e4007800005208", gas: str = "8734", identity: int = 0x61) -> ScriptedBus:
    registers = {0x00: b"\x2e", 0x02: b"\x10", 0x04: b"\x00", 0x1D: b"\x80", 0x1F: bytes.fromhex(data)}
    registers |= {0x2A: bytes.fromhex(gas), 0x8A: TRIM_8A, 0xE1: TRIM_E1, 0xD0: bytes([identity])}
    return ScriptedBus(width=1, registers=registers)


@pytest.mark.parametrize(
    ("data", "gas", "expected"),
    [
        ("57e4007800005208", "8734", (23.63, 988.53, 41.09, 489_277)),
        ("493e00668a004268", "c230", (1.06, 1052.67, 18.05, 6_683_292)),
    ],
)
def test_reads_the_worked_examples(data, gas, expected):
    values = on(board(data, gas), Bme680).read()
    found = [values[name] for name in ("temperature", "pressure", "humidity")]
    assert found == pytest.approx(expected[:3], abs=0.0055)
    assert values["gas_resistance"] == pytest.approx(expected[3], abs=0.5)


def test_celsius_goes_below_zero():
    coefficients = (26041, 26469, 3)
    assert celsius(0x493E0, coefficients) < celsius(0x668A0, coefficients)
    assert -40 < celsius(0x4C4B0, coefficients) < -20


def test_a_bme688_has_its_gas_elsewhere_and_by_another_formula():
    bus = board(gas="0000")
    bus.put(0xF0, b"\x01")
    bus.put(0x2C, b"\x87\x34")
    values = on(bus, Bme680).read()
    assert values["gas_resistance"] == pytest.approx(ohms_688(0x8734 >> 6, 4))
    assert ohms_688(512, 0) == 64e6
    assert bus.memory[0x71] == 0x20


def test_a_hotter_heater_needs_a_greater_code():
    trim = (-30, -5969, 18, 1, 46)
    assert 0 < heater_code(200.0, trim) < heater_code(320.0, trim) < 256


def test_names_a_bme280():
    with pytest.raises(WrongChip, match="bme280"):
        on(board(identity=0x60), Bme680).read()


@pytest.mark.parametrize(("variant", "named"), [(b"\x02", "BME690"), (b"\x03", "variant")])
def test_refuses_a_variant_that_has_other_formulas(variant, named):
    bus = board()
    bus.put(0xF0, variant)
    chip = on(bus, Bme680)
    for ask in (chip.identify, chip.read):
        with pytest.raises(WrongChip, match=named):
            ask()


def test_leaves_the_heater_off_where_the_gas_is_not_wanted():
    bus = board(gas="0000")
    chip = on(bus, Bme680, gas=False)
    waited = []
    chip.sleep = waited.append
    assert set(chip.read()) == {"temperature", "humidity", "pressure"}
    assert not chip.missing
    assert bus.memory[0x71] == 0x00
    assert max(waited) < 0.03
    with pytest.raises(ValueError, match="gas"):
        Bme680(bus, gas="no")


class TestAKnownBme680:
    @pytest.fixture
    def bus(self):
        return board()

    @pytest.fixture
    def chip(self, bus):
        chip = on(bus, Bme680)
        chip.read()
        return chip

    def test_says_that_it_lost_power_and_then_reads_again(self, bus, chip):
        bus.put(0x71, b"\x00\x00")
        with pytest.raises(LostPower):
            chip.read()
        assert chip.read()["temperature"] == pytest.approx(23.63, abs=0.006)

    def test_refuses_a_filter_that_it_did_not_switch_on(self, bus, chip):
        bus.put(0x75, b"\x4d")
        with pytest.raises(LostPower):
            chip.read()

    @pytest.mark.parametrize("status", [b"\x00", b"\xa0", b"\xc0"])
    def test_gives_up_a_conversion_that_does_not_end(self, bus, chip, status):
        bus.put(0x1D, status)
        with pytest.raises(NotReady):
            chip.read()

    @pytest.mark.parametrize("gas", ["8714", "8724"])
    def test_tells_the_others_where_the_gas_is_not_valid_or_was_not_heated(self, bus, chip, gas):
        bus.put(0x2A, bytes.fromhex(gas))
        assert set(chip.read()) == {"temperature", "humidity", "pressure"}
        assert isinstance(chip.missing["gas_resistance"], InvalidReading)

    @pytest.mark.parametrize(("gas", "known"), [("0030", "or more"), ("ffff", "or less")])
    def test_says_what_it_knows_where_the_gas_is_beyond_its_scale(self, bus, chip, gas, known):
        bus.put(0x2A, bytes.fromhex(gas))
        assert set(chip.read()) == {"temperature", "humidity", "pressure"}
        assert isinstance(chip.missing["gas_resistance"], BeyondRange)
        assert known in str(chip.missing["gas_resistance"])

    @pytest.mark.parametrize(
        ("data", "missing"),
        [
            ("8000007800005208", "pressure"),
            ("57e4007800008000", "humidity"),
            ("57e4007800000000", "humidity"),
            ("57e400780000ffff", "humidity"),
        ],
    )
    def test_tells_the_others_where_one_was_never_converted(self, bus, chip, data, missing):
        bus.put(0x1F, bytes.fromhex(data))
        assert set(chip.read()) == {"temperature", "humidity", "pressure", "gas_resistance"} - {missing}
        assert isinstance(chip.missing[missing], InvalidReading)

    def test_tells_nothing_without_a_temperature(self, bus, chip):
        bus.put(0x1F, bytes.fromhex("57e4008000005208"))
        with pytest.raises(InvalidReading):
            chip.read()

    @pytest.mark.parametrize("level", [0x00, 0xFF])
    def test_refuses_a_shorted_or_floating_line(self, bus, chip, level):
        bus.constant = level
        with pytest.raises(LostPower):
            chip.read()
        with pytest.raises(WrongChip):
            chip.read()

    def test_knows_the_range_of_its_gas_sensor_once_it_is_set_up(self, bus, chip):
        chip.setup()
        gas = chip.quantities[-1]
        assert (gas.low, gas.high) == (chip.ohms(1022 << 6 | 15), chip.ohms(1 << 6))
        chip.variant = 1
        assert chip.ohms(1 << 6) > gas.high
