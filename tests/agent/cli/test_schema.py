"""The schemas: they say what is read and written, and nothing else."""

import json
import math
from dataclasses import fields
from typing import Any

import jsonschema
import pytest

from agent import config
from agent.cli import schema as command
from agent.clock import rfc3339
from agent.config.kinds import Duration, Size
from agent.config.mistakes import Wrong
from agent.config.shapes import Listen, Table, Tables, keys
from agent.messages import payloads, schemas
from agent.model import Batch, Fault, Reading

NOW = 1_795_000_000.0
HEALTH = {
    "schema": 1,
    "deviceId": "d",
    "bootId": "b",
    "timestamp": rfc3339(NOW),
    "degraded": False,
    "breakers": {"air": {"state": "closed", "failures": 0, "retryAfter": None, "since": rfc3339(NOW)}},
    "sensors": {"air": {"status": "ok", "error": None, "since": None, "lastOk": rfc3339(NOW)}},
    "broker": {"connected": True, "since": rfc3339(NOW), "error": None},
    "outbox": {"durability": "outage", "waiting": 0, "bytes": 0, "oldest": None, "dropped": 0, "storage": "ok"},
    "clock": {"synced": True},
    "process": {"uptime": 1.5, "rss": 1, "cpu": 0.5},
    "rounds": {"late": 0, "skipped": 0},
}


def valid(document: Any, schema: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(document)


def a_batch() -> dict[str, Any]:
    readings = (
        Reading("air", "temperature", 21.4, "°C"),
        Reading("tank", "distance", 3, "mm", "stale", age=3.0),
        Reading("door", "state", 1.0, "", "suspect", reason="above 0"),
        Reading("roof", "temperature", 2.0, "°C", "substituted", source="air"),
    )
    fault = Fault("soil", "NoAcknowledge", "i2c-1: nobody at 0x44", 3, "open", 12.5, NOW)
    batch = Batch(NOW, "interval", 10.0, ("air", "tank", "door", "roof", "soil"), readings, (fault,))
    return payloads.batch(batch, device_id="d", boot_id="b", seq=1, synced=False, stamp=rfc3339)


class TestTheBatch:
    def test_as_the_agent_writes_it_is_valid(self):
        jsonschema.validate(a_batch(), schemas.batch(), jsonschema.Draft202012Validator)
        later = json.loads(payloads.historical(payloads.encode(a_batch()), rfc3339(NOW + 1)))
        jsonschema.validate(later, schemas.batch(), jsonschema.Draft202012Validator)

    @pytest.mark.parametrize(
        "name", [name for name in schemas.batch()["properties"] if name not in ("unchanged", "historical", "simulated")]
    )
    def test_without_one_of_its_fields_is_not(self, name):
        batch = a_batch()
        del batch[name]
        assert not valid(batch, schemas.batch())

    @pytest.mark.parametrize(
        "change",
        [
            {"device_id": "d"},
            {"seq": 0},
            {"interval": 0},
            {"timestamp": "2026-11-23 12:00:00"},
            {"historical": False},
            {"clock": "wrong"},
            {"readings": [{"sensorId": "a", "quantity": "t", "value": None, "unit": "", "status": "ok"}]},
            {"readings": [{"sensorId": "a", "quantity": "t", "value": 1, "unit": "", "status": "stale"}]},
            {"readings": [{"sensorId": "a", "quantity": "t", "value": 1, "unit": "", "status": "unavailable"}]},
        ],
    )
    def test_that_is_not_as_promised_is_not_valid(self, change):
        assert not valid({**a_batch(), **change}, schemas.batch())


class TestTheConfiguration:
    @staticmethod
    def tables(table: Any, schema: Any, way: str = ""):
        """Yield each dataclass with its schema."""
        yield way, table, schema
        for name, _, kind in keys(table):
            if isinstance(kind, Table):
                yield from TestTheConfiguration.tables(kind.into, schema["properties"][name], f"{way}.{name}")
            if isinstance(kind, Tables):
                yield from TestTheConfiguration.tables(kind.into, schema["properties"][name]["items"], f"{way}.{name}")

    def test_has_every_field_and_no_other(self):
        derived = {"derive_altitude", "explicit_timeout", "file", "warnings"}
        for way, table, schema in self.tables(config.Config, schemas.config()):
            names = {one.metadata.get("name") or one.name for one in fields(table)} - derived
            assert set(schema["properties"]) == names, way
            assert schema["additionalProperties"] is False

    def test_describes_every_field(self):
        for way, _, schema in self.tables(config.Config, schemas.config()):
            assert all("description" in one for one in schema["properties"].values()), way

    @pytest.mark.parametrize(
        ("document", "is_valid"),
        [
            ({"sensor": [{"id": "air", "driver": "bme280", "every": "10s", "retry": {"attempts": 5}}]}, True),
            ({"sensor": [{"id": "air", "driver": "bme280", "fallback": "sensor:x", "limits": {"t": [1, 2]}}]}, True),
            ({"mqtt": {"version": "3.1.1", "tls": {}}, "web": {"listen": "[::1]:80"}}, True),
            ({"sensor": [{"id": "air"}]}, False),
            ({"sensor": [{"id": "Air", "driver": "bme280"}]}, False),
            ({"sensor": [{"id": "air", "driver": "bme280", "fallback": "lastly"}]}, False),
            ({"sensor": [{"id": "air", "driver": "bme280", "every": "10 apples"}]}, False),
            ({"mqtt": {"version": 3}}, False),
            ({"mqtt": {"breaker": {"multiplier": math.inf}}}, False),
            ({"sensor": [{"id": "air", "driver": "bme280", "limits": {"t": [0, math.inf]}}]}, False),
            ({"sensor": [{"id": "air", "driver": "bme280", "calibrate": {"t": {"offset": -math.inf}}}]}, False),
            ({"mqqt": {}}, False),
            ({"mqtt": {"host": "x:1883"}}, False),
            ({"mqtt": {"host": "fe80::1%eth0"}}, True),
            ({"mqtt": {"port": 1883.5}}, False),
            ({"mqtt": {"topic_root": "x" * 129}}, False),
            ({"agent": {"device_id": "x" * 128}}, True),
            ({"sensor": [{"id": "broker", "driver": "bme280"}]}, False),
            ({"sensor": [{"id": "brokers", "driver": "bme280"}]}, True),
        ],
    )
    def test_is_as_strict_as_the_reader(self, document, is_valid):
        assert valid(document, schemas.config()) is is_valid

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            *((Duration(), one) for one in (0, 0.0, "0s", "0.00 h", math.inf, -1, 1e30, "1w", "1\u0663s", "", ".5s")),
            *((Duration(), one) for one in (10, 0.5, "10s", "0.5h", "00.10 d", " 20ms ", "100m")),
            *((Size(), one) for one in (0, "0MB", "0.0 B", math.inf, 2**62, -1, "64 potatoes")),
            *((Size(), one) for one in (1, "64MB", "0.5 KiB", "10B")),
            *((Listen(), one) for one in ("a:0", "a:00", "a:65536", "a:99999", "a:070000", "a:x", "::1:80", "[]:1")),
            *((Listen(), one) for one in ("a:1", "a:65535", "a:080", "[::1]:59999", "a:9999", "a:60000", "a:65499")),
        ],
    )
    def test_says_of_a_value_what_the_reader_says(self, kind, value):
        try:
            kind.read(value)
        except Wrong:
            assert not valid(value, kind.schema())
        else:
            assert valid(value, kind.schema())


