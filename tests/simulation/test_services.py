"""What the whole agent does besides its rounds: reload, requests, edges, substitutes, the watchdog."""

from __future__ import annotations

import asyncio
import contextlib
import json
from random import Random

import pytest
from world import GREENHOUSE, World, configured

from agent.broker import BrokerLost
from agent.config import ConfigError, Mistake
from agent.service import runs
from agent.service.hardware import RealWorld


def scene(runner, story, *args, **more):
    async def told():
        world = World(*args, **more)
        world.boot()
        await story(world)
        await world.stop()
        assert world.ledger.violations == []
        assert not world.ledger.pending
        return world

    return runner.run(told())


def documents(world, *names: str) -> list[dict]:
    return [one.document for one in world.broker.received if one.name in names]


class TestAReload:
    def test_of_a_wrong_file_changes_nothing_and_is_told(self, runner, tmp_path, logged, mocker):
        mocker.patch.object(runs.logs, "setup")
        file = tmp_path / "limpet.toml"

        async def story(world):
            await world.sleep(25)
            before, config = list(world.agent.assembly.due), world.agent.config
            reloads = runs.Reload(RealWorld(file), world.agent, world.clock, Random(1))
            task = asyncio.create_task(reloads.run())
            file.write_text(GREENHOUSE + '[[sensor]]\nid = "air"\ndriver = "nonsense"\n')
            reloads.asked.set()
            await world.sleep(30)
            task.cancel()
            assert (world.agent.assembly.due, world.agent.config) == (before, config)

        world = scene(runner, story)
        assert world.broker.seqs() == list(range(1, len(world.ledger.accepted) + 1))
        told = [record for record in logged("limpet") if record.levelname == "ERROR"]
        assert told
        assert {record.getMessage() for record in told} == {"configuration has a mistake, the old one stays"}
        assert "limpet.toml:" in told[0].mistake

    def test_that_finds_no_fake_is_told_and_the_next_one_is_heard(self, runner, tmp_path, logged, mocker):
        mocker.patch.object(runs.logs, "setup")
        file = tmp_path / "limpet.toml"
        file.write_text(GREENHOUSE)

        async def story(world):
            mistake = Mistake(str(file), 1, "driver", "has no fake", "install one")
            reload = mocker.patch.object(world.agent, "reload", side_effect=[ConfigError([mistake]), None])
            mocker.patch("agent.service.runs.what_makes_a_run", return_value="the same")
            reloads = runs.Reload(RealWorld(file), world.agent, world.clock, Random(1))
            task = asyncio.create_task(reloads.run())
            for _ in range(2):
                reloads.asked.set()
                await world.sleep(15)
            task.cancel()
            assert reload.await_count == 2

        scene(runner, story)
        told = [record.mistake for record in logged("limpet") if record.levelname == "ERROR"]
        assert len(told) == 1
        assert "has no fake" in told[0]

    def test_restarts_only_the_sensor_that_changed_and_keeps_its_numbers(self, runner):
        async def story(world):
            await world.sleep(25)
            before = {sensor.id: sensor for sensor in world.agent.assembly.sensors}
            world.config = configured(GREENHOUSE.replace('id = "tank"', 'id = "tank"\nevery = "20s"'))
            await world.agent.reload(world.config, world.making(world.config))
            after = {sensor.id: sensor for sensor in world.agent.assembly.sensors}
            assert {name for name in before if before[name] is not after[name]} == {"tank"}
            await world.sleep(60)

        world = scene(runner, story)
        assert world.broker.seqs() == list(range(1, len(world.ledger.accepted) + 1))
        assert len(world.broker.connects) == 1, "the broker was not bothered"
        (tank,) = [s for s in documents(world, "info")[-1]["sensors"] if s["id"] == "tank"]
        assert tank["every"] == 20.0

    def test_that_changes_the_broker_connects_anew_without_a_gap(self, runner):
        async def story(world):
            await world.sleep(25)
            before = list(world.agent.assembly.due)
            world.config = configured(GREENHOUSE + '[mqtt]\nhost = "other"\n')
            await world.agent.reload(world.config, world.making(world.config))
            assert world.agent.assembly.due == before
            await world.sleep(60)

        world = scene(runner, story)
        assert len(world.broker.connects) == 2
        assert sorted(set(world.broker.seqs())) == list(range(1, len(world.ledger.accepted) + 1))

    def test_during_an_outage_keeps_what_waits(self, runner):
        async def story(world):
            await world.sleep(25)
            world.broker.refuses = BrokerLost("away")
            world.broker.cut()
            await world.sleep(60)
            world.config = configured(GREENHOUSE + '[mqtt]\nhost = "other"\n')
            await world.agent.reload(world.config, world.making(world.config))
            world.broker.heal()
            await world.sleep(60)

        world = scene(runner, story)
        assert sorted(set(world.broker.seqs())) == list(range(1, len(world.ledger.accepted) + 1))


