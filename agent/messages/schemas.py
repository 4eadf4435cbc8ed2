"""JSON Schemas (draft 2020-12) of all that goes in and out, and an AsyncAPI document of the topics."""

from __future__ import annotations

from agent.config.driver_schema import with_drivers
from agent.config.shapes import Table
from agent.config.tables import REQUESTS, Config

from .payloads import SCHEMA
from .schema_parts import (
    BREAKER_STATE,
    COUNT,
    FLAG,
    NAME,
    NUMBER,
    SECONDS,
    SIMULATED,
    STATUSES,
    TEXT,
    TIME,
    USABLE,
    Schema,
    array,
    closed,
    open_ended,
    or_null,
    titled,
)
from .topics import Topics


def config() -> Schema:
    """Return the schema of the configuration, from its dataclasses and the drivers that are installed."""
    return titled("Configuration of Limpet", with_drivers(Table(Config).schema()))


def batch() -> Schema:
    """Return the schema of `batch` and `backfill`."""
    properties = {
        "schema": {"const": SCHEMA},
        "deviceId": NAME,
        "bootId": {**NAME, "description": "one run of the agent"},
        "seq": {"type": "integer", "minimum": 1, "description": "counts the batches of a run, without a gap"},
        "timestamp": {**TIME, "description": "when the round was due, or when the event happened"},
        "clock": {"enum": ["synced", "unsynced", "corrected"]},
        "trigger": {"enum": ["interval", "event", "request"]},
        "interval": or_null({"type": "number", "exclusiveMinimum": 0, "description": "seconds"}),
        "readings": array(_reading()),
        "unchanged": array(
            {**NAME, "pattern": r"^[a-z0-9_-]+\.\S+$"},
            uniqueItems=True,
            description="`sensor.quantity`: measured and good, but not different enough to be sent",
        ),
        "unavailableSensors": array(NAME, uniqueItems=True),
        "degraded": {**FLAG, "description": "a sensor or a part of one is missing, or a reading is not ok"},
        "faults": array(_fault()),
        "historical": {"const": True, "description": "on backfill only"},
        "simulated": SIMULATED,
    }
    return titled("A batch of Limpet", closed(properties, optional=("unchanged", "historical", "simulated")))


def _reading() -> Schema:
    extra = {"stale": "age", "suspect": "reason", "substituted": "source"}
    properties = {
        "sensorId": NAME,
        "quantity": NAME,
        "value": NUMBER,
        "unit": TEXT,
        "status": {"enum": list(USABLE)},
        "age": {**SECONDS, "description": "seconds since it was measured; with `stale`"},
        "reason": {**NAME, "description": "what is doubtful; with `suspect`"},
        "source": {**NAME, "description": "the sensor it comes from; with `substituted`"},
        "timestamp": {**TIME, "description": "when it was measured, where that is not the batch's moment"},
        "min": {**NUMBER, "description": "the least sample of the window of which `value` is the mean"},
        "max": {**NUMBER, "description": "its greatest sample"},
        "n": {"type": "integer", "minimum": 1, "description": "its number of samples"},
        "missed": {**COUNT, "description": "samples that were due and are missing"},
    }
    needs = [
        {"if": {"properties": {"status": {"const": status}}}, "then": {"required": [name]}}
        for status, name in extra.items()
    ]
    window = ("min", "max", "n", "missed")
    together = {one: [other for other in window if other != one] for one in window}
    optional = (*extra.values(), "timestamp", *window)
    return {**closed(properties, optional=optional), "dependentRequired": together, "allOf": needs}


def _fault() -> Schema:
    return closed(
        {
            "sensorId": NAME,
            "quantity": {**NAME, "description": "the one that cannot be told, while the sensor answers"},
            "error": NAME,
            "message": TEXT,
            "attempts": {**COUNT, "description": "made in this round; 0 when the breaker refused"},
            "breaker": BREAKER_STATE,
            "retryAfter": or_null({**SECONDS, "description": "seconds until the next probe; null when closed"}),
            "since": {**TIME, "description": "first failure of this outage"},
        },
        optional=("quantity",),
    )


