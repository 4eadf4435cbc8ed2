"""open_chip: mistakes are named where they are made, and nothing is asked of the bus."""

import pytest

from drivers import PermanentError, UnknownDriver, open_chip
from drivers.fakes import FakeBus


class Touchy:
    """A bus that may not be touched."""

    def __getattr__(self, name):
        raise AssertionError(f"{name} was asked for")


@pytest.mark.parametrize("address", ["0x76", 0x200, -1, 0x07, 0x78, True, 1.5])
def test_an_address_that_is_none_is_named(address):
    shown = hex(address) if type(address) is int else repr(address)
    with pytest.raises(ValueError, match=shown):
        open_chip("bme280", Touchy(), address)


@pytest.mark.parametrize("address", [0x08, 0x20, 0x77, None])
def test_an_address_may_be_one_that_the_chip_cannot_have(address):
    assert open_chip("bme280", Touchy(), address).address == (address or 0x76)


@pytest.mark.parametrize("bus", [None, 1])
def test_what_is_no_bus_is_named_when_it_is_read(bus):
    chip = open_chip("bme280", bus)
    for _ in range(2):
        with pytest.raises(PermanentError, match=rf"bme280: {bus} is no bus.*SMBus"):
            chip.read()


@pytest.mark.parametrize("name", [5, None, "", "bme2800", "BME280"])
def test_a_name_that_is_none_is_an_unknown_driver(name):
    with pytest.raises(UnknownDriver, match=repr(name)):
        open_chip(name, Touchy())


def test_a_wrong_option_names_the_driver_that_was_asked_for():
    with FakeBus() as bus, pytest.raises(TypeError, match=r"Bme280.*'colour'.*oversampling") as raised:
        open_chip("bme280", bus, colour="red")
    assert "Bmp280" not in str(raised.value)


def test_a_missing_option_names_the_driver_that_was_asked_for():
    with pytest.raises(TypeError, match=r"Motion.*'pin'"):
        open_chip("motion")