class TestARequest:
    def test_to_resend_brings_back_what_the_broker_forgot_as_history(self, runner):
        async def story(world):
            await world.sleep(95)
            request = {"transaction": "t", "bootId": world.agent.run_id, "from": 3, "to": 5}
            world.broker.send("limpet/sim/request/resend", json.dumps(request).encode())
            await world.sleep(10)

        world = scene(runner, story, config=GREENHOUSE + '[commands]\nallow = ["resend"]\n')
        assert world.broker.seqs("backfill") == [3, 4, 5]
        (answer,) = documents(world, "resend")
        assert (answer["transaction"], answer["status"], answer["data"]) == ("t", "ok", {"resent": 3, "missing": 0})

    def test_that_is_not_allowed_is_not_heard(self, runner):
        async def story(world):
            await world.sleep(15)
            assert world.broker.session.subscriptions == {}

        scene(runner, story)

    @pytest.mark.parametrize("payload", [b"x" * 5000, b'{"a":' * 2000, b"[1]", b'{"sensors": 7}', b"\xff\xfe"])
    def test_that_is_hostile_is_refused_and_hurts_nobody(self, runner, payload):
        async def story(world):
            await world.sleep(15)
            for _ in range(50):
                world.broker.send("limpet/sim/request/read", payload)
            await world.sleep(30)

        world = scene(runner, story, config=GREENHOUSE + '[commands]\nallow = ["read"]\n')
        assert {answer["status"] for answer in documents(world, "read")} == {"error"}
        assert {one["trigger"] for one in documents(world, "batch")} == {"interval"}


class TestAnEdge:
    def test_becomes_an_event_batch_at_once_with_the_next_number(self, runner):
        door = '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 17\noptions = { bounce = "20ms" }\n'

        async def story(world):
            await world.sleep(15)
            (chip,) = [s.chip for s in world.agent.assembly.sensors if s.id == "door"]
            chip.edges.clock = world.clock.now
            for state in (1, 0):
                world.feel("door", state=state)
                await world.sleep(1)

        world = scene(runner, story, config=GREENHOUSE + door)
        events = [one for one in documents(world, "batch") if one["trigger"] == "event"]
        assert [(e["seq"], e["interval"], len(e["readings"])) for e in events] == [(3, None, 1), (4, None, 1)]
        assert [e["readings"][0]["value"] for e in events] == [1, 0]
        assert 14 < at(world, 3) < 16


def at(world, seq: int) -> float:
    return next(one.at for one in world.broker.received if one.name == "batch" and one.document["seq"] == seq)


class TestASubstitute:
    def test_is_told_in_batch_and_state_until_the_sensor_is_back(self, runner):
        async def story(world):
            await world.sleep(35)
            world.ail("unplugged", "i2c-2", 0x48, 100)
            world.ail("unplugged", "i2c-1", 0x44, 100)
            await world.sleep(40)
            world.then = json.loads(world.broker.retained["limpet/sim/state"])
            await world.sleep(200)

        text = GREENHOUSE.replace('id = "air"', 'id = "air"\nfallback = "sensor:attic"')
        world = scene(runner, story, config=text)
        sensors = world.then["sensors"]
        assert (sensors["air"]["status"], sensors["cellar"]["status"]) == ("substituted", "stale")
        assert sensors["air"]["temperature"] == sensors["attic"]["temperature"]
        assert (world.then["degraded"], world.then["unavailableSensors"]) == (True, [])
        last = json.loads(world.broker.retained["limpet/sim/state"])
        assert {one["status"] for one in last["sensors"].values()} == {"ok"}


class TestTheWatchdog:
    def test_is_fed_while_rounds_end_and_starves_when_they_stall(self, runner):
        async def story(world):
            fed = []
            world.agent.supervisor.watchdog = 30.0
            world.agent.supervisor.tell = lambda *lines: fed.append((world.loop.time(), lines))
            feeding = asyncio.create_task(world.agent.supervisor.feed(world.agent.alive))
            await world.sleep(100)
            async with world.agent.scheduler.collector._lock:  # a round that never ends
                world.check = lambda: None
                await world.sleep(200)
                assert not world.agent.alive()
                assert max(at for at, _ in fed) < 150
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feeding

        scene(runner, story)

    def test_is_fed_while_buses_hang(self, runner):
        async def story(world):
            await world.sleep(15)
            for bus in ("i2c-1", "i2c-2"):
                world.ail("hang", bus, None, 300)
            await world.sleep(200)  # looks each minute whether it is alive

        scene(runner, story)


def test_a_health_file_that_cannot_be_written_stops_nobody(runner, tmp_path):
    async def story(world):
        world.agent.health_file = tmp_path / "file" / "health.json"
        (tmp_path / "file").write_text("no folder")
        await world.sleep(130)

    scene(runner, story)
