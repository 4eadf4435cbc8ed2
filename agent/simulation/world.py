"""A simulated machine in the place of the real one, for `--simulate`; and what keeps it apart from the truth."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent.clock import Clock
from agent.config import Config, load
from agent.service.agent import Agent
from agent.service.process import SIMULATED

from .fault_log import FaultLog
from .machine import SimulatedMachine, simulated
from .report import FaultReport
from .run_watcher import RunWatcher


class SimulatedWorld:
    """Every configured chip and pin replaced by its fake.

    Args:
        file: the configuration; None: where `agent.config.find` finds one.
        scenario: weather and faults; None: gentle weather, no faults.
        rounds: after which the run ends; None: when it is told to.
    """

    def __init__(self, file: str | Path | None, scenario: str | Path | None = None, rounds: int | None = None) -> None:
        self._file, self._scenario, self._rounds = file, scenario, rounds
        self._machine: SimulatedMachine | None = None
        self._watcher: RunWatcher | None = None

    def load(self) -> Config:
        """Read the configuration, set apart from that of the true run; raises ConfigError."""
        return apart(load(self._file))

    def doors(self, config: Config) -> tuple[Clock, SimulatedMachine]:
        """Return a clock and a machine that follow the scenario.

        Raises:
            ConfigError: the scenario has mistakes, or a driver has no fake.
        """
        fastest = min((sensor.every for sensor in config.sensors), default=math.inf)
        ends = math.inf if self._rounds is None else self._rounds * fastest
        clock, self._machine = simulated(config, self._scenario, ends=ends)
        return clock, self._machine

    def watch(self, agent: Agent) -> None:
        """Announce the scenario's faults as they come, and see what the agent makes of them."""
        if self._scenario is not None and self._machine is not None:
            FaultLog(self._machine.scenario, self._machine.elapsed, asyncio.get_running_loop())
            self._watcher = RunWatcher(agent, self._machine)

    def report(self) -> FaultReport | None:
        """Return what came of the scenario, as far as the last run could see it; None without one."""
        return None if self._watcher is None else self._watcher.report()


def apart(config: Config, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration of a simulated run, which shares no name and no file with the true one.

    Subscribers, the broker's sessions and retained documents, Home Assistant, the outbox and the lock: none of them may
    take what is invented for what was measured, also when the true run follows.
    """
    agent = replace(
        config.agent,
        device_id=f"{config.agent.device_id}-{SIMULATED}",
        state_dir=config.state_dir(environ) / SIMULATED,
    )
    mqtt = config.mqtt
    if mqtt.client_id is not None:
        mqtt = replace(mqtt, client_id=f"{mqtt.client_id}-{SIMULATED}")
    homeassistant = replace(config.homeassistant, discovery=False)
    return replace(config, agent=agent, mqtt=mqtt, homeassistant=homeassistant)
