"""Home Assistant's discovery: one retained document announces the device, its entities and their availability.

Source: Home Assistant's MQTT integration, "Device discovery payload". Values come from the retained `state` and
`health`, so a missing quantity becomes unavailable in Home Assistant and does not keep its last value. The templates
tolerate a sensor that `state` no longer names, because Home Assistant logs every error in a template.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from .payloads import Named, Sensed
from .topics import Topics

# Repeated in each component: Home Assistant 2025.1 does not inherit it from the document.
QOS = 1
# Device classes of binary sensors; those that are also classes of sensors have a unit there.
BINARY = frozenset(
    """battery battery_charging carbon_monoxide cold connectivity door garage_door gas heat light lock moisture motion
    moving occupancy opening plug power presence problem running safety smoke sound tamper update vibration
    window""".split()  # noqa: SIM905  (one line, not thirty)
)
# Drivers whose quantities are diagnostics of the agent's machine.
OF_THE_MACHINE = ("host",)
# Quantities that only grow, and begin again at 0.
SUMS = ("count", "energy")
FINEST = 6  # digits

Document = dict[str, Any]


class Announcement:
    """What was sent to Home Assistant and has to be withdrawn once it is gone: retained documents stay.

    Attributes:
        withdrawn: topics of whole devices that are being withdrawn, until `forget`.
    """

    def __init__(self) -> None:
        # Topic -> component -> its platform.
        self._told: dict[str, dict[str, str]] = {}
        self._current: dict[str, frozenset[str]] = {}
        self.withdrawn: dict[str, dict[str, str]] = {}

    @property
    def told(self) -> dict[str, dict[str, str]]:
        """What Home Assistant may still have, for later runs."""
        return self._told | self.withdrawn

    def remember(self, told: Mapping[str, Mapping[str, str]]) -> None:
        """Add what earlier runs have sent. The next `update` withdraws whatever its documents no longer contain."""
        self._told = {topic: {**components, **self._told.get(topic, {})} for topic, components in told.items()} | {
            topic: components for topic, components in self._told.items() if topic not in told
        }

    def update(self, documents: Mapping[str, Document]) -> dict[str, Document]:
        """Return the document to retain on each topic. An empty one withdraws a whole device.

        A component that is gone is withdrawn by an entry that holds its platform and nothing else.
        """
        withdrawn = {topic: told for topic, told in self._told.items() if topic not in documents}
        self.withdrawn = {topic: told for topic, told in self.withdrawn.items() if topic not in documents} | withdrawn
        self._current = {topic: frozenset(document["components"]) for topic, document in documents.items()}
        self._told = {
            topic: self._told.get(topic, {}) | {key: one["platform"] for key, one in document["components"].items()}
            for topic, document in documents.items()
        }
        return {topic: {} for topic in withdrawn} | {
            topic: document | {"components": self._gone(topic) | document["components"]}
            for topic, document in documents.items()
        }

    def forget(self, pending: Callable[[str], bool]) -> None:
        """Forget what was withdrawn.

        Args:
            pending: returns whether the withdrawal of a topic has yet to reach the broker; such a topic stays.
        """
        self.withdrawn = {topic: told for topic, told in self.withdrawn.items() if pending(topic)}
        self._told = {
            topic: {key: platform for key, platform in self._told[topic].items() if key in components}
            for topic, components in self._current.items()
        }

    def _gone(self, topic: str) -> Document:
        return {key: {"platform": platform} for key, platform in self._told[topic].items()}


def topic(prefix: str, device_id: str) -> str:
    """Return where the document goes."""
    return f"{prefix}/device/limpet_{spelt(device_id)}/config"


def spelt(name: str) -> str:
    """Return a name in the characters that Home Assistant allows. Different names stay different.

    >>> spelt("greenhouse-1"), spelt("pi.local")
    ('greenhouse-1', 'pi_local_92991a24')
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return plain if plain == name else f"{plain}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def discovery(
    sensors: Iterable[Sensed],
    topics: Topics,
    *,
    version: str,
    model: str,
    breakers: Collection[str] = (),
    allowed: Collection[str] = (),
) -> Document:
    """Return the document for all quantities of all sensors, and for the agent itself.

    Args:
        breakers: the names of all breakers.
        allowed: the requests that the agent answers.
    """
    of_sensors = {key(one.id, q.name): _quantity(one, q, topics) for one in sensors for q in one.quantities}
    return {
        "device": {
            "identifiers": [f"limpet_{topics.device_id}"],
            "name": topics.device_id,
            "manufacturer": "Limpet",
            "model": model,
            "sw_version": version,
        },
        "origin": {"name": "limpet", "sw_version": version},
        "state_topic": topics.state,
        "availability": [_online(topics)],
        "components": of_sensors | _agent(topics, breakers) | (_read_now(topics) if "read" in allowed else {}),
    }


