"""A simulated machine in the place of the real one, for `--simulate`."""

from __future__ import annotations

from pathlib import Path

from agent.clock import Clock
from agent.config import Config, load

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
        """Read the configuration; raises ConfigError."""
        return load(self._file)

    def doors(self, config: Config) -> tuple[Clock, SimulatedMachine]:
        """Return a clock and a machine that follow the scenario.

        Raises:
            ConfigError: the scenario has mistakes, or a driver has no fake.
        """
        return simulated(config, self._scenario)
