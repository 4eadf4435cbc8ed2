"""Home Assistant's discovery: one retained document makes the device, its sensors and their availability known.

Source: Home Assistant's MQTT integration, "Device discovery payload". Values come from the retained `state`, so that a
sensor that failed is unavailable there, too, and never keeps its last value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .topics import Topics
from .wire import Named, Sensed

BINARY = ("motion", "problem", "opening", "door", "window", "moisture", "occupancy", "vibration")
USABLE = "['ok', 'stale', 'suspect', 'substituted']"


def topic(prefix: str, device_id: str) -> str:
    """Return where the document goes; Home Assistant takes only letters, digits, _ and - in an object id."""
    return f"{prefix}/device/limpet_{_plain(device_id)}/config"


def discovery(sensors: Iterable[Sensed], topics: Topics, *, version: str, model: str) -> dict[str, Any]:
    """Return the document for all quantities of all sensors."""
    device = f"limpet_{_plain(topics.device_id)}"
    components = {"degraded": _degraded(device)}
    for sensor in sensors:
        for quantity in sensor.quantities:
            components[f"{sensor.id}_{quantity.name}"] = _component(device, sensor, quantity, topics)
    return {
        "device": {
            "identifiers": [device],
            "name": topics.device_id,
            "manufacturer": "Limpet",
            "model": model,
            "sw_version": version,
        },
        "origin": {"name": "limpet", "sw_version": version},
        "state_topic": topics.state,
        "availability": [_online(topics)],
        "qos": 1,
        "components": components,
    }


def _component(device: str, sensor: Sensed, quantity: Named, topics: Topics) -> dict[str, Any]:
    value = f"value_json.sensors['{sensor.id}']['{quantity.name}']"
    binary = quantity.name == "state" or quantity.kind in BINARY
    component: dict[str, Any] = {
        "platform": "binary_sensor" if binary else "sensor",
        "unique_id": f"{device}_{sensor.id}_{quantity.name}",
        "name": f"{sensor.id} {quantity.name}".replace("_", " "),
        "value_template": f"{{{{ 'ON' if {value} == 1 else 'OFF' }}}}" if binary else f"{{{{ {value} }}}}",
        "availability": [_online(topics), _measured(sensor.id, topics)],
        "availability_mode": "all",
    }
    if quantity.kind:
        component["device_class"] = quantity.kind
    if not binary:
        component["state_class"] = "total_increasing" if quantity.name == "count" else "measurement"
        if quantity.unit:
            component["unit_of_measurement"] = quantity.unit
    return component


def _degraded(device: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "unique_id": f"{device}_degraded",
        "name": "degraded",
        "device_class": "problem",
        "entity_category": "diagnostic",
        "value_template": "{{ 'ON' if value_json.degraded else 'OFF' }}",
    }


def _online(topics: Topics) -> dict[str, str]:
    return {"topic": topics.status, "payload_available": "online", "payload_not_available": "offline"}


def _measured(sensor_id: str, topics: Topics) -> dict[str, str]:
    template = f"{{{{ 'online' if value_json.sensors['{sensor_id}'].status in {USABLE} else 'offline' }}}}"
    return {"topic": topics.state, "value_template": template}


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
