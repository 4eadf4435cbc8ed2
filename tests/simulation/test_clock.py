"""Wall time that is not known yet, or jumps: batches are dated honestly, and nothing else takes notice."""

from __future__ import annotations

import itertools
import json

import pytest
from faults import HALF_A_CENTURY
from world import World

from agent.broker import BrokerLost
from agent.simulation.clock import NO_BATTERY

ONE = '[agent]\ndevice_id = "sim"\n[[sensor]]\nid = "air"\ndriver = "sht4x"\n'


def scene(runner, story, *args, **more):
    async def told():
        world = World(*args, **more)
        world.boot()
        await story(world)
        await world.stop()
        assert world.ledger.violations == []
        return world

    return runner.run(told())


def batches(world) -> list[dict]:
    return [one.document for one in world.broker.received if one.name in ("batch", "backfill")]


class TestBeforeTheNetworkTellsTheTime:
    def test_what_is_sent_says_that_its_time_is_not_known(self, runner):
        async def story(world):
            await world.sleep(55)

        found = batches(scene(runner, story, honest=False))
        assert {one["clock"] for one in found} == {"unsynced"}
        assert found[0]["timestamp"] < "1971"

    def test_what_waits_is_put_right_with_its_faults_when_the_time_comes(self, runner):
        async def story(world):
            world.broker.refuses = BrokerLost("no network yet")
            world.ail("unplugged", "i2c-1", 0x44, 1000.0)
            await world.sleep(100)
            world.clock.error, world.clock.honest = 0.0, True
            world.broker.heal()
            await world.sleep(100)

        world = scene(runner, story, honest=False)
        early = [one for one in batches(world) if one["seq"] <= 10]
        assert len(early) == 10
        for one in early:
            taken = world.ledger.accepted[one["bootId"], one["seq"]].item.taken
            assert (one["clock"], one["timestamp"]) == ("corrected", world.clock.true_stamp(taken))
            (fault,) = one["faults"]
            assert fault["since"][:10] == one["timestamp"][:10], "the same day"
            assert one["historical"]

    def test_what_an_earlier_boot_of_the_machine_left_keeps_its_word(self, runner):
        async def story(world):
            world.broker.refuses = BrokerLost("no network yet")
            await world.sleep(100)
            await world.power_cut()
            world.boot()
            await world.sleep(30)
            world.clock.error, world.clock.honest = 0.0, True
            world.broker.heal()
            await world.sleep(100)

        world = scene(runner, story, honest=False)
        early = [one for one in batches(world) if one["bootId"] == world.boots[0][0]]
        assert len(early) >= 9
        assert {one["clock"] for one in early} == {"unsynced"}


class TestAStepOfTheWall:
    @pytest.mark.parametrize("step", [HALF_A_CENTURY, -3600.0, NO_BATTERY])
    @pytest.mark.parametrize("away", [False, True])
    def test_disturbs_no_round_no_deadline_and_no_order(self, runner, step, away):
        async def story(world):
            await world.sleep(65)
            world.broker.refuses = BrokerLost("away") if away else None
            world.broker.cut() if away else None
            await world.sleep(60)
            world.clock.error = step
            await world.sleep(60)
            world.clock.error = 0.0
            world.broker.heal()
            await world.sleep(120)
            world.rounds = world.agent.scheduler.rounds

        world = scene(runner, story)
        taken = [one.item.taken for one in world.ledger.accepted.values()]
        assert all(9.5 < b - a < 10.5 for a, b in itertools.pairwise(taken)), taken
        assert (world.rounds.skipped, world.rounds.late) == (0, 0)
        assert world.ledger.declared == set(), "nothing has become too old"
        if not away:
            assert len(world.broker.connects) == 1
            assert world.broker.seqs("backfill") == []

    def test_shows_in_health(self, runner):
        async def story(world):
            await world.sleep(65)
            world.clock.honest = False
            await world.sleep(120)

        health = json.loads(scene(runner, story).broker.retained["limpet/sim/health"])
        assert health["clock"]["synced"] is False


def test_a_machine_that_slept_is_late_once_and_never_piles_rounds_up(runner):
    async def story(world):
        await world.sleep(61)
        world.suspend(95.0)
        await world.sleep(60)
        world.rounds = world.agent.scheduler.rounds

    world = scene(runner, story, config=ONE)
    assert world.rounds.late == 1
    assert world.rounds.skipped == 8
    taken = [one.item.taken for one in world.ledger.accepted.values()]
    assert min(b - a for a, b in itertools.pairwise(taken)) > 3
