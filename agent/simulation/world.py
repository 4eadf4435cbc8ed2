"""A simulated machine in the place of the real one, for `--simulate`; and what keeps it apart from the truth."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent.clock import Clock
from agent.config import Config, load
from agent.service.process import SIMULATED

from .machine import SimulatedMachine, simulated


class SimulatedWorld:
    """Every configured chip and pin replaced by its fake.

    Args:
        file: the configuration; None: where `agent.config.find` finds one.
        scenario: weather and faults; None: gentle weather, no faults.
    """

    def __init__(self, file: str | Path | None, scenario: str | Path | None = None) -> None:
        self._file, self._scenario = file, scenario

    def load(self) -> Config:
        """Read the configuration, set apart from that of the true run; raises ConfigError."""
        return apart(load(self._file))

    def doors(self, config: Config) -> tuple[Clock, SimulatedMachine]:
        """Return a clock and a machine that follow the scenario.

        Raises:
            ConfigError: the scenario has mistakes, or a driver has no fake.
        """
        return simulated(config, self._scenario)


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