def key(sensor_id: str, quantity: str) -> str:
    """Return the name of a component. Ids and quantities have no capitals, so that two pairs never get one name.

    >>> key("air", "bus_voltage"), key("air_bus", "voltage")
    ('air_bus_voltage', 'air_bus_Q_voltage')
    """
    return f"{sensor_id}_Q_{quantity}" if "_" in sensor_id else f"{sensor_id}_{quantity}"


# --- a quantity of a sensor


def _quantity(sensor: Sensed, quantity: Named, topics: Topics) -> Document:
    binary = quantity.name == "state" or (quantity.kind in BINARY and not quantity.unit)
    component: Document = {
        "platform": "binary_sensor" if binary else "sensor",
        "unique_id": f"limpet/{topics.device_id}/{sensor.id}/{quantity.name}",
        "name": f"{sensor.id} {quantity.name}".replace("_", " "),
        "value_template": _value(sensor.id, quantity.name, binary=binary),
        "availability": [_online(topics), _measured(sensor.id, quantity.name, topics)],
        "availability_mode": "all",
        "qos": QOS,
    }
    if quantity.kind:
        component["device_class"] = quantity.kind
    if sensor.driver in OF_THE_MACHINE:
        component["entity_category"] = "diagnostic"
    if not binary:
        component["state_class"] = "total_increasing" if quantity.name in SUMS else "measurement"
        component["suggested_display_precision"] = digits(quantity.step)
        if quantity.unit:
            component["unit_of_measurement"] = quantity.unit
    return component


def digits(step: float) -> int:
    """Return how many decimals a step of this size needs."""
    return min(FINEST, max(0, math.ceil(-math.log10(step) - 1e-9))) if step > 0 else 0


def _value(sensor_id: str, name: str, *, binary: bool) -> str:
    """Return a template; where there is no number it yields `None`, which Home Assistant takes for "unknown"."""
    value = f"({_entry(sensor_id)})[{_literal(name)}]"
    if binary:
        return f"{{% set v = {value} %}}{{{{ ('ON' if v else 'OFF') if v is number else 'None' }}}}"
    return f"{{{{ {value} | default(None) }}}}"


def _online(topics: Topics) -> Document:
    # `online` and `offline` are Home Assistant's own words.
    return {"topic": topics.status}


def _measured(sensor_id: str, name: str, topics: Topics) -> Document:
    """Return the availability of one quantity: it may be missing while others of the same sensor are there."""
    value = f"({_entry(sensor_id)})[{_literal(name)}]"
    return {"topic": topics.state, "value_template": f"{{{{ 'online' if {value} is number else 'offline' }}}}"}


def _entry(sensor_id: str) -> str:
    return f"value_json.sensors['{sensor_id}'] | default({{}})"


# --- the agent itself


def _agent(topics: Topics, breakers: Collection[str]) -> Document:
    """Return the diagnostic entities. Their names have a capital, their unique ids another number of levels."""
    degraded = _problem(topics, "degraded", "degraded", "value_json.degraded")
    return {
        "degraded": degraded | {"unique_id": f"limpet/{topics.device_id}/degraded", "state_topic": topics.state},
        "Outbox_waiting": _diagnostic(topics, "outbox/waiting", "outbox waiting", "value_json.outbox.waiting")
        | {"state_class": "measurement", "unit_of_measurement": "batches"},
        "Outbox_oldest": _diagnostic(topics, "outbox/oldest", "outbox oldest", "value_json.outbox.oldest")
        | {"device_class": "timestamp"},
        "Clock": _problem(topics, "clock", "clock", "not value_json.clock.synced"),
        **{
            f"Breaker_{spelt(name)}": _problem(
                topics,
                f"breaker/{name}",
                f"breaker {name}",
                f"(value_json.breakers[{_literal(name)}] | default({{}})).state | default('closed') != 'closed'",
            )
            for name in breakers
        },
    }


def _problem(topics: Topics, path: str, name: str, condition: str) -> Document:
    template = {"value_template": f"{{{{ 'ON' if {condition} else 'OFF' }}}}"}
    problem = {"platform": "binary_sensor", "device_class": "problem"}
    return _diagnostic(topics, path, name, condition) | problem | template


def _diagnostic(topics: Topics, path: str, name: str, value: str) -> Document:
    return {
        "platform": "sensor",
        "unique_id": f"limpet/{topics.device_id}/agent/{path}",
        "name": name,
        "entity_category": "diagnostic",
        "state_topic": topics.health,
        "value_template": f"{{{{ {value} | default(None) }}}}",
        "qos": QOS,
    }


def _read_now(topics: Topics) -> Document:
    button = {
        "platform": "button",
        "unique_id": f"limpet/{topics.device_id}/agent/read",
        "name": "read now",
        "command_topic": topics.request("read"),
        "payload_press": "{}",
        "qos": QOS,
    }
    return {"Read_now": button}


def _literal(text: str) -> str:
    """Return a text as Jinja writes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
