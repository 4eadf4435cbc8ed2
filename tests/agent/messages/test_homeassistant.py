"""Home Assistant's discovery: what the document says, what its templates make of `state`, and how things vanish."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whole import FILE, whole

from agent.messages import homeassistant
from agent.messages.topics import Topics
from agent.service.announcer import BIRTH_WITHIN
from drivers.catalog import find, names
from drivers.chip import Quantity
from drivers.kernel.channels import HWMON, IIO

TOPIC = "homeassistant/device/limpet_pi/config"
TOPICS = Topics("limpet", "pi")
DISCOVERED = FILE + "[homeassistant]\ndiscovery = true\n"

# Device class -> units, as in homeassistant/components/sensor/const.py of 2025.1, as far as we use them.
UNITS = {
    "temperature": "°C",
    "humidity": "%",
    "atmospheric_pressure": "hPa",
    "pressure": "hPa",
    "illuminance": "lx",
    "carbon_dioxide": "ppm",
    "volatile_organic_compounds_parts": "ppb",
    "distance": "mm",
    "voltage": "V",
    "current": "A",
    "power": "W",
    "energy": "J",
    "battery": "%",
    "frequency": "Hz",
    **dict.fromkeys(("pm1", "pm25", "pm10"), "µg/m³"),
    "aqi": None,
}
KEYS = {"platform", "unique_id", "name", "value_template", "availability", "availability_mode", "qos", "device_class",
        "entity_category", "state_class", "unit_of_measurement", "suggested_display_precision"}  # fmt: skip


def sensor(name: str, *quantities: Quantity, driver: str = "x") -> SimpleNamespace:
    return SimpleNamespace(id=name, driver=driver, quantities=quantities)


def document(*sensors: SimpleNamespace, **more) -> dict:
    return homeassistant.discovery(sensors, TOPICS, version="1.2.3", model="Pi", **more)


def every_quantity() -> list[tuple[str, Quantity]]:
    known = [(name, quantity) for name in names() for quantity in find(name).quantities]
    kernel = [("iio", Quantity(name, unit, kind)) for _, name, unit, kind, _ in (*IIO, *HWMON)]
    return known + kernel


class TestTheDocument:
    def test_has_a_device_an_origin_and_a_state_topic(self):
        made = document()
        assert made["device"]["identifiers"] == ["limpet_pi"]
        assert made["device"]["sw_version"] == made["origin"]["sw_version"] == "1.2.3"
        assert made["origin"]["name"] == "limpet"
        assert made["state_topic"] == "limpet/pi/state"

    def test_tells_degraded_as_a_diagnostic_problem(self):
        degraded = document()["components"]["degraded"]
        assert (degraded["platform"], degraded["device_class"]) == ("binary_sensor", "problem")
        assert degraded["entity_category"] == "diagnostic"
        assert degraded["unique_id"] == "limpet/pi/degraded"

    @pytest.mark.parametrize(("driver", "quantity"), every_quantity())
    def test_says_of_every_driver_only_what_home_assistant_allows(self, driver, quantity):
        made = document(sensor("s", quantity, driver=driver))["components"][f"s_{quantity.name}"]
        assert made["unique_id"] == f"limpet/pi/s/{quantity.name}"
        assert made["qos"] == 1
        assert set(made) <= KEYS
        if made["platform"] == "sensor":
            assert made.get("device_class") is None or UNITS[made["device_class"]] == made.get("unit_of_measurement")
            assert made["state_class"] in ("measurement", "total_increasing")
            digits = made["suggested_display_precision"]
            assert (
                quantity.step == 0 or 10.0**-digits <= quantity.step * 1.000001 or digits in (0, homeassistant.FINEST)
            )
        else:
            assert made.get("device_class") in (None, *homeassistant.BINARY)
            assert not {"state_class", "unit_of_measurement"} & set(made)

    def test_takes_an_entity_as_available_only_while_both_agent_and_sensor_are(self):
        made = document(sensor("s", Quantity("temperature", "°C", "temperature")))["components"]["s_temperature"]
        assert made["availability_mode"] == "all"
        assert len(made["availability"]) == 2

    def test_makes_a_contact_a_binary_sensor_and_a_charge_none(self):
        made = document(sensor("s", Quantity("state"), Quantity("charge", "%", "battery")))["components"]
        assert made["s_state"]["platform"] == "binary_sensor"
        assert made["s_charge"]["platform"] == "sensor"

    def test_counts_up(self):
        for name in ("count", "energy"):
            made = document(sensor("s", Quantity(name)))["components"][f"s_{name}"]
            assert made["state_class"] == "total_increasing"

    def test_parts_names_that_differ_in_letters_home_assistant_does_not_take(self):
        names = ["pi.local", "pi_local", "pi local", "温室", "теплица", "pi-local"]
        assert len({homeassistant.topic("homeassistant", name) for name in names}) == len(names)
        digest = hashlib.sha256(b"pi.local").hexdigest()[:8]
        assert homeassistant.topic("ha", "pi.local") == f"ha/device/limpet_pi_local_{digest}/config"

    def test_keeps_two_quantities_apart_whose_joined_names_are_the_same(self):
        pairs = (("solar", "bus_voltage"), ("solar_bus", "voltage"))
        made = document(*(sensor(name, Quantity(quantity, "V")) for name, quantity in pairs))["components"]
        ids = [one["unique_id"] for one in made.values()]
        assert len(ids) == len(set(ids))
        assert {"limpet/pi/solar/bus_voltage", "limpet/pi/solar_bus/voltage"} <= set(ids)

    @given(st.lists(st.tuples(st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True),
                              st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)), unique=True))  # fmt: skip
    def test_never_joins_two_quantities_or_an_agent_s_entity(self, pairs):
        made = document(*(sensor(name, Quantity(quantity)) for name, quantity in pairs), breakers=["air", "bus:i2c-1"])
        ids = [one["unique_id"] for one in made["components"].values()]
        assert len(set(ids)) == len(ids) == len(pairs) + len(document(breakers=["air", "bus:i2c-1"])["components"])

    def test_tells_how_the_agent_is(self):
        made = document(breakers=["air", "bus:i2c-1", "broker"])["components"]
        problems = {one["name"] for one in made.values() if one.get("device_class") == "problem"}
        assert problems == {"degraded", "clock", "breaker air", "breaker bus:i2c-1", "breaker broker"}
        assert {one["name"] for one in made.values()} - problems == {"outbox waiting", "outbox oldest"}
        assert all(one["entity_category"] == "diagnostic" for one in made.values())

    @pytest.mark.parametrize(("allowed", "there"), [((), False), (("reset",), False), (("reset", "read"), True)])
    def test_has_a_button_that_reads_where_that_is_allowed(self, allowed, there):
        buttons = [one for one in document(allowed=allowed)["components"].values() if one["platform"] == "button"]
        assert [one["command_topic"] for one in buttons] == ["limpet/pi/request/read"] * there
        assert all(json.loads(one["payload_press"]) == {} for one in buttons)

    @pytest.mark.parametrize("device", ["pi", "pi.local", "grüne hütte"])
    def test_goes_to_a_topic_that_home_assistant_takes(self, device):
        import re

        pattern = r"homeassistant/device/[a-zA-Z0-9_-]+/config"
        assert re.fullmatch(pattern, homeassistant.topic("homeassistant", device))


OK = {
    "degraded": False,
    "sensors": {"air": {"status": "ok", "temperature": 21.4}, "door": {"status": "ok", "state": 1}},
}
GONE = {
    "degraded": True,
    "sensors": {
        "air": {"status": "unavailable", "temperature": None},
        "door": {"status": "unavailable", "state": None},
    },
}
OTHERS = {"degraded": True, "sensors": {}}


class TestItsTemplates:
    @pytest.fixture
    def render(self):
        jinja2 = pytest.importorskip("jinja2")
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
        made = document(sensor("air", Quantity("temperature", "°C", "temperature")), sensor("door", Quantity("state")))

        def rendered(key: str, state: dict) -> tuple[str, ...]:
            component = made["components"][key]
            templates = [component["value_template"]]
            templates += [one["value_template"] for one in component.get("availability", []) if "value_template" in one]
            return tuple(environment.from_string(one).render(value_json=state) for one in templates)

        return rendered

    def test_show_what_was_measured(self, render):
        assert render("air_temperature", OK) == ("21.4", "online")
        assert render("door_state", OK) == ("ON", "online")
        assert render("door_state", {"sensors": {"door": {"status": "stale", "state": 0.0}}}) == ("OFF", "online")
        assert render("degraded", OK) == ("OFF",)

    def test_show_what_is_there_of_a_sensor_of_which_a_part_is_missing(self):
        jinja2 = pytest.importorskip("jinja2")
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
        state = {"sensors": {"air": {"status": "partial", "temperature": 21.4, "gas_resistance": None}}}
        made = document(sensor("air", Quantity("temperature", "°C"), Quantity("gas_resistance", "Ω")))["components"]

        def available(key: str) -> str:
            return environment.from_string(made[key]["availability"][1]["value_template"]).render(value_json=state)

        assert available("air_temperature") == "online"
        assert available("air_gas_resistance") == "offline"

    @pytest.mark.parametrize(
        ("health", "shown"),
        [
            ({"breakers": {"bus:it's": {"state": "open"}}, "clock": {"synced": False},
              "outbox": {"waiting": 3, "oldest": "2026-11-23T12:00:00.000Z"}},
             ("ON", "ON", "3", "2026-11-23T12:00:00.000Z")),
            ({"breakers": {}, "clock": {"synced": True}, "outbox": {"waiting": 0, "oldest": None}},
             ("OFF", "OFF", "0", "None")),
        ],
    )  # fmt: skip
    def test_show_how_the_agent_is(self, health, shown):
        jinja2 = pytest.importorskip("jinja2")
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
        made = {one["name"]: one for one in document(breakers=["bus:it's"])["components"].values()}
        names = ("breaker bus:it's", "clock", "outbox waiting", "outbox oldest")
        assert all(made[name]["state_topic"] == TOPICS.health for name in names)
        templates = [environment.from_string(made[name]["value_template"]) for name in names]
        assert tuple(one.render(value_json=health) for one in templates) == shown

    @pytest.mark.parametrize("state", [GONE, OTHERS])
    def test_show_nothing_for_a_sensor_that_failed_or_is_not_there(self, render, state):
        assert render("air_temperature", state) == ("None", "offline")
        assert render("door_state", state) == ("None", "offline")
        assert render("degraded", state) == ("ON",)


class TestWhatIsGone:
    def test_is_named_with_its_platform_only_until_it_comes_back(self):
        announcement = homeassistant.Announcement()
        air, tank = sensor("air", Quantity("temperature")), sensor("tank", Quantity("distance"))
        announcement.update({TOPIC: document(air, tank)})
        without = announcement.update({TOPIC: document(air)})[TOPIC]["components"]
        assert without["tank_distance"] == {"platform": "sensor"}
        assert announcement.update({TOPIC: document(air)})[TOPIC]["components"] == without
        assert announcement.update({TOPIC: document(air, tank)})[TOPIC] == document(air, tank)

    def test_is_taken_back_once_when_the_whole_device_is_gone(self):
        announcement = homeassistant.Announcement()
        announcement.update({TOPIC: document()})
        assert announcement.update({}) == {TOPIC: {}}
        assert announcement.update({}) == {}


class TestTheAgent:
    def test_introduces_itself_and_its_present(self, runner):
        async def live() -> None:
            async with whole(DISCOVERED) as home:
                made = json.loads(home.broker.retained[TOPIC])
                quantities = {"degraded", "air_temperature", "air_humidity", "door_state"}
                breakers = {f"Breaker_{homeassistant.spelt(name)}" for name in home.agent.status.breakers()}
                assert set(made["components"]) == quantities | breakers | {"Outbox_waiting", "Outbox_oldest", "Clock"}

        runner.run(live())

    def test_says_nothing_unless_told(self, runner):
        async def live() -> None:
            async with whole() as home:
                assert not [one for one in home.broker.retained if one.startswith("homeassistant/")]

        runner.run(live())

    def test_introduces_itself_again_with_fresh_values_when_home_assistant_starts(self, runner):
        async def live() -> None:
            async with whole(DISCOVERED) as home:
                before = len(home.broker.received)
                home.broker.send("homeassistant/status", b"offline")
                home.broker.send("homeassistant/status", b"online")
                await home.settle(BIRTH_WITHIN + 0.5)
                told = [one.topic for one in home.broker.received[before:]]
                assert told == ["limpet/pi/info", TOPIC, "limpet/pi/state", "limpet/pi/status"]

        runner.run(live())

    def test_takes_a_sensor_back_when_a_reload_removes_it(self, runner):
        async def live() -> None:
            async with whole(DISCOVERED) as home:
                await home.reload(DISCOVERED.replace('id = "door"', 'id = "gate"'))
                components = json.loads(home.broker.retained[TOPIC])["components"]
                assert components["door_state"] == {"platform": "binary_sensor"}
                assert components["gate_state"]["unique_id"] == "limpet/pi/gate/state"

        runner.run(live())

    def test_takes_the_device_back_when_a_reload_switches_discovery_off(self, runner):
        async def live() -> None:
            async with whole(DISCOVERED) as home:
                await home.reload(FILE)
                assert home.broker.retained[TOPIC] == b""

        runner.run(live())

    def test_tells_quantities_that_are_known_only_after_the_first_round(self, runner):
        async def live() -> None:
            async with whole(DISCOVERED) as home:
                chip = home.agent.assembly.sensors[0].chip
                chip.quantities = (*chip.quantities, Quantity("dew_point", "°C", "temperature"))
                await home.settle(10.0)
                assert "air_dew_point" in json.loads(home.broker.retained[TOPIC])["components"]

        runner.run(live())
