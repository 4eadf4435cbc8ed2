"""What an earlier run has left with the broker is withdrawn by a later one, and by nobody else."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
from whole import FILE, whole

from agent.broker import BrokerLost
from agent.service import announced as module
from agent.service.announced import Announced
from agent.simulation.broker import SimBroker

TOPIC = "homeassistant/device/limpet_pi/config"
DISCOVERED = FILE + "[homeassistant]\ndiscovery = true\n"
LONG = 10.0  # real seconds after which a thread that has not answered never will


@pytest.fixture
def lives(runner, tmp_path):
    """Return a function that lets an agent live with the memory of those before, for some time, at one broker."""
    broker = SimBroker()

    def live(text, seconds=100.0, machine="here"):
        memory = Announced(tmp_path / "announced.json", machine)

        async def life():
            async with whole(text, broker=broker, announced=memory) as home:
                done(memory)
                await home.settle(seconds)
            done(memory)

        runner.run(life())
        return broker

    return live


def done(memory):
    """Wait until the thread of the files has done what it was given."""
    memory._thread.submit(lambda: None).result(LONG)


def gone(document):
    return {key for key, one in document["components"].items() if set(one) == {"platform"}}


def loaded(runner, file):
    memory = Announced(file, "here")

    async def load():
        known = asyncio.Event()
        memory.load(known.set)
        await known.wait()

    runner.run(load())
    return memory


class TestALaterRun:
    def test_withdraws_the_entities_of_a_sensor_that_is_gone(self, lives):
        lives(DISCOVERED)
        broker = lives(DISCOVERED.replace('id = "door"', 'id = "gate"'))
        assert gone(json.loads(broker.retained[TOPIC])) == {"door_state", "Breaker_door"}

    def test_withdraws_all_of_it_where_discovery_is_switched_off(self, lives):
        lives(DISCOVERED)
        assert lives(FILE).retained[TOPIC] == b""

    def test_withdraws_what_another_device_id_has_left(self, lives):
        lives(DISCOVERED)
        broker = lives(DISCOVERED.replace('device_id = "pi"', 'device_id = "other"'))
        left = {topic for topic, payload in broker.retained.items() if topic.startswith("limpet/pi/") and payload}
        assert left == set()
        assert broker.retained[TOPIC] == b""
        assert broker.retained["homeassistant/device/limpet_other/config"]

    def test_withdraws_once_and_not_what_came_there_later(self, lives):
        lives(DISCOVERED)
        other = FILE.replace('device_id = "pi"', 'device_id = "other"')
        broker = lives(other)
        broker.retained["limpet/pi/state"] = b"another device has this name now"
        lives(other)
        assert broker.retained["limpet/pi/state"] == b"another device has this name now"

    def test_withdraws_nothing_on_another_machine_with_a_copy_of_the_card(self, lives):
        lives(DISCOVERED)
        broker = lives(FILE.replace('device_id = "pi"', 'device_id = "other"'), machine="there")
        assert broker.retained["limpet/pi/info"]
        assert broker.retained[TOPIC]

    def test_tries_again_what_no_broker_took(self, lives):
        broker = lives(DISCOVERED)
        other = FILE.replace('device_id = "pi"', 'device_id = "other"')
        broker.refuses = BrokerLost("away")
        lives(other)
        broker.refuses = None
        assert broker.retained[TOPIC]
        assert lives(other).retained[TOPIC] == b""


class TestTheFile:
    def test_is_not_overwritten_while_a_disk_that_hangs_does_not_say_what_is_in_it(self, lives, tmp_path, monkeypatch):
        lives(DISCOVERED)
        before = (tmp_path / "announced.json").read_bytes()
        monkeypatch.setattr(Announced, "load", lambda *_: None)
        lives(FILE.replace('device_id = "pi"', 'device_id = "other"'))
        assert (tmp_path / "announced.json").read_bytes() == before

    def test_is_written_only_when_something_changes(self, lives, tmp_path, monkeypatch):
        writes = []
        monkeypatch.setattr(module.NewestContent, "write", lambda _, content: writes.append(content))
        lives(DISCOVERED, 600.0)
        assert len(writes) <= 2

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"null", b'{"machine": "here"}', b'{"machine": "here", "devices": 7, "discovery": {}}',
         b'{"machine": "here", "devices": ["#"], "discovery": {}}', b"\xff\xfe" * 100, b"[" * 100_000,
         b'{"machine": "here", "devices": [], "discovery": {"a/+": {}}}',
         b'{"machine": "here", "devices": [], "discovery": {"a": {"b": 7}}}'],
    )  # fmt: skip
    def test_that_makes_no_sense_is_no_reason_to_fail(self, runner, tmp_path, content, logged):
        (tmp_path / "announced.json").write_bytes(content)
        memory = loaded(runner, tmp_path / "announced.json")
        assert (memory.devices, memory.discovery.told) == (set(), {})
        assert [line.getMessage() for line in logged("limpet")] == ["earlier announcements cannot be read"]

    def test_in_whose_place_is_a_fifo_holds_nothing_up(self, runner, tmp_path):
        os.mkfifo(tmp_path / "announced.json")
        memory = loaded(runner, tmp_path / "announced.json")
        assert memory.devices == set()
