"""When a state is worth sending: a status, or a value by its step."""

from types import SimpleNamespace

import pytest

from agent.model import Present, Reading
from agent.service.changes import LastState
from drivers.chip import Quantity

QUANTITIES = (Quantity("temperature", "°C", step=0.1), Quantity("state", step=0.0))
BEFORE = {"status": "ok", "temperature": 20.0, "state": 0}


def sensor(name, status, measured=1.0, **values):
    readings = tuple(Reading(name, quantity, value) for quantity, value in values.items() if value is not None)
    present = Present(status=status, readings=readings, measured=measured)
    return SimpleNamespace(id=name, quantities=QUANTITIES, present=present)


def differs(before, now):
    last = LastState()
    last.sent([sensor(name, **values) for name, values in before.items()])
    return last.differs([sensor(name, **values) for name, values in now.items()])


@pytest.mark.parametrize(
    ("change", "worth"),
    [
        ({}, False),
        ({"measured": 2.0}, False),
        ({"temperature": 20.05}, False),
        ({"temperature": 20.1}, True),
        ({"temperature": 19.9}, True),
        ({"temperature": None}, True),
        ({"status": "partial"}, True),
        ({"state": 1}, True),
    ],
)
def test_is_a_step_or_a_status(change, worth):
    assert differs({"air": BEFORE}, {"air": BEFORE | change}) is worth
    assert differs({"air": BEFORE | change}, {"air": BEFORE}) is worth


def test_is_another_sensor_and_the_first_state_of_all():
    assert differs({}, {"air": BEFORE})
    assert differs({"water": BEFORE}, {"air": BEFORE})
    assert LastState().differs([sensor("air", **BEFORE)])


def test_is_what_has_crept_that_far_since_it_was_sent():
    last = LastState()
    last.sent([sensor("air", **BEFORE)])
    moments = [last.differs([sensor("air", **BEFORE | {"temperature": 20.0 + n / 100})]) for n in range(12)]
    assert moments == [False] * 10 + [True] * 2
