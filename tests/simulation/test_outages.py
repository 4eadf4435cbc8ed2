"""Outages of broker and disk, whole agent: what they cost in batches, in bytes, in log lines, in patience."""

from __future__ import annotations

import asyncio
import json

import pytest
from world import GREENHOUSE, World

from agent.broker import TAKEN_OVER, BrokerLost, BrokerRefused
from agent.outbox.sqlite import SqliteStore

ONE = '[agent]\ndevice_id = "sim"\n[[sensor]]\nid = "air"\ndriver = "lm75"\nevery = "2m"\n'


class AtOnce(SqliteStore):
    """The true store without its thread, which knows nothing of virtual time."""

    async def _in_thread(self, work):
        return self._file.guarded(work)


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


def away(world) -> None:
    world.broker.refuses = BrokerLost("nobody listens there")
    world.broker.cut()


class TestHoursWithoutABroker:
    def test_lose_nothing_and_are_delivered_oldest_first_while_live_goes_on(self, runner):
        async def story(world):
            await world.sleep(60)
            away(world)
            await world.sleep(5 * 3600)
            world.broker.heal()
            await world.sleep(300)

        world = scene(runner, story)
        assert sorted(set(world.broker.seqs())) == list(range(1, len(world.ledger.accepted) + 1))
        history = world.broker.seqs("backfill")
        assert len(history) >= 1800
        assert history == sorted(history)

    def test_lose_nothing_with_the_true_store_either(self, runner, tmp_path):
        async def story(world):
            away(world)
            await world.sleep(5 * 3600)
            world.broker.heal()
            await world.sleep(300)

        world = scene(runner, story, config=ONE, disk=lambda: AtOnce(tmp_path, 1_000_000))
        assert world.broker.seqs("backfill")[:150] == list(range(1, 151))

    def test_write_to_the_disk_at_most_every_ten_seconds_and_never_before(self, runner):
        async def story(world):
            await world.sleep(3600)
            assert world.disk.commits == []
            away(world)
            await world.sleep(3600)

        commits = scene_stored(runner, story).disk.commits
        assert 300 < len(commits) <= 361

    def test_always_means_that_a_batch_is_on_the_disk_before_it_leaves(self, runner):
        async def story(world):
            sent = world.broker.sent

            def look(topic, payload):
                if topic.endswith("/batch"):
                    document = json.loads(payload)
                    assert (document["bootId"], document["seq"]) in world.disk.batches()
                sent(topic, payload)

            world.broker.sent = look
            await world.sleep(300)

        world = scene(runner, story, config=GREENHOUSE + '[outbox]\ndurability = "always"\n')
        assert len(world.broker.seqs("batch")) == 30


class TestADiskThatHangs:
    def test_at_the_start_delays_no_round_and_is_told_of_at_once(self, runner):
        async def story(world):
            await world.sleep(65)
            await world.stop()
            earlier = world.agent.run_id
            world.disk.takes, world.disk_ill_until = 120.0, float("inf")
            began = world.loop.time()
            world.boot()
            await world.sleep(5)
            assert world.agent.scheduler.rounds.finished == 1
            told = [one for one in world.broker.received if one.at >= began]
            health = [one.document["outbox"]["storage"] for one in told if one.name == "health"]
            assert set(health) == {"degraded"}
            assert [one.document["previous"]["bootId"] for one in told if one.name == "info"] == [None]
            world.disk.takes, world.disk_ill_until = 0.02, world.loop.time() + 120
            await world.sleep(150)
            told = [one for one in world.broker.received if one.at >= began]
            assert [one.document["outbox"]["storage"] for one in told if one.name == "health"][-1] == "ok"
            last = [one.document["previous"] for one in told if one.name == "info"][-1]
            assert (last["bootId"], last["clean"]) == (earlier, True)

        scene(runner, story)


def scene_stored(runner, story):
    """Play a scene at whose end batches may be on the disk only."""

    async def told():
        world = World()
        world.boot()
        await story(world)
        await world.stop()
        assert world.ledger.violations == []
        return world

    return runner.run(told())


