"""INA228: the datasheet's numbers, sums that go on across restarts, and what it must refuse."""

import itertools

import pytest
from scripted import ScriptedBus, on

from drivers import open_chip
from drivers.chips.ina228 import Ina228, bus_volts, celsius, charge_of, energy_of, shunt_volts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip
from drivers.fakes import FakeBus, FakeTime, fake_chip
from drivers.registers import signed

SET = {b"\x00": b"\x00\x00", b"\x01": b"\xff\xfa", b"\x02": b"\x10\x00"}
RESULTS = {
    b"\x04": b"\x0f\xa0\x00",
    b"\x05": b"\x0f\x00\x00",
    b"\x06": b"\x0c\x80",
    b"\x09": b"\x00\x00\x00\x27\x10",
    b"\x0a": b"\xff\xff\xff\xd8\xf0",
}


def bus(**more: object) -> ScriptedBus:
    answers = SET | RESULTS | {b"\x3e": b"\x54\x49", b"\x3f": b"\x22\x81", b"\x0b": b"\x80\x03"}
    return ScriptedBus(answers | {bytes.fromhex(key.removeprefix("at_")): value for key, value in more.items()})


def test_numbers_of_the_datasheet():
    assert shunt_volts(64_000) == pytest.approx(0.02)
    assert shunt_volts(signed(0xF0600, 20)) == pytest.approx(-0.02)
    assert bus_volts(61_440) == pytest.approx(12.0)
    assert celsius(0x0C80) == 25.0
    assert celsius(signed(0xF380, 16)) == -25.0
    assert energy_of(10_000, 0.1) == pytest.approx(1.6)
    assert charge_of(-10_000, 0.1) == pytest.approx(-0.03125)


def test_tells_all_of_it():
    assert on(bus(), Ina228).read() == pytest.approx(
        {
            **{"bus_voltage": 12.0, "shunt_voltage": 0.02, "current": 0.2, "power": 2.4},
            **{"energy": 1.6, "charge_passed": -0.03125, "temperature": 25.0},
        }
    )


def test_a_current_backwards_is_negative_and_so_is_its_power():
    values = on(bus(at_04=b"\xf0\x60\x00"), Ina228, shunt_ohms=0.01).read()
    assert (values["current"], values["power"]) == pytest.approx((-2.0, -24.0))


def test_is_left_alone_where_it_is_set_already_and_reset_where_it_is_not():
    wire = bus()
    on(wire, Ina228).read()
    assert [data for data in wire.written if len(data) > 1] == [b"\x0b\x80\x00"]
    wire = bus(at_01=[b"\xfb\x68", b"\xfb\x68", b"\xff\xfa"])
    on(wire, Ina228).read()
    assert [data for data in wire.written if len(data) > 1] == [
        *(b"\x00\x80\x00", b"\x02\x10\x00", b"\x01\xff\xfa"),
        b"\x0b\x80\x00",
    ]


def test_is_not_reset_because_a_bit_flipped():
    wire = bus(at_01=[b"\xff\xfb", b"\xff\xfa"])
    with pytest.raises(ChecksumError):
        on(wire, Ina228).read()
    assert all(len(data) == 1 for data in wire.written)


@pytest.mark.parametrize(
    ("register", "data", "beyond"),
    [
        ("at_04", b"\x7f\xff\xf0", {"shunt_voltage", "current", "power"}),
        ("at_04", b"\x80\x00\x00", {"shunt_voltage", "current", "power"}),
        ("at_05", b"\x6a\x40\x00", {"bus_voltage", "power"}),
        ("at_0b", b"\x88\x03", {"energy"}),
        ("at_0b", b"\x84\x03", {"charge_passed"}),
    ],
)
def test_what_stands_at_a_stop_is_beyond_the_scale_and_the_rest_is_told(register, data, beyond):
    chip = on(bus(**{register: data}), Ina228)
    assert set(chip.read()) == {one.name for one in chip.quantities} - beyond
    assert {name for name, error in chip.missing.items() if isinstance(error, BeyondRange)} == beyond


def test_an_offset_below_0_v_is_0_v_and_more_is_no_reading():
    assert on(bus(at_05=b"\xff\xff\xf0"), Ina228).read()["bus_voltage"] == 0.0
    chip = on(bus(at_05=b"\xf0\x00\x00"), Ina228)
    assert not {"bus_voltage", "power"} & set(chip.read())


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"at_0b": b"\x80\x01"}, NotReady),
        ({"at_0b": b"\x00\x03"}, LostPower),
        ({"at_0b": b"\x80\x02"}, InvalidReading),
        ({"at_04": b"\x0f\xa0\x01"}, InvalidReading),
        ({"at_01": [b"\xff\xfa", b"\xff\xfa", b"\xfb\x68"]}, LostPower),
        ({"at_05": [bytes([0x0F, at, 0x00]) for at in range(30)]}, ChecksumError),
        ({"at_3f": b"\x23\x80"}, WrongChip),
        ({"at_3e": b"\xff\xff"}, WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(more, error):
    with pytest.raises(error):
        on(bus(**more), Ina228).read()


def test_notices_lost_settings_where_it_converts_faster_than_it_can_be_read():
    wire, sums = bus(), itertools.count()
    chip = on(wire, Ina228)
    chip.read()
    wire.answers[b"\x01"] = b"\xfb\x68"
    wire.answers[b"\x09"] = lambda: next(sums).to_bytes(5, "big")
    with pytest.raises(LostPower):
        chip.read()


class TestItsSums:
    @pytest.fixture
    def bench(self):
        time = FakeTime()
        with FakeBus({0x40: fake_chip("ina228")}, clock=time, wait=time.sleep) as bus:
            yield time, bus

    @staticmethod
    def opened(time, bus):
        chip = open_chip("ina228", bus)
        chip.sleep = time.sleep
        return chip

    def test_are_power_and_current_over_time(self, bench):
        time, bus = bench
        chip = self.opened(time, bus)
        before = chip.read()
        bus.chips[0x40].feel(bus_voltage=10.0, current=-0.5)
        time.sleep(100.0)
        after = chip.read()
        assert after["energy"] - before["energy"] == pytest.approx(500, rel=0.01)
        assert after["charge_passed"] - before["charge_passed"] == pytest.approx(-50, rel=0.01)

    def test_go_on_when_a_program_begins_again(self, bench):
        time, bus = bench
        self.opened(time, bus).read()
        time.sleep(100.0)
        assert self.opened(time, bus).read()["energy"] == pytest.approx(240, rel=0.01)

    def test_begin_at_0_when_power_was_lost(self, bench):
        time, bus = bench
        chip = self.opened(time, bus)
        chip.read()
        time.sleep(100.0)
        bus.chips[0x40].lose_power()
        with pytest.raises(LostPower):
            chip.read()
        assert chip.read()["energy"] < 2.0
