"""A scan writes nothing to chips that take any byte for a command: converters, I/O expanders with relays."""

import pytest

from drivers.fakes import FakeBus, FakeTime, fake_chip
from drivers.fakes.chip import FakeChip
from drivers.scan import BusScan


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture
def bus(time):
    """An empty bus in virtual time."""
    with FakeBus(clock=time, wait=time.sleep) as bus:
        yield bus


@pytest.fixture
def named(bus, time):
    """Scan the bus; return {address: driver}."""

    def scanned():
        one = BusScan(1, lambda: bus)
        bus.close = lambda: None
        time.run(one.steps())
        scanned.candidates = [name for found in one.found for name in found.candidates]
        return {found.address: found.driver for found in one.found}

    return scanned


class TestAChipThatTakesAnyByteForACommand:
    @pytest.mark.parametrize("configuration", [0x10, 0x1C, 0x08, 0x7F])
    def test_is_recognised_by_reading_alone_and_keeps_its_configuration(self, bus, named, time, configuration):
        chip = fake_chip("mcp342x")
        for address in range(0x68, 0x70):
            bus.plug(address, chip)
            time.sleep(1.0)
            chip.on_write(bytes([configuration]))
            time.sleep(1.0)
            bus.log = []
            assert named() == {address: "mcp342x"}
            assert not [data for where, is_read, data in bus.log if where == address and not is_read]
            del bus.chips[address]


def test_a_chip_with_other_registers_is_not_taken_for_one(bus, named):
    bus.plug(0x68, fake_chip("mpu6050"))
    bus.chips[0x68].bank[0x75] = 0x69
    assert named() == {0x68: None}
    assert not named.candidates


class Expander(FakeChip):
    """A PCF8574, or a PCF8575 with two ports: what is written are its outputs, and its pins are what is read."""

    def __init__(self, *pins):
        self.pins = bytes(pins)
        super().__init__()

    def on_write(self, data):
        self.pins = data[-len(self.pins) :]

    def on_read(self, length):
        return (self.pins * length)[:length]


class TestAnExpanderWithRelays:
    @pytest.mark.parametrize("address", [*range(0x20, 0x28), *range(0x38, 0x40)])
    @pytest.mark.parametrize("pins", [(0xFF,), (0x7F,), (0xFF, 0xFE)])
    def test_is_sent_nothing(self, bus, named, address, pins):
        bus.plug(address, Expander(*pins))
        assert named() == {address: None}
        assert bus.chips[address].pins == bytes(pins)
