"""What a subscriber takes: everything that the schema allows, nothing that it forbids, and never another error."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published import TIME, batch, gap, info

from agent.messages import blocks, reception, schemas
from agent.messages.fields import NotOurs

VALID = jsonschema.Draft202012Validator(schemas.batch())
WRONG: list[Any] = [None, True, False, 0, -1, 0.5, 1e300, 2**63, 10**400, "", "x", "a\0b", [], [1], {}, {"a": 1}]
PATHS: list[tuple[Any, ...]] = [
    *((name,) for name in batch(1)),
    *(("readings", 0, name) for name in batch(1)["readings"][0]),
    *(("faults", 0, name) for name in batch(1)["faults"][0]),
    ("readings", 0),
    ("faults", 0),
    *(("readings", 0, name) for name in ("timestamp", "age", "reason", "source", "min", "max", "n", "missed")),
    ("unchanged",),
    ("simulated",),
    ("faults", 0, "quantity"),
]


def taken(document: Any) -> reception.BatchReceived | None:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    try:
        return reception.batch(payload, "greenhouse-1")
    except NotOurs:
        return None


def changed(path: tuple[Any, ...], value: Any) -> dict:
    document = batch(1)
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return document


class TestABatch:
    def test_has_its_fields_under_their_names_in_snake_case(self):
        found = taken(batch(7))
        assert (found.device_id, found.boot_id, found.seq) == ("greenhouse-1", "run-a", 7)
        assert found.fields["timestamp"] == TIME
        assert found.faults[0]["retry_after"] == 12.5

    @pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
    def test_is_taken_only_where_each_field_is_right(self, path):
        for value in WRONG:
            document = changed(path, value)
            known = set(schemas.batch()["properties"])
            if path[0] not in known or path[-1] in ("min", "max", "n", "missed", "simulated", "interval"):
                continue
            if taken(document) is not None:
                assert VALID.is_valid(document) or value in ("", "a\0b") or path[-1] in ("schema", "degraded"), value

    @pytest.mark.parametrize("name", list(batch(1)))
    def test_lacks_no_field(self, name):
        document = batch(1)
        del document[name]
        assert taken(document) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"seq": 0}, {"seq": -1}, {"seq": True}, {"seq": 2**63}, {"seq": "1"}, {"seq": 1.5}, {"seq": 1e300},
            {"schema": 2}, {"schema": True}, {"schema": "1"}, {"bootId": ""}, {"bootId": "a\0"},
            {"bootId": "\ud800"}, {"deviceId": "other"}, {"deviceId": None}, {"timestamp": "yesterday"},
            {"timestamp": "2026-13-45T12:00:00.000Z"}, {"timestamp": "2026-11-23T12:00:00.000Z\n"},
            {"clock": "wrong"}, {"trigger": []}, {"interval": 0}, {"interval": True}, {"interval": 10**400},
            {"readings": {}}, {"readings": [1]}, {"readings": None}, {"faults": "no"}, {"degraded": 1},
            {"unavailableSensors": [1]}, {"unchanged": "air"}, {"simulated": "yes"},
        ],
        ids=str,
    )  # fmt: skip
    def test_with_a_wrong_field_is_none(self, change):
        assert taken({**batch(1), **change}) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"value": None}, {"value": "21.4"}, {"value": True}, {"value": 10**400}, {"unit": None},
            {"status": "unavailable"}, {"status": "stale"}, {"status": "suspect"}, {"status": "substituted"},
            {"age": -1}, {"n": 0}, {"n": -1}, {"n": 2**63}, {"min": "x"}, {"missed": 0.5}, {"timestamp": 5},
        ],
        ids=str,
    )  # fmt: skip
    def test_with_a_wrong_reading_is_none(self, change):
        document = batch(1)
        document["readings"][0] |= change
        assert taken(document) is None

    def test_may_have_fields_of_a_later_version(self):
        document = {**batch(1), "moonPhase": {"new": True}}
        document["readings"][0]["colour"] = "red"
        document["faults"][0]["mood"] = None
        assert taken(document) is not None

    @pytest.mark.parametrize(
        "payload",
        [
            b"", b"not json", b"[]", b"null", b"\xff\xfe", b"{", b'{"schema":1}', b"[" * 100_000, b"NaN",
            b'{"seq":' + b"9" * 5000 + b"}", json.dumps(batch(1)).encode().replace(b"21.4", b"NaN"),
            json.dumps(batch(1)).encode().replace(b"21.4", b"-Infinity"),
            json.dumps(batch(1)).encode().replace(b"21.4", b"1e999"),
        ],
        ids=lambda payload: repr(payload[:20]),
    )  # fmt: skip
    def test_is_none_where_the_payload_is_none(self, payload):
        assert taken(payload) is None

    @given(st.binary() | st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
           lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(batch(1))), inner)))  # fmt: skip
    def test_is_taken_or_refused_whatever_comes(self, document):
        taken(document)


class TestABlock:
    def test_has_a_line_for_each_batch(self):
        assert reception.lines(blocks.block([b"1", b"2"])) == [b"1", b"2"]

    @pytest.mark.parametrize("payload", [b"x", b"x\x9c\x03", blocks.block([b"a" * 100])[:-3]])
    def test_that_is_damaged_is_refused(self, payload):
        with pytest.raises(NotOurs):
            reception.lines(payload)


class TestAGap:
    def test_has_a_beginning_and_an_end(self):
        found = reception.gap(json.dumps(gap(3, 2**63 - 1)).encode(), "d")
        assert (found.first, found.last, found.reason) == (3, 2**63 - 1, "full")

    @pytest.mark.parametrize(
        "change",
        [{"from": 9, "to": 3}, {"from": 0}, {"to": 2**63}, {"from": True}, {"from": "1"}, {"reason": None},
         {"bootId": 5}, {"timestamp": "now"}],
        ids=str,
    )  # fmt: skip
    def test_with_a_wrong_field_is_none(self, change):
        with pytest.raises(NotOurs):
            reception.gap(json.dumps({**gap(3, 9), **change}).encode(), "d")


class TestInfo:
    def test_says_how_the_run_before_ended(self):
        document = info("b", {"bootId": "a", "lastSeq": 7, "clean": True})
        found = reception.info(json.dumps(document).encode(), "greenhouse-1")
        assert (found.boot_id, found.previous, found.last_seq, found.clean) == ("b", "a", 7, True)

    @pytest.mark.parametrize(
        "previous",
        [None, {"bootId": None, "lastSeq": None, "clean": False}, {"bootId": "a", "lastSeq": None, "clean": False}],
    )
    def test_may_know_nothing_of_it(self, previous):
        found = reception.info(json.dumps(info("b", previous)).encode(), "greenhouse-1")
        assert found.last_seq is None

    @pytest.mark.parametrize(
        "previous",
        [5, [], {}, {"bootId": "a", "lastSeq": -1, "clean": True}, {"bootId": "a", "lastSeq": 1, "clean": 1},
         {"bootId": "b", "lastSeq": 1, "clean": True}],
        ids=str,
    )  # fmt: skip
    def test_with_a_wrong_field_is_none(self, previous):
        with pytest.raises(NotOurs):
            reception.info(json.dumps(info("b", previous)).encode(), "greenhouse-1")
