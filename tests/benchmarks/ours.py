"""The agent itself, `limpet run`, on cheap buses. Started by the benchmarks."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import cheap

import agent.service.hardware
from agent.cli.main import main

WINDOW = 16


async def as_fast_as_it_can(run: Any, _rounds: int | None = None) -> None:
    """Stand in for the agent's rounds: one follows the other, as long as the broker keeps up."""
    scheduler = run.scheduler
    while True:
        for interval, due in scheduler.groups.items():
            scheduler.deliver(await scheduler.collector.collect(due, "interval", interval))
        while run.outbox.waiting >= WINDOW:  # noqa: ASYNC110
            await asyncio.sleep(0)


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    agent.service.hardware.open_bus = cheap.opener(settings["page"], settings["hertz"], settings["hang"])
    if not settings["every"]:
        from agent.service.agent import Agent

        Agent._collect = as_fast_as_it_can  # type: ignore[method-assign]
    sys.exit(main(["run", "-c", settings["config"]]))
