"""Rows about bad days: a sensor that hangs, more asked than possible, a whole day of memory. Mostly in virtual time."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from rows import Row
from stage import ROOT, SETTLE, Stage

sys.path += [str(ROOT / "tests"), str(ROOT / "tests" / "agent")]

import greenhouse

from agent.clock import Clock
from agent.config import Config, parse
from agent.publisher import Publisher
from agent.service.agent import Agent
from agent.service.process import resident
from agent.service.systemd import Supervisor
from agent.simulation.broker import SimBroker
from agent.simulation.machine import SimulatedMachine
from agent.simulation.virtual import VirtualRunner
from agent.simulation.worker import LoopWorker
from drivers.fakes import FakeBus, InjectedFault

HOUR = 3600
BUS_TIMEOUT = 0.05  # seconds: what the agent asks of an adapter
ETIMEDOUT = 110
SLOW_WIRE = 20_000.0  # hertz: 13 sensors of a bus then take longer than OVERLOADED
OVERLOADED = 0.05  # seconds between two rounds


class Hanging(FakeBus):
    """A bus on which a slow transfer ends in a time-out."""

    def _suffer(self, fault: InjectedFault) -> str:
        if fault.kind == "slow":
            self.wait(fault.delay)
            raise OSError(ETIMEDOUT, "Connection timed out")
        return super()._suffer(fault)


def rows(stage: Stage, runs: int, seconds: float) -> Iterator[Row]:
    """Measure and yield the rows."""
    logging.disable(logging.CRITICAL)
    for hang, honoured in ((1.0, True), (5.0, True), (1.0, False), (5.0, False)):
        with VirtualRunner() as runner:
            others, same, gap = runner.run(hanging(BUS_TIMEOUT if honoured else hang))
        what = f"hangs {hang:g} s, time-out {'honoured' if honoured else 'ignored'}"
        yield Row(f"{what}: other buses kept", others, "%", 100, at_least=True)
        yield Row(f"{what}: same bus kept", same, "%", 98 if honoured else None, at_least=True)
        yield Row(f"{what}: longest gap", gap, "s", 2 if honoured else None)
    yield from overload(stage, seconds)
    with VirtualRunner() as runner:
        yield Row("memory after 24 hours against the first hour", runner.run(day(runner.clock)), "MB", 1)


async def hanging(seconds: float) -> tuple[float, float, float]:
    """Let one of twelve sensors on four buses hang for an hour, each transfer for so long.

    Return % kept of the sensors on other buses, % kept of the others on its bus, and their longest gap in seconds.
    """
    greenhouse.FakeBus = Hanging
    house = greenhouse.Greenhouse((3, 3, 3, 3), every=1.0)
    await house.rounds(5)
    house.fault("slow", "s1", delay=seconds)
    began = house.clock()
    while house.clock() - began < HOUR:
        await house.rounds(60)
    arrived: dict[str, list[float]] = {sensor.id: [] for sensor in house.sensors}
    for batch, left in zip(house.batches[5:], house.left[5:], strict=True):
        for reading in batch.readings:
            arrived[reading.sensor].append(left)
    times = {name: sorted(set(moments)) for name, moments in arrived.items()}
    due = house.left[-1] - began
    same = [times[name] for name in ("s2", "s3")]
    others = [times[sensor.id] for sensor in house.sensors[3:]]
    gap = max(b - a for moments in same for a, b in zip([began, *moments], moments, strict=False))
    return 100 * min(map(len, others)) / due, 100 * min(map(len, same)) / due, gap


def overload(stage: Stage, seconds: float) -> Iterator[Row]:
    """Ask for 20 rounds a second of which each takes longer than that."""
    with stage.running("ours", 50, OVERLOADED, hertz=SLOW_WIRE) as process:
        time.sleep(SETTLE)
        before, seen, at = process.rss(), len(process.arrivals), time.monotonic()
        time.sleep(seconds)
        asked = (time.monotonic() - at) / OVERLOADED
        batches = [json.loads(payload) for _, payload in process.arrivals[seen:]]
        after = process.rss()
    rounds = json.loads((Path(process.state) / "health.json").read_text())["rounds"]
    whole = sum(not batch["unavailableSensors"] for batch in batches)
    yield Row("overload: batches that are whole", 100 * whole / max(1, len(batches)), "%", 100, at_least=True)
    yield Row("overload: rounds skipped and counted", 100 * rounds["skipped"] / asked, "% of all")
    yield Row("overload: memory grows by", after - before, "MB", 2)


class LoopClock(Clock):
    """The machine's clock in the loop's time."""

    def __init__(self, time: Callable[[], float]) -> None:
        super().__init__()
        self.now = time  # type: ignore[method-assign]

    def offset(self) -> float:
        """Return a constant: the wall clock is right."""
        return 1.8e9

    def synced(self) -> bool:
        """Return True."""
        return True


async def day(clock: Any) -> float:
    """Run the whole agent for 24 virtual hours; return how many MB its memory grew after the first one."""
    broker = SimBroker()
    settings, _ = parse('[agent]\nevery = "10s"\n[[sensor]]\nid = "air"\ndriver = "bme280"\n')
    assert settings is not None
    agent = _agent(settings, LoopClock(clock), broker)
    running = asyncio.create_task(agent.run())
    figures = []
    for _ in range(24):
        await asyncio.sleep(HOUR)
        broker.received.clear()
        gc.collect()
        figures.append(resident())
    agent.stop()
    await running
    return (figures[-1] - figures[0]) / 1e6


def _agent(settings: Config, clock: Clock, broker: SimBroker) -> Agent:
    loop = asyncio.get_running_loop()
    return Agent(
        settings,
        hardware=SimulatedMachine(settings, clock=clock.now, worker=lambda bus: LoopWorker(bus, loop)),
        publishing=lambda outbox, topics, on_event: Publisher(broker.link, outbox, topics, clock, on_event=on_event),
        clock=clock,
        rng=Random(1),
        store=None,
        supervisor=Supervisor({}),
        health_file=None,
        version="0",
    )
