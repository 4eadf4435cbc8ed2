"""Home Assistant's discovery: one retained document makes the device, its sensors and their availability known.

Source: Home Assistant's MQTT integration, "Device discovery payload". Values come from the
retained `state`, so that a sensor that failed is unavailable there, too, and never keeps its last value. Its templates
stay silent about a sensor that `state` does not name (any more): a mistake in a template is logged there each round.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .payloads import Named, Sensed
from .topics import Topics

QOS = 1  # in each component: 2025.1 does not inherit it from the document
# Device classes of binary sensors; those that are also classes of sensors have a unit there.
BINARY = frozenset(
    """battery battery_charging carbon_monoxide cold connectivity door garage_door gas heat light lock moisture motion
    moving occupancy opening plug power presence problem running safety smoke sound tamper update vibration
    window""".split()  # noqa: SIM905 - one line, not thirty
)
OF_THE_MACHINE = ("host",)  # drivers whose quantities tell of the agent's machine

Document = dict[str, Any]


class Announcement:
    """What Home Assistant was told in this run, so that it can be taken back: nothing goes by itself."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, str]] = {}

    def update(self, documents: Mapping[str, Document]) -> dict[str, Document]:
        """Return what to retain now on which topic, for these documents; an empty one takes a whole device back.

        A component that is gone stands there with nothing but its platform.
        """
        withdrawn: dict[str, Document] = {topic: {} for topic in self._told if topic not in documents}
        self._told = {
            topic: self._told.get(topic, {}) | {key: one["platform"] for key, one in document["components"].items()}
            for topic, document in documents.items()
        }
        return withdrawn | {
            topic: document | {"components": self._gone(topic) | document["components"]}
            for topic, document in documents.items()
        }

    def _gone(self, topic: str) -> Document:
        return {key: {"platform": platform} for key, platform in self._told[topic].items()}


def topic(prefix: str, device_id: str) -> str:
    """Return where the document goes; Home Assistant takes only letters, digits, _ and - in an object id."""
    return f"{prefix}/device/limpet_{re.sub(r'[^A-Za-z0-9_-]', '_', device_id)}/config"


def discovery(sensors: Iterable[Sensed], topics: Topics, *, version: str, model: str) -> Document:
    """Return the document for all quantities of all sensors."""
    device = f"limpet_{topics.device_id}"
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
        "components": components,
    }


def _component(device: str, sensor: Sensed, quantity: Named, topics: Topics) -> Document:
    binary = quantity.name == "state" or (quantity.kind in BINARY and not quantity.unit)
    component: Document = {
        "platform": "binary_sensor" if binary else "sensor",
        "unique_id": f"{device}_{sensor.id}_{quantity.name}",
        "name": f"{sensor.id} {quantity.name}".replace("_", " "),
        "value_template": _value(sensor.id, quantity.name, binary=binary),
        "availability": [_online(topics), _measured(sensor.id, topics)],
        "availability_mode": "all",
        "qos": QOS,
    }
    if quantity.kind:
        component["device_class"] = quantity.kind
    if sensor.driver in OF_THE_MACHINE:
        component["entity_category"] = "diagnostic"
    if not binary:
        component["state_class"] = "total_increasing" if quantity.name == "count" else "measurement"
        if quantity.unit:
            component["unit_of_measurement"] = quantity.unit
    return component


def _degraded(device: str) -> Document:
    return {
        "platform": "binary_sensor",
        "unique_id": f"{device}_degraded",
        "name": "degraded",
        "device_class": "problem",
        "entity_category": "diagnostic",
        "value_template": "{{ 'ON' if value_json.degraded else 'OFF' }}",
        "qos": QOS,
    }


def _value(sensor_id: str, name: str, *, binary: bool) -> str:
    """Return a template; where there is no number it yields `None`, which Home Assistant takes for "unknown"."""
    value = f"({_entry(sensor_id)})['{name}']"
    if binary:
        return f"{{% set v = {value} %}}{{{{ ('ON' if v else 'OFF') if v is number else 'None' }}}}"
    return f"{{{{ {value} | default(None) }}}}"


def _online(topics: Topics) -> Document:
    return {"topic": topics.status}  # `online` and `offline` are Home Assistant's own words


def _measured(sensor_id: str, topics: Topics) -> Document:
    status = f"({_entry(sensor_id)}).status | default('unavailable')"
    return {
        "topic": topics.state,
        "value_template": f"{{{{ 'offline' if {status} == 'unavailable' else 'online' }}}}",
    }


def _entry(sensor_id: str) -> str:
    return f"value_json.sensors['{sensor_id}'] | default({{}})"
