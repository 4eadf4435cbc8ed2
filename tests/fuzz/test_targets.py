"""Whatever strangers send: a finite number, a named error, a clear mistake; never anything else."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.agent.brokers import packet

from . import targets
from .run import NAMES

ROOT = Path(__file__).parents[2]
budget = settings(max_examples=150)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """Let no refusal of thousands be logged."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module", autouse=True)
def _home() -> Any:
    """Stop the agent that answered the requests."""
    yield
    if targets.home.cache_info().currsize:
        targets.home().close()


# --- configuration

CONFIGURATION = (ROOT / "tests/agent/config/golden/mistakes.toml").read_text(encoding="utf-8")
WORDS = sorted({*CONFIGURATION.split(), "[[sensor]]", "[mqtt]", "=", '"', "inf", "nan", "1e400", "0x", "{", "}", "\n"})


@st.composite
def texts(draw: Any, text: str = CONFIGURATION) -> str:
    """Return a text of which something was cut, put elsewhere or replaced."""
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 40))
        text = text[:at] + draw(st.sampled_from(WORDS) | st.text(max_size=6)) + text[at + length :]
    return text


@budget
@given(texts() | st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join))
@example("[[sensor]]\nid='a'\ndriver='bme280'\naddress=" + "9" * 5000)
@example("[[sensor]]\nid='a'\ndriver='bme280'\nlimits.temperature=[0, 1" + "0" * 400 + "]")
@example("a=" + "[" * 5000)
def test_a_configuration_is_read_or_its_mistakes_are_told(text: str) -> None:
    targets.configuration(text.encode("utf-8", "replace"))


VALUES = ["1", "-1", "0", '"5s"', '"x"', "[]", "{}", "[1]", "{ mean = 1 }", "true", "1e400", "nan", '"air"', '"-1h"']
FIELDS = [
    "at",
    "for",
    "every",
    "sensor",
    "bus",
    "broker",
    "disk",
    "process",
    "kind",
    "rate",
    "delay",
    "by",
    "temperature",
]
fields = st.tuples(st.sampled_from(FIELDS), st.sampled_from(VALUES)).map(" = ".join)
tables = st.tuples(st.sampled_from(["[[fault]]", "[[weather]]", "seed = 1", "[fault]"]), st.lists(fields, max_size=6))
SCENARIO = (ROOT / "deploy/scenarios/bad-wire.toml").read_text(encoding="utf-8")


@budget
@given(
    st.lists(tables.map(lambda one: "\n".join([one[0], *one[1]]))).map("\n".join)
    | texts(SCENARIO)
    | st.text(max_size=60)
)
@example('[[weather]]\nsensor = ["air"]')
@example('[[fault]]\nat = "5s"\nsensor = {}\nkind = "nack"')
@example("fault = 1\nweather = [1]")
def test_a_scenario_is_read_or_its_mistakes_are_told(text: str) -> None:
    targets.scenario(text.encode("utf-8", "replace"))


# --- requests

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["air", "bus:i2c-1"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["transaction", "sensors", "breaker", "bootId", "from", "to", "other"])


@settings(max_examples=60)
@given(st.integers(0, 4), st.dictionaries(KEYS, values, max_size=4).map(json.dumps).map(str.encode) | st.binary())
@example(0, b'{"sensors": [["air"]]}')
@example(1, b'{"breaker": ["air"]}')
@example(3, b'{"bootId": "x", "from": 1, "to": 1e308}')
@example(3, json.dumps({"bootId": "x", "from": 1, "to": 10**60}).encode())
@example(2, b'{"transaction": "\\ud800"}')
def test_a_request_gets_one_answer(name: int, payload: bytes) -> None:
    targets.request(bytes([name]) + payload)


# --- http

HEADS = ("GET", "POST", " ", "/", "/metrics", "//", "http://a", "HTTP/1.1", "HTTP/1.0", "\r\n", ":", "\0", "é")
HEADERS = ("Host: ", "Host: localhost\r\n", "Content-Length: 9", "Transfer-Encoding: chunked", "Upgrade: x")
heads = st.lists(st.sampled_from(HEADS + HEADERS))


