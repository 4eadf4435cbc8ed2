"""A simulated run says which faults it plays, and what came of them."""

from __future__ import annotations

import asyncio

import pytest

from agent.config import ConfigError, parse
from agent.simulation.clock import SimClock
from agent.simulation.fault_log import FaultLog
from agent.simulation.ledger import DeliveryLedger
from agent.simulation.run_watcher import RunWatcher
from agent.simulation.scenario import Scenario, ScenarioFault
from agent.simulation.values import ValueJudge
from agent.simulation.virtual_world import VirtualWorld
from agent.simulation.world import SimulatedWorld

FILE = '[[sensor]]\nid = "air"\ndriver = "sht4x"\n'


def test_each_fault_is_announced_when_it_begins_and_when_it_is_over(runner, logged, caplog):
    caplog.set_level("INFO")
    faults = (
        ScenarioFault(kind="unplugged", sensor="air", at=5.0, lasts=2.0, every=10.0),
        ScenarioFault(kind="clock_step", by=60.0, at=8.0),
    )

    async def story() -> None:
        loop = asyncio.get_running_loop()
        FaultLog(Scenario(faults=faults), loop.time, loop)
        await asyncio.sleep(16.0)

    runner.run(story())
    told = [(one.getMessage(), one.kind) for one in logged("limpet.simulation")]
    assert told == [
        ("simulated fault begins", "unplugged"),
        ("simulated fault is over", "unplugged"),
        ("simulated fault begins", "clock_step"),
        ("simulated fault begins", "unplugged"),
    ]
    assert getattr(logged("limpet.simulation")[0], "for") == 2.0


def test_a_run_reports_what_it_could_see(runner):
    config, mistakes = parse(f'[agent]\nevery = "10s"\n{FILE}')
    assert config is not None, mistakes

    class Watched(VirtualWorld):
        def furnished(self):
            machine = super().furnished()
            machine.play(Scenario(faults=(ScenarioFault(kind="unplugged", sensor="air", at=25.0, lasts=20.0),)))
            return machine

    async def story():
        ledger = DeliveryLedger(SimClock(asyncio.get_running_loop()))
        judge = ValueJudge(ledger.clock, ledger.wrong)
        world = Watched(1, config, ledger=ledger, judge=judge)
        watcher = RunWatcher(world.boot(), world.machine)
        await world.sleep(120.0)
        await world.stop()
        return watcher.report()

    report = runner.run(story())
    (one,) = report.document()["faults"]
    assert one["seen"].startswith("unavailable (NoAcknowledge)")
    assert one["recovered"]
    assert 0.5 < report.document()["sensors"]["air"]["share"] < 1.0
    assert report.kept


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ('kind = "down"\nbroker = true', "cannot let the broker fail"),
        ('kind = "full"\ndisk = true', "cannot let the disk fail"),
        ('kind = "killed"\nprocess = true', "cannot let the process fail"),
        ('kind = "nack"\nsensor = "air"\nat = "31s"', "after the end: the run takes 30s"),
    ],
)
def test_what_a_run_cannot_play_is_a_mistake(tmp_path, fault, what):
    config, scenario = tmp_path / "limpet.toml", tmp_path / "bad.toml"
    config.write_text(FILE)
    scenario.write_text(f"[[fault]]\n{fault}\n")
    world = SimulatedWorld(config, scenario, 3)
    with pytest.raises(ConfigError, match=what):
        world.doors(world.load())
