"""A stuck bus is freed by nine clocks or by the power, and the pins are as before."""

import pytest
from gpiozero import Device

from drivers import open_chip
from drivers.bus.recovery import OFF, Power, Pulses, recovery
from drivers.errors import BusStuck, BusTimeout, NotSupported
from drivers.fakes import FakeBus, FakeTime, fake_chip
from drivers.fakes.pins import mock_pins
from drivers.fakes.wires import FakeWires

SCL, SDA, SUPPLY = 23, 24, 25


@pytest.fixture(autouse=True)
def pins():
    """Fake pins for this test alone."""
    before = Device.pin_factory
    yield mock_pins(fresh=True)
    Device.pin_factory = before


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture
def bus(time):
    """A bus with one sensor, held low by it."""
    with FakeBus({0x44: fake_chip("sht4x", temperature=7.0)}, clock=time, wait=time.sleep) as bus:
        bus.faults.add("stuck")
        yield bus


@pytest.fixture
def air(bus, time):
    chip = open_chip("sht4x", bus)
    chip.sleep = time.sleep
    return chip


class TestPulses:
    def test_free_a_bus_whose_data_line_is_held(self, bus, air, time):
        FakeWires(bus, SCL, SDA)
        with pytest.raises(BusTimeout):
            air.read()
        assert "9 clock pulses" in time.run(Pulses(SCL, SDA, None).steps())
        assert air.read()["temperature"] == pytest.approx(7.0, abs=0.01)

    def test_are_nine(self, bus, time):
        wires = FakeWires(bus, SCL, SDA)
        time.run(Pulses(SCL, SDA, None).steps())
        assert wires.clocks == 9 + 1  # and the stop condition

    def test_do_not_help_against_a_held_clock_and_say_so(self, bus, time):
        FakeWires(bus, SCL, SDA, holds="scl")
        with pytest.raises(BusStuck, match="SCL is held low"):
            time.run(Pulses(SCL, SDA, None).steps())

    def test_that_did_not_help_say_so(self, bus, time):
        FakeWires(bus, SCL, SDA).end = lambda: None
        with pytest.raises(BusStuck, match="SDA is still held low"):
            time.run(Pulses(SCL, SDA, None).steps())

    def test_never_drive_a_line_high(self, bus, time, pins):
        FakeWires(bus, SCL, SDA)
        driven = []
        for number in (SCL, SDA):
            pin = pins.pin(number)
            true = type(pin)._set_state
            pin._set_state = lambda value, pin=pin, true=true: (driven.append(bool(value)), true(pin, value))
            pin.output_with_state = lambda state, pin=pin: (pin._set_function("output"), pin._set_state(state))
        time.run(Pulses(SCL, SDA, None).steps())
        assert driven
        assert not any(driven)

    def test_leave_the_pins_as_inputs(self, bus, time, pins):
        FakeWires(bus, SCL, SDA, holds="scl")
        with pytest.raises(BusStuck):
            time.run(Pulses(SCL, SDA, None).steps())
        assert [pins.pin(number).function for number in (SCL, SDA)] == ["input", "input"]


class Pinctrl:
    """Stands for Raspberry Pi OS's `pinctrl`."""

    def __init__(self, says=" {pin}: a0    pu | hi // GPIO{pin} = SDA1\n"):
        self.says, self.calls = says, []

    def __call__(self, *arguments):
        self.calls.append(arguments)
        return self.says.format(pin=arguments[1])


class TestPinsOfTheController:
    def test_are_handed_back_with_their_function_and_pull(self, bus, time):
        FakeWires(bus, 3, 2)
        pinctrl = Pinctrl()
        time.run(Pulses(3, 2, pinctrl).steps())
        assert pinctrl.calls == [("get", "3"), ("get", "2"), ("set", "3", "a0", "pu"), ("set", "2", "a0", "pu")]

    def test_are_handed_back_when_the_pulses_did_not_help(self, bus, time):
        FakeWires(bus, 3, 2, holds="scl")
        pinctrl = Pinctrl()
        with pytest.raises(BusStuck):
            time.run(Pulses(3, 2, pinctrl).steps())
        assert ("set", "2", "a0", "pu") in pinctrl.calls

    def test_are_not_touched_when_they_could_not_be_handed_back(self, bus, time, pins):
        wires = FakeWires(bus, 3, 2)
        with pytest.raises(NotSupported, match="handed back"):
            time.run(Pulses(3, 2, Pinctrl(says="what?")).steps())
        assert wires.clocks == 0

    def test_need_pinctrl_and_the_error_says_what_else_there_is(self, bus, time, monkeypatch):
        FakeWires(bus, 3, 2)
        monkeypatch.setenv("PATH", "")
        with pytest.raises(NotSupported, match="two spare pins"):
            time.run(Pulses(3, 2).steps())

    def test_are_not_asked_for_where_the_pins_are_spare(self, bus, time):
        FakeWires(bus, SCL, SDA)
        pinctrl = Pinctrl()
        time.run(Pulses(SCL, SDA, pinctrl).steps())
        assert not pinctrl.calls


class TestPower:
    def test_frees_a_bus_whatever_line_is_held(self, bus, air, time):
        FakeWires(bus, power=SUPPLY, holds="scl")
        with pytest.raises(BusTimeout):
            air.read()
        time.run(Power(SUPPLY).steps())
        assert air.read()["temperature"] == pytest.approx(7.0, abs=0.01)

    def test_is_off_for_half_a_second_and_stays_on(self, bus, time, pins):
        wires = FakeWires(bus, power=SUPPLY)
        steps = Power(SUPPLY).steps()
        assert next(steps) == OFF
        assert (pins.pin(SUPPLY).state, wires.cycles) == (0, 0)
        next(steps)
        assert (pins.pin(SUPPLY).state, wires.cycles) == (1, 1)

    def test_can_be_cycled_again(self, bus, time):
        wires, power = FakeWires(bus, power=SUPPLY), Power(SUPPLY)
        time.run(power.steps())
        bus.faults.add("stuck")
        time.run(power.steps())
        assert wires.cycles == 2
        assert not wires.stuck()


class TestTheConfiguredRecovery:
    def test_is_none_unless_asked_for(self):
        assert recovery("off", scl=SCL, sda=SDA, power=SUPPLY) is None

    def test_is_what_was_asked_for(self):
        assert isinstance(recovery("pulses", scl=SCL, sda=SDA), Pulses)
        assert isinstance(recovery("power", power=SUPPLY), Power)

    def test_opens_no_pin_before_it_is_needed(self, pins):
        recovery("pulses", scl=SCL, sda=SDA)
        recovery("power", power=SUPPLY)
        assert not [name for name in pins.factory.pins if name.name in (f"GPIO{n}" for n in (SCL, SDA, SUPPLY))]
