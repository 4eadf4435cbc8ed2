"""The chips of a fake bus: putting one into the dict plugs it, putting it back plugs it again."""

import pytest

from drivers import open_chip
from drivers.errors import NoAcknowledge
from drivers.fakes import FakeBus, FakeTime, fake_chip

WAYS = {
    "assigned": lambda bus, chip: bus.chips.__setitem__(0x18, chip),
    "updated": lambda bus, chip: bus.chips.update({0x18: chip}),
    "updated with pairs": lambda bus, chip: bus.chips.update([(0x18, chip)]),
    "or-ed": lambda bus, chip: bus.chips.__ior__({0x18: chip}),
    "set by default": lambda bus, chip: bus.chips.setdefault(0x18, chip),
    "put as a new dict": lambda bus, chip: setattr(bus, "chips", {0x18: chip}),
    "plugged": lambda bus, chip: bus.plug(0x18, chip),
}


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture
def bus(time):
    with FakeBus(clock=time, wait=time.sleep) as bus:
        yield bus


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_chip_that_is_put_on_the_bus_has_its_time(bus, time, way):
    way(bus, fake_chip("lis3dh", acceleration_x=1.0))
    chip = open_chip("lis3dh", bus)
    chip.sleep = time.sleep
    time.sleep(1)
    assert chip.read()["acceleration_x"] == pytest.approx(1.0, abs=0.01)
    bus.chips[0x18].feel(acceleration_x=2.0)
    time.sleep(1)
    assert chip.read()["acceleration_x"] == pytest.approx(2.0, abs=0.01)


def test_a_chip_that_is_put_back_has_lost_its_power(bus):
    bus.chips[0x18] = fake_chip("lis3dh")
    chip = open_chip("lis3dh", bus)
    chip.write(b"\x20\x57")
    unplugged = bus.chips.pop(0x18)
    with pytest.raises(NoAcknowledge):
        chip.write_read(b"\x20", 1)
    bus.chips[0x18] = unplugged
    assert chip.write_read(b"\x20", 1) == b"\x07"


def test_who_is_there_stays_there(bus):
    bus.chips[0x18] = there = fake_chip("lis3dh")
    assert bus.chips.setdefault(0x18, fake_chip("lis3dh")) is there


def test_nobody_is_no_chip(bus):
    with pytest.raises(TypeError, match="0x18"):
        bus.chips.setdefault(0x18)
