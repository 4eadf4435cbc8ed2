"""What is said of each sensor is true: values, statuses, ages, attempts, breakers and edges, fault by fault."""

from __future__ import annotations

from collections import Counter

import pytest
from faults import CHIPS
from world import World

GREENHOUSE = """
[agent]
device_id = "sim"
[[sensor]]
id = "air"
driver = "sht4x"
fallback = "sensor:attic"
calibrate = { temperature = { scale = 2.0, offset = -3.0 } }
[[sensor]]
id = "tank"
driver = "lm75"
every = "5s"
fallback = "last"
max_age = "60s"
[[sensor]]
id = "attic"
driver = "sht4x"
bus = 2
limits = { temperature = [0.0, 30.0], humidity = [20.0, 60.0] }
[[sensor]]
id = "cellar"
driver = "lm75"
bus = 2
every = "15s"
breaker = { failure_threshold = 2 }
[[sensor]]
id = "door"
driver = "contact"
pin = 17
options = { bounce = "20ms" }
"""
CHIPS_THERE = (("i2c-1", 0x44), ("i2c-1", 0x48), ("i2c-2", 0x44), ("i2c-2", 0x48))


@pytest.fixture
def tell(runner):
    """Return a function that tells a story in a world which nothing untrue is said of."""

    def told(story):
        async def scene():
            world = World(config=GREENHOUSE)
            world.boot()
            await world.sleep(25)
            world.chip("door").edges.clock = world.clock.now
            await story(world)
            await world.stop()
            assert world.ledger.violations == []
            return world

        return runner.run(scene())

    return told


def readings(world, sensor: str) -> Counter[str]:
    """Count the statuses of a sensor's readings."""
    documents = [one.document for one in world.ledger.accepted.values()]
    return Counter(r["status"] for one in documents for r in one["readings"] if r["sensorId"] == sensor)


def told_faults(world) -> list[tuple[str, float]]:
    """Return the sensors of which a fault was told, each with when."""
    return [(fault["sensorId"], one.at) for one in world.ledger.accepted.values() for fault in one.document["faults"]]


@pytest.mark.parametrize("kind", CHIPS)
def test_each_kind_of_fault_is_told_as_it_is_and_passes(tell, kind):
    async def story(world):
        for bus, address in CHIPS_THERE:
            world.ail(kind, bus, None if kind == "stuck" else address, 95.0)
            await world.sleep(400)

    world = tell(story)
    last = {name: known.status for name, known in world.truth.known.items()}
    assert set(last.values()) == {"ok"}
    assert told_faults(world) or kind == "power_loss", "which heals within a round"


def test_what_replaces_a_silent_sensor_is_marked_and_ends_with_its_age(tell):
    async def story(world):
        for address in (0x44, 0x48):
            world.ail("unplugged", "i2c-1", address, 120.0)
        await world.sleep(300)

    world = tell(story)
    assert readings(world, "air")["substituted"] >= 20
    assert 8 <= readings(world, "tank")["stale"] <= 12


def test_what_is_outside_of_the_limits_is_suspect_and_replaces_nothing(tell):
    async def story(world):
        world.feel("attic", temperature=31.0, humidity=50.0)
        world.ail("unplugged", "i2c-1", 0x44, 60.0)
        await world.sleep(50)
        world.feel("attic", temperature=-2.0, humidity=61.0)
        await world.sleep(50)
        world.feel("attic", temperature=29.0, humidity=21.0)
        await world.sleep(100)

    world = tell(story)
    assert readings(world, "attic")["suspect"] == 15
    assert readings(world, "air")["substituted"] == 5, "the humidity alone"


def test_an_edge_has_the_time_at_which_it_came_however_late_the_loop_hears_of_it(tell):
    async def story(world):
        for state in (1, 0, 1):
            world.feel("door", state=state)
            world.loop.clock.advance(0.4)
            await world.sleep(3)
        world.feel("door", state=0)
        await world.sleep(0.1)

    world = tell(story)
    events = [one.document for one in world.ledger.accepted.values() if one.document["trigger"] == "event"]
    assert [one["readings"][0]["value"] for one in events] == [1, 0, 1, 0]


def test_a_sensor_that_was_silent_and_hangs_costs_the_healthy_ones_nothing(tell):
    async def story(world):
        await world.sleep(8)
        world.ail("unplugged", "i2c-1", 0x48, 3.0)
        await world.sleep(6)  # just before the next round of both
        world.ail("hang", "i2c-1", 0x48, 5.0)
        await world.sleep(100)

    assert {name for name, _ in told_faults(tell(story))} == {"tank"}


def test_a_bus_that_is_well_again_is_read_again_though_one_sensor_hung_there_before(tell):
    async def story(world):
        world.ail("hang", "i2c-1", 0x44, 30.0)
        await world.sleep(45)
        world.quiet_since = world.loop.time()
        await world.sleep(60)

    world = tell(story)
    assert "tank" not in {name for name, at in told_faults(world) if at > world.quiet_since}