def health() -> Schema:
    """Return the schema of `health`, which is `health.json`, too."""
    breaker = open_ended(
        {"state": BREAKER_STATE, "failures": COUNT, "retryAfter": or_null(SECONDS), "since": or_null(TIME)}
    )
    sensor = open_ended({"status": NAME, "error": or_null(TEXT), "since": or_null(TIME), "lastOk": or_null(TIME)})
    outbox = {
        "durability": {"enum": ["outage", "always", "memory"]},
        "waiting": COUNT,
        "bytes": COUNT,
        "oldest": or_null(TIME),
        "dropped": COUNT,
        "storage": {"enum": ["ok", "degraded"]},
    }
    properties = {
        "schema": {"const": SCHEMA},
        "deviceId": NAME,
        "bootId": NAME,
        "timestamp": TIME,
        "degraded": FLAG,
        "breakers": {"type": "object", "additionalProperties": breaker},
        "sensors": {"type": "object", "additionalProperties": sensor},
        "broker": _broker(),
        "outbox": open_ended(outbox),
        "clock": open_ended({"synced": FLAG}),
        "process": open_ended({"uptime": SECONDS, "rss": COUNT, "cpu": SECONDS}),
        "rounds": open_ended({"late": COUNT, "skipped": COUNT}),
        "calibration": open_ended({"overdue": array({**NAME, "description": "`sensor.quantity`"}, uniqueItems=True)}),
        "simulated": SIMULATED,
    }
    return titled("Health of Limpet", open_ended(properties, ("calibration", "simulated")))


def _broker() -> Schema:
    limits = {"retain": FLAG, "maximumQos": COUNT, "maximumPacketSize": COUNT, "will": FLAG}
    properties = {
        "connected": FLAG,
        "since": or_null(TIME),
        "error": or_null(TEXT),
        "limits": open_ended(limits, tuple(limits)),
        "refused": array(open_ended({"topic": TEXT, "reason": TEXT, "since": TIME})),
    }
    return open_ended(properties, ("limits", "refused"))


def state() -> Schema:
    """Return the schema of `state`: the present of every sensor."""
    sensor = {
        **open_ended({"status": {"enum": STATUSES}, "timestamp": or_null(TIME)}, ("timestamp",)),
        "description": "and each quantity: a number, or null while it cannot be told",
    }
    properties = {
        "timestamp": TIME,
        "degraded": FLAG,
        "unavailableSensors": array(NAME),
        "sensors": {"type": "object", "additionalProperties": sensor},
        "simulated": SIMULATED,
    }
    return titled("State of Limpet", open_ended(properties, ("simulated",)))


def info() -> Schema:
    """Return the schema of `info`."""
    calibration = open_ended({"due": {"type": "string", "format": "date"}, "certificate": NAME}, ("due", "certificate"))
    accuracy = {"type": "number", "minimum": 0, "description": "± in its unit, at 25 °C, by the datasheet"}
    quantity = open_ended(
        {"name": NAME, "unit": TEXT, "kind": or_null(TEXT), "accuracy": accuracy, "calibration": calibration},
        ("accuracy", "calibration"),
    )
    sensor = {"id": NAME, "driver": NAME, "every": NUMBER, "sample": NUMBER, "quantities": array(quantity)}
    properties = {
        "schema": {"const": SCHEMA},
        "deviceId": NAME,
        "bootId": NAME,
        "startedAt": TIME,
        "version": TEXT,
        "host": {"type": "object"},
        "sensors": array(open_ended(sensor, ("sample",))),
        "previous": or_null(open_ended({"bootId": or_null(NAME), "lastSeq": or_null(COUNT), "clean": FLAG})),
        "simulated": SIMULATED,
    }
    return titled("What a device of Limpet is", open_ended(properties, ("simulated",)))


