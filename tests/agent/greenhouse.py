"""A greenhouse for tests: simulated chips under the true drivers, sensors, buses and rounds, all in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from agent.acquisition.bus import GuardedBus
from agent.acquisition.calibration import Calibration
from agent.acquisition.collector import Collector
from agent.acquisition.scheduler import Scheduler
from agent.acquisition.sensor import Sensor
from agent.acquisition.turn import COUNTED
from agent.model import Batch
from agent.resilience import CircuitBreaker, RetryPolicy
from agent.simulation.worker import LoopWorker
from drivers import open_chip
from drivers.fakes import FakeBus, fake_chip

ADDRESSES = (0x44, 0x45, 0x46)


class Greenhouse:
    """Sensors `s1`, `s2` … (sht4x) on as many buses as asked, each bus with up to three of them."""

    def __init__(self, per_bus: Sequence[int] = (2,), *, every: float = 10.0, timeout: float = 2.0, **more: Any):
        self.loop = asyncio.get_running_loop()
        self.clock: Callable[[], float] = self.loop.time
        self.batches: list[Batch] = []
        self.left: list[float] = []  # when each of them was complete
        self.buses: dict[str, FakeBus] = {}
        self.guarded: dict[str, GuardedBus] = {}
        self.sensors: list[Sensor] = []
        self.due: list[tuple[Sensor, str]] = []
        for number, count in enumerate(per_bus, 1):
            self._bus(f"i2c-{number}", count, every, timeout, dict(more))
        self.collector = Collector(self.guarded, self.clock)
        self.scheduler = Scheduler(self.collector, self.due, self._deliver, self.clock)

    def _bus(self, name: str, count: int, every: float, timeout: float, more: dict[str, Any]) -> None:
        worker = LoopWorker(name, self.loop)
        chips = {address: fake_chip("sht4x", temperature=20.0 + address) for address in ADDRESSES[:count]}
        bus = FakeBus(chips, name=name, clock=self.clock, wait=worker.occupy, seed=1)
        breaker = CircuitBreaker(
            1, 5.0, name=f"bus:{name}", clock=self.clock, rng=Random(1), max_reset_timeout_seconds=60
        )
        self.buses[name], self.guarded[name] = bus, GuardedBus(name, worker, breaker)
        calibration = Calibration(more.pop("calibrate", {}), more.pop("limits", {}))
        for address in chips:
            sensor = Sensor(
                f"s{len(self.sensors) + 1}",
                open_chip("sht4x", bus, address),
                every=every,
                timeout=timeout,
                breaker=CircuitBreaker(3, 30.0, exceptions=COUNTED, clock=self.clock, rng=Random(2)),
                retry=RetryPolicy(3, 0.1, 2.0, rng=Random(3)),
                clock=self.clock,
                calibration=calibration,
                **more,
            )
            self.sensors.append(sensor)
            self.due.append((sensor, name))

    def fault(self, kind: str, sensor: str | None = None, **more: Any) -> Any:
        """Let something go wrong with a sensor, or with the first bus."""
        at = self.clock() - next(iter(self.buses.values())).began
        for one, bus in self.due:
            if sensor in (None, one.id):
                address = None if sensor is None else one.chip.address  # type: ignore[attr-defined]
                return self.buses[bus].faults.add(kind, address, at=at, **more)
        raise LookupError(sensor)

    def _deliver(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.left.append(self.clock())

    async def rounds(self, count: int) -> list[Batch]:
        """Run so many rounds more; return their batches."""
        before = len(self.batches)
        self.scheduler.rounds.finished = 0
        await self.scheduler.run(count)
        return self.batches[before:]


def play(runner, story, *args, **more):
    """Return what a story about a fresh greenhouse returns."""

    async def scene():
        return await story(Greenhouse(*args, **more))

    return runner.run(scene())


def missing(batch: Batch) -> dict[str, tuple[str, int]]:
    """Return the errors and attempts of those that failed."""
    return {fault.sensor: (fault.error, fault.attempts) for fault in batch.faults}