@budget
@given(heads.map("".join).map(str.encode) | st.binary() | st.binary().map(lambda tail: b"GET / HTTP/1.1\r\n" + tail))
@example(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n")
@example(b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n")
@example(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
def test_a_browser_gets_an_answer_of_http(data: bytes) -> None:
    targets.http(data)


# --- chips and the kernel's sensors


@pytest.mark.parametrize("name", targets.I2C_DRIVERS)
@settings(max_examples=40)
@given(st.booleans(), st.integers(0, 3), st.binary(max_size=120))
def test_a_chip_that_answers_anything_is_told_in_finite_numbers_or_refused(
    name: str, known: bool, way: int, data: bytes
) -> None:
    number = targets.I2C_DRIVERS.index(name)
    first = number + known * len(targets.I2C_DRIVERS) * -(-(128 - number) // len(targets.I2C_DRIVERS))
    targets.chip(bytes([first % 256, way]) + data)


numbers = st.sampled_from([b"21500", b"-1", b"1e400", b"nan", b"inf", b"-inf", b"0x10", b"1 2", b"", b"\n", b"9" * 400])
TEMPERATURES = (b"t=21500", b"t=85000", b"t=-127", b"t=", b"t=nan", b"crc=00 YES", b"crc=00 NO", b"\n", b": ")
temperatures = st.sampled_from(TEMPERATURES)


@settings(max_examples=80)
@given(
    st.lists(numbers | st.binary(max_size=12).map(lambda text: text.replace(b"\xff", b"")), min_size=1, max_size=6).map(
        b"\xff".join
    )
    | st.lists(temperatures, max_size=6).map(b"".join)
)
def test_a_file_of_the_kernel_is_told_in_finite_numbers_or_refused(data: bytes) -> None:
    targets.kernel(data)


# --- the broker

packets = st.builds(packet, st.integers(0, 15), st.binary(max_size=24), st.integers(0, 15))


def answers(code: int) -> st.SearchStrategy[bytes]:
    """Return whole packets with a reason code."""
    identified = (packet(kind, bytes([0, 2, 0, code])) for kind in (9, 11))
    alone = (packet(kind, bytes([code, 0])) for kind in (14, 15))
    published = packet(3, b"\0\1a\0x", 2 * (code % 4))
    return st.sampled_from(
        [packet(2, bytes([0, code, 0])), packet(4, bytes([0, 1, code, 0])), published, *identified, *alone]
    )


def with_properties(kind: int, head: bytes, properties: bytes, rest: bytes) -> bytes:
    """Return a packet with any bytes where its properties stand."""
    return packet(kind, head + bytes([len(properties)]) + properties + rest)


codes = st.integers(0, 255).flatmap(answers)
# Names of properties, numbers and short texts, in any order.
PARTS = [bytes([one]) for one in (0x01, 0x03, 0x08, 0x09, 0x0B, 0x11, 0x12, 0x13, 0x1F, 0x21, 0x24, 0x25, 0x26, 0x27)]
blocks = st.lists(st.sampled_from([*PARTS, b"\0\0", b"\0\1a", b"\xff\xff\xff\xff", b"\1"]), max_size=6).map(b"".join)
described = st.one_of(
    st.builds(with_properties, st.just(3), st.just(b"\0\1a"), blocks, st.binary(max_size=3)),
    st.builds(with_properties, st.just(2), st.just(b"\0\0"), blocks, st.just(b"")),
)
admitted = st.just(targets.CONNACK) | st.just(b"")


@budget
@given(
    st.sampled_from([b"\0", b"\1"]),
    admitted,
    st.lists(packets | codes | described, max_size=4).map(b"".join) | st.binary(max_size=64),
)
@example(b"\0", b"", b"HTTP/1.1 400 Bad Request\r\n\r\n")
@example(b"\0", targets.CONNACK, b"\x30\xff\xff\xff\x7f")
@example(b"\0", targets.CONNACK, packet(3, b"\0\2\xff\xfe\0x"))
def test_a_broker_that_sends_anything_is_left_or_listened_to(version: bytes, first: bytes, data: bytes) -> None:
    targets.broker(version + first + data)


@budget
@given(st.binary() | st.binary().map(lambda data: b"\x78\x9c" + data))
def test_a_block_has_lines_or_is_none(data: bytes) -> None:
    targets.block(data)


def test_every_target_can_be_fuzzed_by_the_command() -> None:
    assert set(NAMES) == set(targets.TARGETS)
