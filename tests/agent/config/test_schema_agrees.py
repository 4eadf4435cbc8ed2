"""The JSON Schema of the configuration and its reader agree on every driver: what one takes, the other takes."""

from __future__ import annotations

import json
import math
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent import config
from agent.cli import config_writer
from agent.messages import schemas
from drivers import catalog
from drivers.chip.options import AnyOf, ListOf, TableOf, Within

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(ROOT.glob("deploy/**/*.toml"))
OWN = ("pin", "device", "altitude", "port")
# Names of channels, folders and files: only the kernel's rules tell which there can be.
OF_THE_KERNEL = {"channel", "path", "root", "disk"}


@cache
def validator() -> Any:
    return jsonschema.Draft202012Validator(schemas.config())


def toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=True) if isinstance(value, str) else repr(value).lower()


def text_of(sensor: dict[str, Any]) -> str:
    return "[[sensor]]\n" + "".join(f"{name} = {toml(value)}\n" for name, value in sensor.items())


# 1.0 is a whole number to JSON, and none to TOML.
fractions = st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: value != math.floor(value))
letters = st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cs", "Cc"])
anything = st.recursive(
    st.booleans() | st.integers(-(2**40), 2**40) | fractions | st.text(letters, max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inside, max_size=2),
    max_leaves=4,
)


def likely(allowed: Any) -> st.SearchStrategy[Any]:
    """Return values that an option is likely to take."""
    if isinstance(allowed, AnyOf):
        return st.one_of(*map(likely, allowed.kinds))
    if isinstance(allowed, TableOf):
        return st.dictionaries(st.sampled_from(["temperature", "humidity"]), likely(allowed.values), max_size=2)
    if isinstance(allowed, ListOf):
        return st.lists(likely(allowed.items), max_size=4, unique=True)
    if isinstance(allowed, Within):
        ends = [end for end in (allowed.low, allowed.high) if abs(end) < 1e9]
        near = [st.sampled_from([round(end + by, 3) for end in ends for by in (-1, 0, 1)])] if ends else []
        usual = st.integers(0, 60) if allowed.whole else st.floats(0.001, 1000.0)
        return st.one_of(usual, *near)
    values = getattr(allowed, "values", ("20ms", "2h", "0ms", "soon", "28-0000075a1b2c", "3b-0000075A1b2c", ""))
    return st.sampled_from(list(values))


@st.composite
def sensors(draw: Any) -> dict[str, Any]:
    """Return the table of a sensor, often a right one, with any of the options of its driver."""
    name = draw(st.sampled_from(catalog.names()))
    table: dict[str, Any] = {"id": "it", "driver": name}
    options = {}
    for option in catalog.options(catalog.find(name)).values():
        if option.name in OF_THE_KERNEL or not draw(st.booleans() | st.just(option.needed)):
            continue
        value = draw(likely(option.allowed) | anything if draw(st.booleans()) else likely(option.allowed))
        (table if option.name in OWN else options)[option.name] = value
    if draw(st.integers(0, 9)) == 0:
        options[draw(st.sampled_from(["oversamplin", "gain", "pull", "pin"]))] = 1
    if options:
        table["options"] = options
    if draw(st.integers(0, 9)) == 0:
        table[draw(st.sampled_from(["pin", "address", "bus", "device"]))] = draw(st.sampled_from([17, "x", 0x40]))
    return table


def beyond_a_schema(sensor: dict[str, Any]) -> bool:
    """Return whether a mistake lies between two values, which a schema cannot see."""
    options = sensor.get("options", {})
    one_pin = sensor["driver"] == "distance" and options.get("trigger") == options.get("echo")
    # A vote asks other sensors, of which there is none here.
    return (
        one_pin
        or sensor["driver"] == "vote"
        or (sensor["driver"] == "mcp3008" and options.get("select") == 2 and not options.get("port"))
    )


@settings(max_examples=400)
@given(sensors())
@example({"id": "it", "driver": "contact", "pin": 5, "options": {"bounce": "20ms"}})
@example({"id": "it", "driver": "bme280", "options": {"oversampling": True}})
@example({"id": "it", "driver": "scd4x", "altitude": 300, "options": {"pressure": 900}})
@example({"id": "it", "driver": "ads1015", "options": {"data_rate": 860}})
@example({"id": "it", "driver": "motion"})
def test_what_the_schema_takes_the_reader_takes_and_nothing_else(sensor: dict[str, Any]) -> None:
    _, mistakes = config.parse(text_of(sensor))
    wrong = [str(one) for one in mistakes if not one.is_warning]
    is_valid = validator().is_valid({"sensor": [sensor]})
    if not (is_valid and beyond_a_schema(sensor)):
        assert is_valid is not bool(wrong), (sensor, wrong)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_shipped_configuration_is_valid(file: Path) -> None:
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    if not {"sensor", "mqtt", "agent"} & content.keys():
        pytest.skip("a scenario")
    validator().validate(content)


@pytest.mark.parametrize("name", catalog.names())
def test_every_default_is_a_value_that_is_allowed(name: str) -> None:
    for option in catalog.options(catalog.find(name)).values():
        assert option.default is None or option.allowed.holds(option.default), option
        assert option.text, f"{name}: say in Args what {option.name} is"


def test_every_configuration_that_is_written_names_its_schema_in_the_first_line() -> None:
    line = config.SCHEMA_LINE
    assert (ROOT / "deploy/limpet.toml").read_text(encoding="utf-8").splitlines()[0] == line
    assert config_writer.draft([], []).splitlines()[0] == line


@pytest.mark.parametrize(
    "lines",
    [
        {"driver": "sht4x", "derive": ["dew_point", "dew_point"]},
        {"driver": "bme280", "derive": ["sea_level_pressure"]},
        {"driver": "vote", "options": {"of": ["it"]}},
        {"driver": "vote", "options": {"of": ["a", "a"]}},
        {"driver": "vote", "options": {"of": ["a", "b"]}, "sample": "1s"},
        {"driver": "vote", "options": {"of": ["a", "b"]}, "timeout": 1},
        {"driver": "vote", "options": {"of": ["a", "b"]}, "retry": {"attempts": 1}},
    ],
)
def test_what_is_wrong_with_values_and_votes_is_wrong_to_both(lines):
    others = [{"id": name, "driver": "tmp117", "address": 0x48 + n} for n, name in enumerate("ab")]
    sensor = {"id": "it", **lines}
    assert not validator().is_valid({"sensor": [*others, sensor]})
    assert config.parse("".join(map(text_of, [*others, sensor])))[0] is None
