"""What can be seen of a simulated run from inside its process: batches as they are made and acknowledged."""

from __future__ import annotations

import json
import time
from typing import Any

from agent.outbox import Item
from agent.service.agent import Agent

from .ledger import FRESH, speaks_against
from .machine import SimulatedMachine
from .observations import Observer
from .promises import Findings, Promise
from .report import FaultReport


class RunWatcher:
    """Watches one agent, whose broker is a true one."""

    def __init__(self, agent: Agent, machine: SimulatedMachine) -> None:
        self._agent, self._machine, self._began = agent, machine, time.time() - machine.elapsed()
        self.observer = Observer(machine.scenario.faults, machine.buses_of_sensors, float("inf"))
        self.findings = Findings(machine.elapsed)
        self._last = 0
        self._made: dict[tuple[str, int], float] = {}
        self._put, self._done = agent.outbox.put, agent.outbox.done
        agent.outbox.put = self._made_one  # type: ignore[method-assign]
        agent.outbox.done = self._acknowledged  # type: ignore[method-assign]

    def _made_one(self, item: Item) -> None:
        now, document = self._machine.elapsed(), json.loads(item.body)
        if item.seq != self._last + 1:
            self.findings.wrong(f"seq {item.seq} follows {self._last}", Promise.NUMBERED)
        self._last = item.seq
        for what in speaks_against(document):
            self.findings.wrong(what, Promise.DEGRADED)
        self._made[item.run_id, item.seq] = now
        self.observer.batch(document, now)
        self._put(item)

    def _acknowledged(self, item: Item, *, heard: bool = True) -> None:
        now, document = self._machine.elapsed(), json.loads(item.body)
        made = self._made.pop((item.run_id, item.seq), None)
        if made is not None:
            late: dict[str, Any] = {"historical": True} if now - made > FRESH else {}
            self.observer.heard(document | late, now)
        self._done(item, heard=heard)

    def report(self) -> FaultReport:
        """Return what came of the scenario."""
        agent, seconds = self._agent, self._machine.elapsed()
        self.observer.ends = seconds
        rounds, stats = agent.scheduler.rounds, agent.outbox.stats()
        if rounds.skipped or rounds.late:
            self.findings.wrong(f"{rounds.late} late, {rounds.skipped} skipped", Promise.PUNCTUAL)
        good = {
            Promise.DELIVERED: f"{self._last - len(self._made)} of {self._last} batches were acknowledged, "
            f"{stats.waiting} wait",
            Promise.NUMBERED: f"{self._last} batches",
            Promise.DEGRADED: f"{self._last} batches looked at",
            Promise.PUNCTUAL: "none late, none skipped",
        }
        scenario = self._machine.scenario
        return FaultReport(agent.config, scenario.seed, self._began, seconds, self.observer, self.findings, good)
