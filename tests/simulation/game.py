"""One seed's game from the draw to the verdict; also runs by itself, for a replay in another process.

python game.py SEED HOURS
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from faults import Fault, draw, play, quiet
from world import GREENHOUSE, World

PATIENCE = 1800.0  # seconds after the last fault: a refused password is tried again after up to five minutes
CONNECTS_A_MINUTE = 15


@dataclass
class Verdict:
    """What came of a game.

    Attributes:
        wrong: promises broken; empty is good. met: which faults an agent has met, how often.
        digest: names every byte that the broker received, and when.
    """

    wrong: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    digest: str = ""


def settings(seed: int) -> str:
    """Return a configuration that differs from seed to seed."""
    rng = Random(f"{seed} settings")
    box = {
        "durability": rng.choice(("outage", "outage", "always", "memory")),
        "when_full": rng.choice(("drop_oldest", "drop_newest", "thin")),
        "max_size": rng.choice((64_000_000, 64_000_000, 30_000)),
        "max_age": rng.choice((30 * 86400, 400)),
        "require_subscriber": rng.choice((False, False, True)),
    }
    lines = [f"{key} = {repr(value).replace('F', 'f').replace('T', 't')}" for key, value in box.items()]
    return GREENHOUSE + "\n[outbox]\n" + "\n".join(lines) + "\n"


def played(runner: Any, seed: int, hours: float, schedule: Sequence[Fault] | None = None) -> Verdict:
    """Play a seed in a new loop of this kind of runner; its own schedule may be replaced by a shorter one."""
    faults = draw(seed, hours * 3600) if schedule is None else schedule

    async def story() -> Verdict:
        world = World(seed, settings(seed), honest=seed % 3 != 0)
        world.boot()
        try:
            await play(world, faults)
            if not await quiet(world, PATIENCE):
                world.ledger.wrong(f"not well {PATIENCE:.0f} s after the last fault: {_ill(world)}")
            await world.stop()
        except Exception as error:  # the agent crashed: the worst of all  # noqa: BLE001
            world.ledger.wrong(f"{type(error).__name__}: {error!r} {error.__cause__!r}")
        return _verdict(world)

    with runner() as one:
        return one.run(story())


def _ill(world: World) -> str:
    agent = world.agent
    assert agent is not None
    states = {name: one.state.value for name, one in agent.status.breakers().items()}
    pending = sorted(seq for _, seq in world.ledger.pending)[:9]
    return f"pending {pending}, waiting {agent.outbox.waiting}, {states}, {agent.publisher.state}"


def _verdict(world: World) -> Verdict:
    broker, ledger = world.broker, world.ledger
    for moments in broker.connects_of.values():
        if any(sum(start <= at < start + 59.99 for at in moments) > CONNECTS_A_MINUTE for start in moments):
            ledger.wrong("a storm of connects")
    if ledger.pending:
        ledger.wrong(f"never came and was never declared: {sorted(ledger.pending)[:9]}")
    if broker.retained.get("limpet/sim/status") != b"offline":
        ledger.wrong("the last word is not offline")
    met = world.met + ledger.counts + world.disk.met
    met += Counter(
        refuse=broker.refusals, no_connack=broker.hung, blackhole=broker.unheard, lost_pubacks=broker.dice.lost
    )
    met += Counter(mid_stream=broker.breaks)
    return Verdict(ledger.violations, met, ledger.digest)


if __name__ == "__main__":
    import sys

    from agent.simulation.virtual import VirtualRunner

    print(played(VirtualRunner, int(sys.argv[1]), float(sys.argv[2])).digest)
