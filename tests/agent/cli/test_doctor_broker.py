"""The doctor's visit to the broker: as the agent, with a cure for each refusal."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from brokers import PUBLISH, SUBSCRIBE, BrokerInThread, packet, text

from agent.broker import Address, BrokerLost, BrokerRefused, TlsProblem, Will, WrongPort
from agent.cli.doctor import network, visit
from agent.cli.doctor.checks import BROKEN, OK, SKIPPED, WARNING, Site
from agent.cli.doctor.cures import NO_NAME, TLS, cure
from agent.config import parse
from agent.outbox.sqlite import SqliteStore
from agent.outbox.store import Item, Row

THERE = Address("broker.local", 1883, "limpet-pi", username="pi")


@pytest.fixture
def broker():
    with BrokerInThread() as scripted:
        yield scripted


@pytest.fixture
def examine(broker, tmp_path, monkeypatch):
    """Return a function that lets the doctor visit the broker: {check: (level, text and cure)}."""

    monkeypatch.setattr(visit, "RETAINED", 0.1)

    def look(text: str = "", more: str = "", host: str = '"127.0.0.1"') -> dict[str, tuple[str, str]]:
        whole = f'[agent]\ndevice_id = "pi"\n[mqtt]\nhost = {host}\nport = {broker.port}\n{text}\n{more}'
        settings, mistakes = parse(whole, tmp_path / "limpet.toml")
        assert settings is not None, mistakes
        site = Site(settings, {"STATE_DIRECTORY": str(tmp_path)}, tmp_path)
        return {one.check: (one.level, f"{one.text} / {one.cure}") for one in network.broker(site)}

    return look


class TestAVisit:
    def test_is_as_the_agents(self, broker, examine):
        found = examine(more='[commands]\nallow = ["read"]\n[homeassistant]\ndiscovery = true\n')
        assert {level for level, _ in found.values()} == {OK}
        asking, connect = broker.connects
        assert (asking.client_id, asking.will) == ("limpet-pi-doctor", None)
        assert (connect.client_id, connect.will) == ("limpet-pi", ("limpet/pi/status", b"offline"))
        assert broker.subscribed == ["limpet/pi/status", "limpet/pi/request/read", "homeassistant/status"]
        assert [(one.topic, one.retain) for one in broker.published][1] == ("limpet/pi/status", True)
        assert all(broker.left.acquire(timeout=5) for _ in range(2))

    def test_leaves_an_agent_alone_that_is_online_elsewhere(self, broker, examine):
        serve = broker._packet

        def retaining(head, body, writer, version):
            serve(head, body, writer, version)
            if head >> 4 == SUBSCRIBE and broker.subscribed[-1] == "limpet/pi/status":
                writer.write(packet(PUBLISH, text("limpet/pi/status") + b"\0online", 1))

        broker._packet = retaining
        assert examine()["broker"][0] == OK
        assert {one.client_id for one in broker.connects} == {"limpet-pi-doctor"}
        assert {one.topic for one in broker.published} == {"limpet/pi/response/doctor"}

    def test_leaves_a_connected_service_alone(self, broker, examine, tmp_path):
        health = tmp_path / "run/limpet/health.json"
        health.parent.mkdir(parents=True)
        health.write_text(json.dumps({"broker": {"connected": True}}))
        examine()
        (connect,) = broker.connects
        assert (connect.client_id, connect.will[0]) == ("limpet-pi-doctor", "limpet/pi/response/doctor")
        assert {one.topic for one in broker.published} == {"limpet/pi/response/doctor"}

    def test_says_so_where_a_second_client_id_is_refused_beside_it(self, broker, examine, tmp_path):
        health = tmp_path / "run/limpet/health.json"
        health.parent.mkdir(parents=True)
        health.write_text(json.dumps({"broker": {"connected": True}}))
        broker.connack = 0x85
        assert examine()["broker"][0] == WARNING

    def test_names_a_host_that_is_down_beside_one_that_is_up(self, broker, examine):
        level, text = examine(host='["bad..host", "127.0.0.1"]')["hosts"]
        assert (level, "bad..host" in text) == (WARNING, True)

    def test_has_the_configured_client_id(self, broker, examine):
        examine('client_id = "tenant:7"')
        assert [one.client_id for one in broker.connects] == ["tenant:7-doctor", "tenant:7"]

    @pytest.mark.parametrize(("code", "flags"), [(0x9A, 0x0C), (0x9B, 0x24)])
    def test_with_a_will_that_is_refused_tries_another(self, broker, examine, code, flags):
        serve, seen = broker._connect, []

        def connect(body, writer):
            seen.append(body.data[7])
            broker.connack = 0 if body.data[7] & 0x3C == flags else code
            return serve(body, writer)

        broker._connect = connect
        found = examine()
        assert (found["will"][0], found["broker"][0]) == (WARNING, OK)
        assert len(seen) == 3

    @pytest.mark.parametrize(
        ("properties", "words"),
        [
            (b"\x25\x00", "keeps no retained messages"),
            (b"\x24\x00", "acknowledges no message"),
            (b"\x27\x00\x00\x04\x00", "at most 1024 bytes"),
        ],
    )
    def test_names_what_the_broker_cannot_do(self, broker, examine, properties, words):
        broker.properties = properties
        level, text = examine()["limits"]
        assert (level, words in text) == (WARNING, True)

    def test_names_what_it_may_not_publish(self, broker, examine):
        broker.acknowledges = lambda publish: 0x87 if publish.retain else 0
        assert examine()["retained"][0] == WARNING
        broker.acknowledges = lambda publish: 0x99
        assert examine()["acl"][0] == BROKEN

    def test_names_what_it_may_not_hear(self, broker, examine):
        broker.suback = 0x87
        level, text = examine(more='[commands]\nallow = ["read"]\n')["subscription"]
        assert (level, "topic read limpet/pi/request/read" in text) == (WARNING, True)

    def test_names_the_line_for_a_former_device(self, broker, examine, tmp_path):
        async def store():
            store = SqliteStore(tmp_path, 1_000_000)
            await store.open("run")
            for number, topic in enumerate(("limpet/shed", "limpet/pi", ""), 1):
                await store.append([Row(number, Item("run", number, 1.0, "boot", b"{}", topic))])
            await store.close(3)

        asyncio.run(store())
        broker.acknowledges = lambda publish: 0x87 if publish.topic.startswith("limpet/shed/") else 0
        level, text = examine()["history"]
        assert (level, "topic write limpet/shed/#" in text) == (WARNING, True)

    def test_of_a_broker_that_acknowledges_nothing_ends(self, broker, examine, monkeypatch):
        monkeypatch.setattr("agent.cli.doctor.visit.ANSWER", 0.1)
        broker.acknowledges = lambda publish: None
        began = time.monotonic()
        assert examine()["broker"][0] == BROKEN
        assert time.monotonic() - began < 5

    def test_before_mqtt_5_says_what_it_cannot_know(self, broker, examine):
        assert examine('version = "3.1.1"')["acl"][0] == SKIPPED

    @pytest.mark.parametrize(
        "code", [0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x95, 0x97, 0x9C, 0x9D, 0x9F, 0xFE]
    )
    def test_that_is_refused_has_a_cure_of_its_own(self, broker, examine, code):
        broker.connack = code
        level, text = examine('username = "pi"')["broker"]
        assert (level, f"0x{code:02x}" in text) == (BROKEN, True)


class TestACure:
    def test_is_another_for_each_reason(self):
        codes = (0x84, 0x85, 0x86, 0x87, 0x89, 0x8A, 0x8C, 0x95, 0x97, 0x9A, 0x9B, 0x9C, 0x9F)
        cures = [cure(BrokerRefused("no", code=code), THERE) for code in codes]
        assert len(set(cures)) == len(codes)
        assert not any("{" in one for one in cures)

    @pytest.mark.parametrize("code", [0x86, 0x87])
    def test_of_a_login_without_a_name_is_a_name(self, code):
        anonymous = Address("broker.local", 1883, "limpet-pi")
        assert cure(BrokerRefused("no", code=code), anonymous) == NO_NAME

    def test_of_a_hang_up_is_a_name_or_the_log(self):
        error = BrokerLost("hung up")
        error.hung_up = True
        assert cure(error, Address("broker.local", 1883, "limpet-pi")) == NO_NAME
        assert "limpet-pi" in cure(error, THERE)

    @pytest.mark.parametrize("state", sorted(TLS))
    def test_is_there_for_every_state_of_tls(self, state):
        assert "{" not in cure(TlsProblem("x", state), THERE)

    def test_of_a_wrong_port_names_the_usual_ones(self):
        assert "8883" in cure(WrongPort("h:443 is a web server"), THERE)

    def test_names_the_other_version(self):
        assert '"3.1.1"' in cure(BrokerRefused("no", code=0x84), THERE)
        assert "version = 5" in cure(BrokerRefused("no", code=0x84), Address("h", 1, "x", version="3.1.1"))

    def test_of_a_will_is_about_the_broker(self):
        assert "retain_available" in cure(BrokerRefused("no", code=0x9A), THERE)
        assert Will("a", b"").retain
