"""From the configuration to the broker's address, and secrets that come and go."""

from random import Random

import pytest

from agent.broker import Address, BrokerError, Will
from agent.broker.dial import read_credentials
from agent.clock import Clock
from agent.config import ConfigError, MqttConfig, parse
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.service.connect import address, publishing

TOPICS = Topics("limpet", "a")


def configured(text: str):
    config, mistakes = parse(text)
    assert config is not None, mistakes
    return config


class TestASecret:
    @pytest.fixture
    def making(self, tmp_path, runner):
        """Return a function that makes the link of a publisher whose password is in the file `secret`."""
        config = configured(f'[mqtt]\nhost = "localhost"\nusername = "a"\npassword_file = "{tmp_path / "secret"}"\n')

        def make():
            making = publishing(config, Clock(), Random(1), {})
            made: list[Address] = []

            async def scene():
                publisher = making(Outbox("boot", runner.clock), TOPICS, lambda event: None)
                made.append(publisher._link(None).address)

            runner.run(scene())
            return made[0]

        return make

    def test_that_vanished_since_the_start_is_a_matter_of_the_connect(self, making, tmp_path):
        (tmp_path / "secret").write_text("geheim\n")
        where = making()
        assert read_credentials(where).password == "geheim"
        (tmp_path / "secret").unlink()
        with pytest.raises(BrokerError, match="secret cannot be read") as caught:
            read_credentials(where)
        assert not caught.value.permanent
        (tmp_path / "secret").write_text("a\nb\n")
        with pytest.raises(BrokerError, match="has 2 lines") as caught:
            read_credentials(where)
        assert caught.value.permanent

    def test_that_is_not_there_yet_is_reported_and_read_when_it_comes(self, making, tmp_path, logged):
        where = making()
        assert [one.getMessage() for one in logged("agent.service.connect")] == ["secret is missing"]
        (tmp_path / "secret").write_text("geheim\n")
        assert read_credentials(where).password == "geheim"

    def test_that_can_be_none_is_a_mistake_at_the_start(self, making, tmp_path):
        (tmp_path / "secret").write_bytes(b"gr\xfcn")
        with pytest.raises(ConfigError, match="Latin-1"):
            making()

    def test_is_shown_by_no_address(self):
        where = address(MqttConfig(), "x", {"LIMPET_MQTT_PASSWORD": "geheim"})
        assert "geheim" not in repr(where)
        assert read_credentials(where).password == "geheim"


class TestAnAddress:
    def test_is_what_the_configuration_says(self):
        mqtt = configured(
            """
[mqtt]
host = ["a.local", "b.local"]
port = 443
transport = "websockets"
path = "/ws"
keepalive = "30s"
version = "3.1.1"
[mqtt.tls]
server_name = "tenant"
alpn = ["mqtt"]
"""
        ).mqtt
        where = address(mqtt, "me", {}, Will("t", b"x"))
        assert (where.hosts, where.port, where.client_id) == (("a.local", "b.local"), 443, "me")
        assert (where.transport, where.path, where.keepalive, where.version) == ("websockets", "/ws", 30, "3.1.1")
        assert (where.tls.server_name, where.tls.alpn, where.tls.key_password) == ("tenant", ("mqtt",), None)
        assert where.will == Will("t", b"x")

    @pytest.mark.parametrize(
        ("text", "client_id"),
        [
            ("", "limpet-a"),
            ('topic_root = "site/hall-3/limpet"', "site-hall-3-limpet-a"),
            ('client_id = "tenant:7"', "tenant:7"),
        ],
    )
    def test_has_the_client_id_of_the_configuration_or_one_of_its_own(self, runner, text, client_id):
        config = configured(f"[mqtt]\n{text}")
        topics = Topics(config.mqtt.topic_root, "a")

        async def scene():
            publisher = publishing(config, Clock(), Random(1), {})(Outbox("boot", runner.clock), topics, print)
            assert publisher._link(None).address.client_id == client_id
            assert publisher._link(None).route is publisher._link(None).route

        runner.run(scene())