class TestTheLog:
    @pytest.mark.parametrize("kind", ["refused", "blackhole", "flapping", "password", "twin"])
    def test_has_less_than_a_line_a_minute_in_an_hour_of_outage(self, runner, caplog, logged, kind):
        async def story(world):
            await world.sleep(60)
            caplog.clear()
            task = asyncio.create_task(misfortune(world, kind))
            await world.sleep(3600)
            world.lines = [record.getMessage() for record in logged("agent", "limpet")]
            task.cancel()
            world.broker.heal()
            await world.sleep(600)

        caplog.set_level("INFO")
        world = scene(runner, story)
        assert 1 <= len(world.lines) <= 60, world.lines


async def misfortune(world, kind: str) -> None:
    if "blackhole" in kind:
        world.broker.silent = world.broker.hangs = True
    elif "password" in kind:
        world.broker.refuses = BrokerRefused("bad user name or password", permanent=True, code=0x86)
        world.broker.cut()
    elif "refused" in kind:
        away(world)
    while "flapping" in kind or "twin" in kind:
        await asyncio.sleep(3)
        if "flapping" in kind:
            away(world)
            await asyncio.sleep(2)
            world.broker.heal()
        else:
            world.broker.cut(BrokerLost("taken over", code=TAKEN_OVER))


class TestADiskThatFails:
    @pytest.mark.parametrize("trouble", ["full", "failing", "slow"])
    def test_never_stops_sampling_is_told_and_used_again(self, runner, trouble):
        async def story(world):
            away(world)
            await world.sleep(60)
            world.disk.fault = "" if trouble == "slow" else trouble
            world.disk.takes = 2.0 if trouble == "slow" else 0.02
            world.disk_ill_until = float("inf")
            await world.sleep(300)
            said = world.agent.status.health()["outbox"]["storage"]
            assert said == ("ok" if trouble == "slow" else "degraded")
            world.disk.fault, world.disk.takes = "", 0.02
            await world.sleep(130)
            assert world.agent.status.health()["outbox"]["storage"] == "ok"
            assert len(world.disk.batches()) >= 47
            world.broker.heal()
            await world.sleep(120)

        world = scene(runner, story)
        assert len(world.ledger.accepted) >= 61
        assert world.ledger.declared == set()

    def test_that_is_full_at_the_start_stops_nobody_and_is_taken_over_later(self, runner):
        async def story(world):
            away(world)
            await world.sleep(100)
            await world.crash()
            world.disk.fault = "full"
            world.disk_ill_until = float("inf")
            world.boot()
            await world.sleep(100)
            world.disk.fault = ""
            await world.sleep(100)
            world.broker.heal()
            await world.sleep(120)

        world = scene(runner, story)
        first = [seq for boot, seq in world.ledger.heard if boot == world.boots[0][0]]
        assert first == list(range(1, len(first) + 1))
        assert len(first) >= 9

    def test_an_outbox_that_is_full_declares_what_it_gave_up(self, runner):
        async def story(world):
            away(world)
            await world.sleep(3600)
            assert world.agent.outbox.size <= 50_000
            world.broker.heal()
            await world.sleep(300)

        world = scene(runner, story, config=GREENHOUSE + "[outbox]\nmax_size = 50000\n")
        assert len(world.ledger.declared) > 200
        assert {seq for _, seq in world.ledger.declared} | set(world.broker.seqs()) == set(
            range(1, len(world.ledger.accepted) + 1)
        )


def test_a_broker_that_forgot_everything_is_told_everything_again(runner):
    async def story(world):
        await world.sleep(60)
        world.broker.cut()
        world.broker.retained.clear()
        await world.sleep(60)
        names = {topic.rsplit("/", 1)[-1] for topic in world.broker.retained}
        assert names == {"state", "status", "info", "health"}
        assert world.broker.retained["limpet/sim/status"] == b"online"

    scene(runner, story)


def test_agents_that_lost_one_broker_do_not_come_back_together(runner):
    """Six agents, half an hour: nobody's connect falls on another's more often than chance lets it."""

    async def told():
        worlds = [World(seed, ONE) for seed in range(6)]
        for world in worlds:
            world.boot()
        await asyncio.sleep(30)
        for world in worlds:
            away(world)
        await asyncio.sleep(1800)
        for world in worlds:
            await world.stop()
        return [[at for at in world.broker.connects if at > 30] for world in worlds]

    connects = runner.run(told())
    together = sum(
        abs(mine - other) < 0.05
        for index, ours in enumerate(connects)
        for others in connects[index + 1 :]
        for mine in ours
        for other in others
    )
    assert min(map(len, connects)) > 15
    assert together <= 5
