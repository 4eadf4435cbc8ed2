"""A part of a device that failed costs no other part: told through the whole agent, for every driver with several."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from typing import Any

import jsonschema
import pytest
from whole import Whole, whole

from agent.messages import schemas
from drivers import catalog
from drivers.errors import BeyondRange, InvalidReading

WHERE = {
    "dht": 'device = "dht11@4"',
    "iio": 'device = "bme280"',
    "hwmon": 'device = "1-0048"',
    "button": "pin = 5",
    "pulse": "pin = 6",
    "max31856": "options = { select = 1 }",
    "max31865": "options = { port = 1 }",
    "mcp3008": "options = { port = 1, select = 1 }",
    "mcp3208": "options = { port = 1, select = 2 }",
    "pms5003": 'port = "/dev/serial0"',
    "sds011": 'port = "/dev/ttyAMA3"',
}
FAILED = InvalidReading("this part cannot be told")
BEYOND = BeyondRange("this is 1 or more", at_least=1.0)


def configuration() -> str:
    """Return one of every driver whose class has several quantities, or may turn out to have; each I2C chip alone."""
    tables = []
    for number, name in enumerate(catalog.names()):
        kind = catalog.find(name)
        if len(kind.quantities) > 1 or name in WHERE:
            place = WHERE.get(name, f"bus = {number}" if kind.addresses else "")
            tables.append(f'[[sensor]]\nid = "{name}"\ndriver = "{name}"\nevery = "30s"\n{place}\n')
    return '[agent]\ndevice_id = "pi"\n[outbox]\ndurability = "memory"\n' + "".join(tables)


def spoil(sensor: Any, error: Exception) -> str:
    """Let the last quantity of a sensor be an error from now on; return its name."""
    quantity, reading = sensor.quantities[-1].name, sensor.chip.reading

    def partly() -> Generator[float, None, dict[str, Any]]:
        return {**(yield from reading()), quantity: error}

    sensor.chip.reading = partly
    return str(quantity)


async def published(home: Whole) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Let rounds pass; return the last batch, the state and the health, each as its schema wants it.

    A chip that takes longer than a round waits for has its value told by the round after, and then in health.
    """
    await home.settle(125.0)
    names = {"batch": schemas.batch(), "state": schemas.state(), "health": schemas.health()}
    documents = {name: json.loads(home.last(f"limpet/pi/{name}")) for name in names}
    for name, schema in names.items():
        jsonschema.validate(documents[name], schema, jsonschema.Draft202012Validator)
    return documents["batch"], documents["state"], documents["health"]


@pytest.fixture
def told(runner: Any) -> Any:
    """Return what is told of every sensor with several quantities whose last one is an error."""

    def live(error: Exception) -> Any:
        async def story() -> Any:
            async with whole(configuration()) as home:
                await home.settle(60.0)
                sensors = [one for one in home.agent.assembly.sensors if len(one.quantities) > 1]
                spoiled = {one.id: spoil(one, error) for one in sensors}
                quantities = {one.id: {q.name for q in one.quantities} for one in sensors}
                await asyncio.sleep(0)
                return spoiled, quantities, sensors, await published(home)

        return runner.run(story())

    return live


def test_what_is_well_is_told_beside_a_part_that_failed(told: Any) -> None:
    spoiled, quantities, sensors, (batch, state, health) = told(FAILED)
    assert len(spoiled) > 15
    assert (batch["degraded"], state["degraded"], health["degraded"]) == (True, True, True)
    assert not set(batch["unavailableSensors"]) & spoiled.keys()
    for name, quantity in spoiled.items():
        readings = {one["quantity"] for one in batch["readings"] if one["sensorId"] == name}
        assert readings == quantities[name] - {quantity}, name
        faults = [(one["quantity"], one["error"]) for one in batch["faults"] if one["sensorId"] == name]
        assert faults == [(quantity, "InvalidReading")]
        entry = state["sensors"][name]
        assert (entry["status"], entry[quantity]) == ("partial", None)
        assert all(entry[one] is not None for one in readings)
        assert health["sensors"][name]["status"] == "partial"
        assert health["breakers"][name]["state"] == "closed"
    assert all(one.breaker.failure_count == 0 for one in sensors)


def test_what_is_beyond_its_range_is_no_fault_of_the_device(told: Any) -> None:
    spoiled, quantities, _, (batch, state, health) = told(BEYOND)
    assert (batch["degraded"], state["degraded"], health["degraded"]) == (False, False, False)
    assert not batch["unavailableSensors"]
    for name, quantity in spoiled.items():
        assert {one["quantity"] for one in batch["readings"] if one["sensorId"] == name} == quantities[name] - {
            quantity
        }
        faults = [(one["quantity"], one["error"]) for one in batch["faults"] if one["sensorId"] == name]
        assert faults == [(quantity, "BeyondRange")]
        assert state["sensors"][name][quantity] is None