class TestHealth:
    def test_is_open_to_additions_where_the_contract_is(self):
        more = {**HEALTH, "clock": {"synced": True, "offset": 1.0}, "buses": {}}
        jsonschema.validate(more, schemas.health(), jsonschema.Draft202012Validator)

    @pytest.mark.parametrize("name", list(HEALTH))
    def test_needs_all_of_it(self, name):
        assert not valid({key: value for key, value in HEALTH.items() if key != name}, schemas.health())


class TestARequest:
    @pytest.mark.parametrize(
        ("document", "is_valid"),
        [
            ({}, True),
            ({"transaction": "1", "sensors": ["air"]}, True),
            ({"breaker": "air"}, True),
            ({"bootId": "b", "from": 1, "to": 9}, True),
            ({"bootID": "b"}, False),
            ({"sensors": []}, False),
            ({"from": 0}, False),
            ({"transaction": "x" * 129}, False),
        ],
    )
    def test_has_the_keys_of_the_four_verbs_and_no_others(self, document, is_valid):
        assert valid(document, schemas.request()) is is_valid


class TestAsyncApi:
    def test_every_reference_leads_somewhere(self):
        document = schemas.asyncapi()

        def references(value: Any):
            if isinstance(value, dict):
                if "$ref" in value:
                    yield value["$ref"]
                for one in value.values():
                    yield from references(one)
            if isinstance(value, list):
                for one in value:
                    yield from references(one)

        for reference in set(references(document)):
            place = document
            for part in reference.removeprefix("#/").split("/"):
                place = place[part]

    def test_knows_every_topic_of_the_contract(self):
        addresses = {one["address"] for one in schemas.asyncapi()["channels"].values()}
        names = ("status", "batch", "backfill", "state", "health", "info", "gap", "request/{verb}", "response/{verb}")
        assert addresses == {f"{{root}}/{{deviceId}}/{name}" for name in names}

    def test_declares_each_parameter_of_an_address(self):
        for channel in schemas.asyncapi()["channels"].values():
            assert all(f"{{{name}}}" in channel["address"] for name in channel["parameters"])
            assert channel["address"].count("{") == len(channel["parameters"])

    def test_retains_what_the_contract_retains(self):
        operations = schemas.asyncapi()["operations"]
        kept = {name for name, one in operations.items() if one["bindings"]["mqtt"].get("retain")}
        assert kept == {"send_status", "send_state", "send_health", "send_info"}

    def test_has_valid_payloads_and_only_fields_of_asyncapi_3(self):
        document = schemas.asyncapi()
        assert document["asyncapi"] == "3.0.0"
        assert set(document) <= {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations",
                                 "components"}  # fmt: skip
        assert {"title", "version"} <= set(document["info"])
        for operation in document["operations"].values():
            assert operation["action"] in ("send", "receive")
            assert set(operation) <= {"action", "channel", "messages", "bindings", "reply"}
        for message in document["components"]["messages"].values():
            jsonschema.Draft202012Validator.check_schema(message["payload"])


@pytest.mark.parametrize("name", command.DOCUMENTS)
def test_each_schema_is_one_of_draft_2020_12(name):
    document = command.DOCUMENTS[name]()
    if name != "asyncapi":
        assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        jsonschema.Draft202012Validator.check_schema(document)
