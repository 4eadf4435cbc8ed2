"""The suite's world: a small greenhouse, judged by the strictest judge, and what can befall its chips."""

from __future__ import annotations

import asyncio
from typing import Any

from known import ScheduledFault
from truth import Truth

from agent.config import Config, parse
from agent.simulation.clock import SimClock
from agent.simulation.ledger import DeliveryLedger
from agent.simulation.machine import SimulatedMachine
from agent.simulation.scenario import Curve
from agent.simulation.virtual_world import VirtualWorld

GREENHOUSE = """
[agent]
device_id = "sim"
[[sensor]]
id = "air"
driver = "sht4x"
[[sensor]]
id = "tank"
driver = "lm75"
[[sensor]]
id = "attic"
driver = "sht4x"
bus = 2
[[sensor]]
id = "cellar"
driver = "lm75"
bus = 2
every = "30s"
fallback = "last"
"""
BUSES, ADDRESSES = ("i2c-1", "i2c-2"), (None, 0x44, 0x48)


def configured(text: str) -> Config:
    """Return a configuration that has no mistakes."""
    config, mistakes = parse(text)
    assert config is not None, [str(one) for one in mistakes]
    return config


class World(VirtualWorld):
    """A virtual world with the suite's configuration and judge."""

    def __init__(self, seed: int = 0, config: str = GREENHOUSE, *, honest: bool = True, disk: Any = None) -> None:
        clock = SimClock(asyncio.get_running_loop())
        ledger = DeliveryLedger(clock)
        self.truth = Truth(clock, ledger.wrong)
        super().__init__(seed, configured(config), ledger=ledger, judge=self.truth, store=disk)
        if not honest:
            self.clock.power_cycle()
        self._troubles: dict[tuple[str, str, int | None], float] = {}

    def furnished(self) -> SimulatedMachine:
        """Return a machine whose chips still have the faults that the last one's had."""
        machine = super().furnished()
        for (bus, kind, address), ends in self._troubles.items():
            if ends > self.loop.time():
                self._ail(machine, bus, kind, address, ends)
        return machine

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: for its programs, time jumps."""
        super().suspend(seconds)
        self.truth.awake_since = self.awake_since

    def ail(self, kind: str, bus: str, address: int | None, lasts: float) -> None:
        """Give a chip, or a whole bus, a fault."""
        assert self.machine is not None
        ends = self.loop.time() + lasts
        self._troubles[bus, kind, address] = ends
        self.truth.faults.append(ScheduledFault(kind, bus, address, self.loop.time(), ends))
        self._ail(self.machine, bus, kind, address, ends)

    def chip(self, sensor: str) -> Any:
        """Return the driver of a sensor."""
        assert self.agent is not None
        return next(one.chip for one in self.agent.assembly.sensors if one.id == sensor)

    def feel(self, sensor: str, **values: float) -> None:
        """Let a sensor's fake feel these constant values from now on."""
        assert self.machine is not None
        part = self.machine.devices[sensor]
        part.curves |= {name: Curve(mean=value) for name, value in values.items()}
        self.truth.feel(sensor, part.curves)
        part.feel()

    def _ail(self, machine: SimulatedMachine, bus: str, kind: str, address: int | None, ends: float) -> None:
        one, at = machine.bus(int(bus.partition("-")[2])), machine.elapsed()
        one.faults.add(kind, address, at=at, lasts=ends - at, rate=0.6 if kind == "flaky" else 1.0)
