"""Fake pins, fresh for each test."""

from collections.abc import Iterator

import pytest
from gpiozero import Device

from drivers.fakes import FakeTime
from drivers.fakes.pins import MockPins, mock_pins


@pytest.fixture
def pins() -> Iterator[MockPins]:
    """A Pi's pins that nothing drives yet."""
    before = Device.pin_factory
    yield mock_pins(fresh=True)
    Device.pin_factory.reset()
    Device.pin_factory = before


@pytest.fixture
def time() -> FakeTime:
    """A clock that stands still until a test waits."""
    return FakeTime()
