"""GPIO edges become batches at once, and a round that was read before an edge does not undo it."""

import asyncio

import pytest

from agent.acquisition.calibration import Calibration
from agent.acquisition.edges import EdgeWatcher
from agent.acquisition.sensor import Sensor
from agent.acquisition.turn import Outcome
from agent.model import Reading
from agent.resilience import CircuitBreaker, RetryPolicy
from drivers import open_chip
from drivers.fakes.pins import mock_pins


@pytest.fixture
def pins():
    return mock_pins(fresh=True)


def door(clock, **more) -> Sensor:
    chip = open_chip("contact", pin=17, bounce=0)
    breaker, retry = CircuitBreaker(), RetryPolicy()
    return Sensor("door", chip, every=10.0, timeout=2.0, breaker=breaker, retry=retry, clock=clock, **more)


def test_an_edge_is_a_batch_of_its_own_with_the_new_state(pins):
    async def scene():
        batches = []
        sensor = door(asyncio.get_running_loop().time)
        EdgeWatcher(batches.append).watch([sensor])
        pins.drive(17, 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sensor.chip.close()
        return batches

    (batch,) = asyncio.run(scene())
    assert (batch.trigger, batch.interval, batch.sensors) == ("event", None, ("door",))
    assert [(r.quantity, r.value, r.status) for r in batch.readings] == [("state", 1, "ok")]


def test_a_round_that_read_the_line_before_the_edge_tells_the_edge(pins):
    sensor = door(lambda: 5.0)
    sensor.note(Reading("door", "state", 1), 4.5)
    readings, _ = sensor.conclusions.of(Outcome({"state": 0}, attempts=1, at=4.2), 5.0)
    assert readings[0].value == 1
    readings, _ = sensor.conclusions.of(Outcome({"state": 0}, attempts=1, at=4.8), 5.0)
    assert readings[0].value == 0


def test_a_line_that_cannot_be_opened_is_no_reason_not_to_start(pins, mocker):
    sensor = door(lambda: 0.0)
    mocker.patch.object(sensor.chip, "watch", side_effect=OSError(16, "busy"))

    async def scene():
        EdgeWatcher(print).watch([sensor])

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("calibration", "value", "status"),
    [
        (Calibration(calibrate={"state": (-1.0, 1.0)}), 0, "ok"),
        (Calibration(curves={"state": ((0.0, 1.0), (1.0, 0.0))}), 0, "ok"),
        (Calibration(limits={"state": (0, 0)}), 1, "suspect"),
        (Calibration(), 1, "ok"),
    ],
)
def test_an_edge_is_calibrated_and_judged_as_a_round_is(pins, calibration, value, status):
    async def scene():
        batches = []
        loop = asyncio.get_running_loop()
        sensor = door(loop.time, calibration=calibration)
        EdgeWatcher(batches.append).watch([sensor])
        pins.drive(17, 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sensor.chip.close()
        return sensor, batches

    sensor, (batch,) = asyncio.run(scene())
    assert [(r.value, r.status) for r in batch.readings] == [(value, status)]
    assert [(r.value, r.status) for r in sensor.present.readings] == [(value, status)]
    readings, _ = sensor.conclusions.of(Outcome({"state": 0}, attempts=1, at=batch.due - 0.1), batch.due)
    assert [(r.value, r.status) for r in readings] == [(value, status)]
