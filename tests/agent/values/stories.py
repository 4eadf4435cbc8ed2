"""Stories about values, told with the whole agent in virtual time: what chips feel, and what subscribers get."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import jsonschema
from whole import Whole, whole

from agent.messages import schemas
from agent.simulation.scenario import Curve
from drivers.bus import clock as drivers_clock

CHECKED = jsonschema.Draft202012Validator(schemas.batch())
HEAD = '[agent]\ndevice_id = "pi"\nevery = "10s"\n[outbox]\ndurability = "memory"\n[commands]\nallow = ["read"]\n'
AIR = HEAD + '[[sensor]]\nid = "air"\ndriver = "sht4x"\n'
ADDRESSES = {"air": 0x44, "wall": 0x45, "desk": 0x46}


def tell(runner: Any, text: str, story: Callable[[Whole], Awaitable[Any]], **more: Any) -> Any:
    """Return what a story about an agent with this configuration returns; it begins 5 s after the first round."""

    async def scene() -> Any:
        loop = asyncio.get_running_loop()
        drivers_clock.simulate(loop.time, loop.call_later)
        async with whole(text, **more) as home:
            return await story(home)

    try:
        return runner.run(scene())
    finally:
        drivers_clock.simulate(None)


def feel(home: Whole, sensor: str, **values: float) -> None:
    """Let a sensor feel these values from now on."""
    home.machine.devices[sensor].curves.update({name: Curve(mean=value) for name, value in values.items()})


def fault(home: Whole, kind: str, sensor: str, lasts: float | None = None) -> None:
    """Let something go wrong with a sensor now."""
    bus = home.machine.buses["i2c-1"]
    bus.faults.add(kind, ADDRESSES[sensor], at=bus.clock() - bus.began, lasts=lasts)


async def until(moment: float) -> None:
    """Wait until so many seconds after the start."""
    await asyncio.sleep(moment - asyncio.get_running_loop().time())


def batches(home: Whole, *names: str) -> list[dict[str, Any]]:
    """Return the batches that subscribers got, checked against the schema, in the order of their numbers."""
    found = [one.document for one in home.broker.received if one.name in (names or ("batch", "backfill"))]
    for document in found:
        CHECKED.validate(document)
    return sorted(found, key=lambda document: document["seq"])


def reading(document: dict[str, Any], sensor: str = "air", quantity: str = "temperature") -> dict[str, Any] | None:
    """Return a reading of a batch; None if there is none."""
    found = [one for one in document["readings"] if (one["sensorId"], one["quantity"]) == (sensor, quantity)]
    return found[0] if found else None


def state(home: Whole, sensor: str = "air") -> dict[str, Any]:
    """Return what the retained state says of a sensor."""
    documents = [one.document for one in home.broker.received if one.name == "state"]
    return documents[-1]["sensors"][sensor]