def gap() -> Schema:
    """Return the schema of `gap`: a declared hole."""
    first = {"type": "integer", "minimum": 1}
    properties = {"bootId": NAME, "from": first, "to": first, "reason": NAME, "timestamp": TIME}
    return titled("A gap in the batches", open_ended(properties))


def request() -> Schema:
    """Return the schema of what may be sent to `request/<verb>`."""
    first = {"type": "integer", "minimum": 1}
    properties: dict[str, Schema] = {
        "transaction": {**TEXT, "maxLength": 128, "description": "comes back in the response"},
        "sensors": array(NAME, minItems=1, description="of `read`: only these"),
        "breaker": {**NAME, "description": "of `reset`: only this one"},
        "bootId": {**NAME, "description": "of `resend`: the run"},
        "from": {**first, "description": "of `resend`: the first `seq`"},
        "to": {**first, "description": "of `resend`: the last `seq`"},
    }
    return titled("A request", closed(properties, optional=tuple(properties)))


def response() -> Schema:
    """Return the schema of `response/<verb>`."""
    properties: dict[str, Schema] = {"transaction": {}, "status": NAME, "data": {}, "error": {}}
    return titled("A response", open_ended(properties, optional=("transaction", "data", "error")))


def asyncapi() -> Schema:
    """Return an AsyncAPI 3.0 document of the topics, seen from the agent: it sends batches, it receives requests."""
    topics = Topics("{root}", "{deviceId}")
    # Name -> topic, message, retained.
    sent = {
        "status": (topics.status, "status", True),
        "batch": (topics.batch, "batch", False),
        "backfill": (topics.backfill, "batch", False),
        "state": (topics.state, "state", True),
        "health": (topics.health, "health", True),
        "info": (topics.info, "info", True),
        "gap": (topics.gap, "gap", False),
        "response": (topics.response("{verb}"), "response", False),
    }
    channels = {name: _channel(topic, message) for name, (topic, message, _) in sent.items()}
    channels["request"] = _channel(topics.request("{verb}"), "request")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Limpet", "version": str(SCHEMA), "description": "Sensor readings of one device over MQTT"},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": _operations(sent),
        "components": {"messages": _messages()},
    }


def _operations(sent: dict[str, tuple[str, str, bool]]) -> Schema:
    operations = {f"send_{name}": _operation("send", name, m, kept) for name, (_, m, kept) in sent.items()}
    # A response is described as the reply to a request.
    del operations["send_response"]
    reply = {"$ref": "#/channels/response/messages/response"}
    operations["receive_request"] = {
        **_operation("receive", "request", "request", False),
        "reply": {"channel": {"$ref": "#/channels/response"}, "messages": [reply]},
    }
    return operations


def _channel(address: str, message: str) -> Schema:
    known: dict[str, Schema] = {
        "root": {"description": "`topic_root` of the configuration", "default": "limpet"},
        "deviceId": {"description": "`device_id` of the configuration"},
        "verb": {"description": "what is asked for", "enum": list(REQUESTS)},
    }
    return {
        "address": address,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "parameters": {name: text for name, text in known.items() if f"{{{name}}}" in address},
    }


def _operation(action: str, channel: str, message: str, retained: bool) -> Schema:
    mqtt = {"qos": 1, "bindingVersion": "0.2.0"}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
        "bindings": {"mqtt": {**mqtt, "retain": retained} if action == "send" else mqtt},
    }


def _messages() -> Schema:
    payloads = {one.__name__: one() for one in (batch, state, health, info, gap, request, response)}
    messages: Schema = {
        name: {"name": name, "payload": {key: value for key, value in schema.items() if key != "$schema"}}
        for name, schema in payloads.items()
    }
    status = {"type": "string", "enum": ["online", "offline"]}
    messages["status"] = {"name": "status", "contentType": "text/plain", "payload": status}
    return messages
