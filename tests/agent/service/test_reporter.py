"""What `health` tells is of now: the connection when it is there, the end of a backlog when it ends."""

import asyncio
import itertools
import json

from whole import FILE, whole

from agent.broker import BrokerLost
from agent.service.announcer import BIRTH_WITHIN
from agent.service.reporter import LOOK
from agent.simulation.scenario import Curve


def told(home, name="health"):
    return [one.document for one in home.broker.received if one.name == name]


def test_the_first_health_after_connecting_says_that_it_is_connected(runner):
    async def live():
        async with whole() as home:
            return told(home)[0]["broker"]

    broker = runner.run(live())
    assert broker["connected"]
    assert broker["error"] is None


def test_the_end_of_a_backlog_is_told_at_once(runner):
    async def live():
        async with whole(FILE.replace('driver = "sht4x"', 'driver = "sht4x"\nevery = "1s"')) as home:
            home.broker.refuses = BrokerLost("away")
            home.broker.cut()
            await home.settle(40)
            home.broker.refuses = None
            sessions = len(home.broker.sessions)
            while len(home.broker.sessions) == sessions:
                await home.settle(0.5)
            waiting = told(home)[-1]["outbox"]["waiting"]
            await home.agent.outbox.drained()
            await home.settle(1.0)
            return waiting, told(home)[-1]["outbox"]["waiting"]

    during, after = runner.run(live())
    assert during > 20
    assert after <= 1


def test_a_change_of_the_pace_or_of_home_assistant_breaks_no_connection(runner):
    async def live():
        async with whole() as home:
            await home.reload(FILE.replace("[outbox]\n", "[outbox]\nbackfill_rate = 7\n"))
            await home.reload(FILE + "[homeassistant]\ndiscovery = true\n")
            document = json.loads(home.last("homeassistant/device/limpet_pi/config"))
            return len(home.broker.sessions), document["device"]["name"], home.agent.recorder.seq

    sessions, name, _ = runner.run(live())
    assert sessions == 1
    assert name == "pi"


def times_of(home, key):
    """Return when which value of a part of `health` was published first, in seconds of the loop."""
    changes = []
    for one in home.broker.received:
        if one.name == "health" and (not changes or changes[-1][1] != key(one.document)):
            changes.append((one.at, key(one.document)))
    return changes


def test_a_clock_that_is_put_right_is_told_at_once(runner):
    async def live():
        async with whole(FILE.replace('driver = "sht4x"', 'driver = "sht4x"\nevery = "10m"')) as home:
            home.clock.synced = lambda: False
            await home.settle(20.0)
            home.clock.synced = lambda: True
            right = asyncio.get_running_loop().time()
            await home.settle(20.0)
            return right, times_of(home, lambda health: health["clock"]["synced"])

    right, changes = runner.run(live())
    assert [value for _, value in changes] == [True, False, True]
    assert changes[-1][0] - right < 1.5


def test_a_clock_that_jumps_is_told_at_once_and_one_that_creeps_is_not(runner):
    async def live():
        async with whole(FILE.replace('driver = "sht4x"', 'driver = "sht4x"\nevery = "10m"')) as home:
            await home.settle(70.0)
            true, began = home.clock.offset(), asyncio.get_running_loop().time()
            home.clock.offset = lambda: true + 1e-4 * (asyncio.get_running_loop().time() - began)
            await home.settle(30.0)
            home.clock.offset = lambda: true + 3600.0
            jumped = asyncio.get_running_loop().time()
            await home.settle(20.0)
            told = [one.at - jumped for one in home.broker.received if one.name == "health" and one.at > began]
            return told

    told = runner.run(live())
    assert len([at for at in told if at < 0]) <= 1
    assert any(0 <= at < LOOK + 0.5 for at in told)


def test_a_storage_that_fails_is_told_at_once(runner):
    async def live():
        async with whole(FILE.replace('driver = "sht4x"', 'driver = "sht4x"\nevery = "10m"')) as home:
            await home.settle(20.0)
            home.agent.outbox.storage.state = "degraded"
            home.agent.outbox.storage.changed()
            failed = asyncio.get_running_loop().time()
            await home.settle(20.0)
            return failed, times_of(home, lambda health: health["outbox"]["storage"])

    failed, changes = runner.run(live())
    assert [value for _, value in changes] == ["ok", "degraded"]
    assert changes[-1][0] - failed < 1.5


def test_a_late_will_is_put_right_within_a_minute(runner):
    async def live():
        async with whole() as home:
            await home.settle(100.0)
            for _ in range(5):
                home.broker.retained["limpet/pi/status"] = b"offline"
                await home.settle(59.0)
                assert home.broker.retained["limpet/pi/status"] == b"online"
                await home.settle(7.0)

    runner.run(live())


def test_the_start_of_home_assistant_is_not_answered_by_all_agents_at_once(runner):
    text = FILE + "[homeassistant]\ndiscovery = true\n"

    async def live():
        waits = []
        async with whole(text) as home:
            for _ in range(30):
                before, asked = len(home.broker.received), asyncio.get_running_loop().time()
                home.broker.send("homeassistant/status", b"online")
                home.broker.send("homeassistant/status", b"online")
                await home.settle(9.9)
                infos = [one.at for one in home.broker.received[before:] if one.name == "info"]
                assert len(infos) == 1
                waits.append(infos[0] - asked)
        return waits

    waits = runner.run(live())
    assert max(waits) < BIRTH_WITHIN + 0.2
    assert max(waits) - min(waits) > BIRTH_WITHIN / 2


def test_a_state_in_which_nothing_changes_is_sent_once_a_minute_and_a_change_at_once(runner):
    async def live():
        async with whole() as home:
            air = home.machine.devices["air"]

            def feel(temperature):
                air.curves = {"temperature": Curve(mean=temperature), "humidity": Curve(mean=40.0)}

            feel(20.0)
            await home.settle(15.0)
            began = asyncio.get_running_loop().time()
            await home.settle(300.0)
            quiet = [one.at for one in home.broker.received if one.name == "state" and one.at > began]
            feel(20.5)
            changed = asyncio.get_running_loop().time()
            await home.settle(15.0)
            after = [one for one in home.broker.received if one.name == "state" and one.at > changed]
            return [began, *quiet], after[0].document["sensors"]["air"]["temperature"], after[0].at - changed

    moments, told, took = runner.run(live())
    waits = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert 4 <= len(waits) <= 7
    assert max(waits) <= 60.0
    assert abs(told - 20.5) < 0.02
    assert took < 10.5
