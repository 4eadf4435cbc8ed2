"""One run after another: who is who, what the next one knows of the last, and how a run ends."""

from __future__ import annotations

import asyncio
import json

import pytest
from world import GREENHOUSE, World

from agent.broker import BrokerLost
from agent.cli import run
from agent.service import runs
from agent.service.lock import InstanceLock

LIMIT = 2.0  # seconds that any end may take


def scene(runner, story, *args, **more):
    async def told():
        world = World(*args, **more)
        await story(world)
        assert world.ledger.violations == []
        return world

    return runner.run(told())


def info(world) -> dict:
    return json.loads(world.broker.retained["limpet/sim/info"])


def refused(world) -> None:
    world.broker.refuses = BrokerLost("nobody listens there")
    world.broker.cut()


def kept(world) -> set:
    return world.disk.batches() | set(world.ledger.heard)


class TestTheNumbers:
    def test_begin_at_1_and_have_no_gap_over_batch_and_backfill_together(self, runner):
        async def story(world):
            world.boot()
            await world.sleep(100)
            refused(world)
            await world.sleep(200)
            world.broker.heal()
            await world.sleep(200)
            await world.stop()

        world = scene(runner, story)
        assert sorted(world.broker.seqs()) == list(range(1, 51))
        assert {seq for name, seq in world.broker.batches() if name == "backfill"} >= set(range(12, 30))

    def test_belong_to_one_run_each(self, runner):
        async def story(world):
            for _ in range(3):
                world.boot()
                await world.sleep(25)
                await world.stop()

        world = scene(runner, story)
        boots = [boot for boot, _, _ in world.boots]
        assert len(set(boots)) == 3
        assert sorted(world.ledger.heard) == sorted((boot, seq) for boot in boots for seq in (1, 2, 3))

    def test_have_no_gap_where_a_batch_could_not_be_encoded(self, runner):
        async def story(world):
            agent = world.boot()
            await world.sleep(25)
            sound = agent.clock.stamp
            world.clock.stamp = lambda taken: 1 / 0
            with pytest.raises(ZeroDivisionError):
                agent.recorder.record(await agent.scheduler.collector.collect((), "request", None))
            world.clock.stamp = sound
            await world.sleep(25)
            await world.stop()

        assert scene(runner, story).broker.seqs() == [1, 2, 3, 4, 5]


class TestTheNextRun:
    def test_knows_nothing_of_a_last_one_at_the_first_start(self, runner):
        async def story(world):
            world.boot()
            await world.sleep(5)
            await world.stop()

        assert info(scene(runner, story))["previous"] is None

    def test_tells_that_the_last_one_ended_cleanly_and_with_which_number(self, runner):
        async def story(world):
            for _ in range(2):
                world.boot()
                await world.sleep(95)
                await world.stop()

        world = scene(runner, story)
        assert info(world)["previous"] == {"bootId": world.boots[0][0], "lastSeq": 10, "clean": True}

    def test_tells_that_the_last_one_crashed_and_the_last_number_that_was_safe(self, runner):
        async def story(world):
            world.boot()
            await world.sleep(5)
            refused(world)
            await world.sleep(100)
            await world.power_cut()
            world.broker.heal()
            world.boot()
            await world.sleep(60)
            await world.stop()

        world = scene(runner, story)
        boot, last, _ = world.boots[0]
        previous = info(world)["previous"]
        assert (previous["bootId"], previous["clean"]) == (boot, False)
        assert last - 1 <= previous["lastSeq"] <= last
        assert {seq for one, seq in world.ledger.heard if one == boot} == set(range(1, previous["lastSeq"] + 1))

    @pytest.mark.parametrize("durability", ["outage", "always"])
    def test_delivers_what_is_promised_wherever_the_power_was_cut(self, runner, durability):
        async def story(world):
            for moment in (3.0, 12.02, 17.5, 20.031, 31.0, 44.9):
                world.boot()
                refused(world)
                await world.sleep(moment)
                await world.power_cut()
            world.broker.heal()
            world.clock.honest = True
            world.boot()
            await world.sleep(120)
            await world.stop()

        world = scene(runner, story, config=GREENHOUSE + f'[outbox]\ndurability = "{durability}"\n')
        assert not world.ledger.pending
        assert len(world.ledger.excused) <= (6 if durability == "outage" else 1)


class TestTheEnd:
    @pytest.mark.parametrize("trouble", ["refused", "blackhole", "no connack", "slow", "nothing"])
    @pytest.mark.parametrize("disk", [0.02, 2.0])
    def test_comes_within_two_seconds_with_everything_safe(self, runner, trouble, disk):
        async def story(world):
            world.boot()
            await world.sleep(65)
            befall(world, trouble)
            await world.sleep(295)
            await something_at_stake(world)
            world.disk.takes = disk
            if disk > 1:
                world.disk_ill_until = world.loop.time()
            assert await world.stop() <= LIMIT

        world = scene(runner, story)
        await_disk(runner, world)
        assert kept(world) >= set(world.ledger.accepted) - world.ledger.excused
        assert len(world.ledger.excused) <= (1 if disk > 1 else 0)

    def test_said_twice_is_said_once(self, runner):
        async def story(world):
            agent = world.boot()
            await world.sleep(30)
            world.loop.call_later(0.01, agent.stop)
            await world.stop()

        assert scene(runner, story).broker.farewells == 1

    def test_comes_by_itself_after_so_many_rounds_also_without_a_broker(self, runner):
        async def story(world):
            refused(world)
            world.boot(rounds=4)
            await world.finished()

        world = scene(runner, story)
        assert len(world.disk.batches()) == 4

    def test_is_offline_also_when_it_was_a_crash(self, runner):
        async def story(world):
            world.boot()
            await world.sleep(30)
            assert world.broker.retained["limpet/sim/status"] == b"online"
            await world.crash()

        assert scene(runner, story).broker.retained["limpet/sim/status"] == b"offline"


async def something_at_stake(world) -> None:
    """Wait for the moment just after a round, at which its batch is only in memory."""
    for _ in range(200):
        if set(world.ledger.pending) - world.disk.batches():
            return
        await asyncio.sleep(0.1)


def befall(world, trouble: str) -> None:
    if trouble == "refused":
        refused(world)
    elif trouble == "slow":
        world.broker.latency, world.broker.bytes_per_second = 1.0, 200.0
    else:
        world.broker.silent = trouble == "blackhole"
        world.broker.hangs = trouble in ("blackhole", "no connack")
        if trouble == "no connack":
            world.broker.cut()


def await_disk(runner, world) -> None:
    """Let the disk's thread finish what it had begun."""

    async def a_while():
        await asyncio.sleep(10)

    runner.run(a_while())


def test_a_second_instance_on_one_state_folder_exits_with_a_reason(tmp_path, logged, mocker):
    mocker.patch.object(runs.logs, "setup")
    file = tmp_path / "limpet.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}"\n[[sensor]]\nid = "air"\ndriver = "sht4x"\n')
    first = InstanceLock(tmp_path / "simulated", lambda: None)
    first.acquire()
    args = mocker.Mock(config=str(file), simulate=True, scenario=None, batches=1)
    assert run.main(args) == 1
    assert [record.getMessage() for record in logged("limpet")] == ["another instance runs already"]
    first.release()
