"""A true run over fake chips: python tests/system/true_run.py CONFIGURATION SCENARIO [HOURS_AGO]

`limpet run --simulate` marks everything it publishes and announces nothing to Home Assistant. Here the service takes
the fakes for the machine's own chips, so that subscribers receive what a Pi would send. A line on standard input names
a scenario that is played from then on. With HOURS_AGO the wall clock lags: what is published belongs to the past.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from agent.clock import Clock
from agent.config import Config, load
from agent.service.runs import run
from agent.simulation.machine import SimulatedMachine
from agent.simulation.scenario_file import load as load_scenario


class LateClock(Clock):
    """The machine's clock, with a wall time of some hours ago."""

    def __init__(self, hours_ago: float) -> None:
        super().__init__()
        self._late = hours_ago * 3600

    def offset(self) -> float:
        """Return wall time minus `now()`, in seconds."""
        return super().offset() - self._late


class TrueWorld:
    """Fakes, and no word about it."""

    def __init__(self, file: str, scenario: str, hours_ago: float) -> None:
        self._file, self._scenario, self._hours_ago = file, scenario, hours_ago
        self.machine: SimulatedMachine | None = None

    def load(self) -> Config:
        """Read the configuration; raises ConfigError."""
        return load(self._file)

    def doors(self, config: Config) -> tuple[Clock, SimulatedMachine]:
        """Return the clock and the machine of a run."""
        self.machine = SimulatedMachine(config)
        self.machine.simulated = False
        self.play(self._scenario)
        return LateClock(self._hours_ago), self.machine

    def watch(self, agent: object) -> None:
        """Nothing: it is watched from outside."""

    def play(self, scenario: str) -> None:
        """Play another scenario from now on."""
        self._scenario = scenario
        assert self.machine is not None
        self.machine.play(load_scenario(scenario, self.machine.devices, self.machine.places, ()))

    def listen(self) -> None:
        """Play what is named on standard input, until its end."""
        for line in sys.stdin:
            self.play(str(Path(line.strip())))


def main(file: str, scenario: str, hours_ago: str = "0") -> int:
    """Run until told to stop."""
    world = TrueWorld(file, scenario, float(hours_ago))
    threading.Thread(target=world.listen, daemon=True).start()
    return run(world)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
