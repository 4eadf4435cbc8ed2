"""Memory over days of outages: what has ended is let go of, and the process does not grow."""

from __future__ import annotations

import gc
import logging
import sys
import weakref
from collections import Counter

import pytest
from world import World

from agent.broker import BrokerLost

SLOW = '[agent]\ndevice_id = "sim"\n[[sensor]]\nid = "air"\ndriver = "lm75"\nevery = "2m"\n'
OUTAGES_IN_96_HOURS = 96 * 60 // 35


async def outages(world: World, count: int) -> None:
    """Let so many outages pass, one every 35 minutes; the world forgets what it wrote down of them."""
    for _ in range(count):
        await world.sleep(30 * 60)
        world.broker.refuses = BrokerLost("nobody listens there")
        world.broker.cut()
        await world.sleep(5 * 60)
        world.broker.heal()
        forget(world)


def forget(world: World) -> None:
    """Let go of what the world wrote down; only its last session stays."""
    broker, ledger = world.broker, world.ledger
    del broker.sessions[:-1]
    for record in (broker.received, broker.connects_of, ledger.heard, ledger.declared, ledger.excused, ledger._place):
        record.clear()
    for key in ledger.accepted.keys() - ledger.pending.keys():
        del ledger.accepted[key]


def census() -> Counter[str]:
    """Return how many objects there are of each class of ours and of what holds others, and the bytes of all."""
    gc.collect()
    objects = gc.get_objects()
    found = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in objects)
    ours = ("agent.", "drivers.", "builtins.", "collections.", "_asyncio.", "asyncio.")
    counts = Counter({name: count for name, count in found.items() if name.startswith(ours)})
    counts["bytes"] = sum(map(sys.getsizeof, objects))
    return counts


@pytest.fixture
def silence():
    """Keep no log record: pytest does, for its report."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_96_hours_with_an_outage_every_35_minutes_leave_no_object_behind(runner, silence):
    async def story():
        world = World(config=SLOW)
        world.boot()
        await outages(world, 12)
        seen = [census()]
        for _ in range(2):
            await outages(world, (OUTAGES_IN_96_HOURS - 12) // 2)
            seen.append(census())
        await world.stop()
        return seen

    first, middle, last = runner.run(story())
    # A table of the whole process may grow at once, by a half; what a session leaves grows in both halves.
    assert min(middle["bytes"] - first["bytes"], last["bytes"] - middle["bytes"]) < 25_000
    more = last - first
    del more["bytes"]
    # A timer or a future that happens to be under way is no leak; one that each session left would be 150.
    assert {name: count for name, count in more.items() if count > 50} == {}


def test_a_session_and_its_link_are_let_go_of_when_they_have_ended(runner, silence):
    async def story():
        # What other tests left behind is not ours.
        others = census()["agent.publisher.session.Session"]
        world = World(config=SLOW)
        world.boot()
        await world.sleep(60)
        link = weakref.ref(world.broker.session)
        assert link() is not None
        await outages(world, 2)
        counts = census()
        ended = link()
        await world.stop()
        return ended, counts["agent.publisher.session.Session"] - others

    assert runner.run(story()) == (None, 1)
