"""The composition root: from a configuration to a running agent. Start together, stop in order, crash loudly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from random import Random

from . import health, wire
from .assembly import Assembly
from .clock import Clock
from .config import Config
from .documents import Documents
from .events import Edges
from .machine import Machine
from .model import Batch
from .outbox import Item, Outbox, Store
from .publisher import Publisher
from .resilience import BreakerEvent, CircuitState
from .scheduler import Collector, Scheduler
from .supervise import Supervisor
from .topics import Topics

log = logging.getLogger("limpet")

FIRST_ROUND = 1.0  # seconds that the connection waits for the first values, so that `state` tells them before `online`
PATIENCE = 1.2  # seconds that the end waits for acknowledgements
TELL_HEALTH = 60.0  # seconds between two documents when nothing changes
STALLED = 3.0  # a round may be late by so many intervals before the watchdog goes hungry


class Agent:
    """One run of the agent. All doors to the outside are handed in: machine, clock, dice, broker, store, supervisor.

    Attributes:
        boot_id: names this run; `seq` counts its batches from 1 without a gap.
    """

    def __init__(
        self,
        config: Config,
        *,
        machine: Machine,
        publisher: Callable[[Outbox, Topics], Publisher],
        clock: Clock,
        rng: Random,
        store: Store | None,
        supervisor: Supervisor,
        health_file: Path | None,
        version: str,
    ) -> None:
        self.config, self.clock, self.supervisor, self.health_file = config, clock, supervisor, health_file
        self.loop = asyncio.get_running_loop()
        self.boot_id, self.seq = str(uuid.UUID(int=rng.getrandbits(128), version=4)), 0
        self.topics = Topics(config.mqtt.topic_root, config.agent.device_id)
        self.outbox = Outbox(
            self.boot_id,
            clock.now,
            machine=clock.machine_boot,
            store=store,
            durability=config.outbox.durability,
            max_size=config.outbox.max_size,
            max_age=config.outbox.max_age,
            when_full=config.outbox.when_full,
        )
        self.assembly = Assembly(machine, clock.now, rng, self._breaker_changed)
        self.documents = Documents(config.agent.device_id, self.boot_id, version, clock, self.outbox)
        self.publisher = publisher(self.outbox, self.topics)
        self.collector = Collector(self.assembly.lanes, clock.now)
        self.edges = Edges(self.deliver)
        self.stopping = asyncio.Event()
        self._first_round = asyncio.Event()
        self._news = asyncio.Event()
        self._told_degraded = False

    async def run(self, rounds: int | None = None) -> None:
        """Run until `stop()`, or for so many rounds; then deliver or store what there is.

        Raises:
            ExceptionGroup: a part of the agent crashed; all others have been ended.
        """
        await self.outbox.open()
        self.assembly.arrange(self.config)
        self.scheduler = Scheduler(self.collector, self.assembly.due, self.deliver, self.clock.now)
        self._introduce()
        self.edges.watch(self.assembly.sensors)
        self.supervisor.tell("READY=1", "STATUS=reading sensors")
        try:
            async with asyncio.TaskGroup() as group:
                storing = group.create_task(self.outbox.run(), name="store")
                publishing = group.create_task(self._publish(), name="publish")
                helping = [
                    group.create_task(self._tell_health(), name="health"),
                    group.create_task(self.supervisor.feed(self.alive), name="watchdog"),
                ]
                collecting = group.create_task(self._collect(rounds), name="collect")
                await self.stopping.wait()
                self.supervisor.tell("STOPPING=1")
                collecting.cancel()  # 1. nothing new comes in
                await self.outbox.flush()  # 2. what we have is safe, and goes out if there is somebody
                await self.publisher.close(PATIENCE)
                for task in (publishing, storing, *helping):  # 3. good-bye
                    task.cancel()
        finally:
            self.assembly.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self.outbox.close()
            self._write_health()

    def stop(self) -> None:
        """Begin the end: at once, cleanly, whatever hangs."""
        self.stopping.set()

    def alive(self) -> bool:
        """Tell whether rounds make progress; the watchdog is fed only while they do."""
        slowest = max(self.scheduler.groups, default=0.0)
        fastest = min(self.scheduler.groups, default=0.0)
        return self.clock.now() - self.scheduler.progress < min(slowest, STALLED * fastest) + 10.0

    def deliver(self, batch: Batch) -> None:
        """Take a finished batch: number it, keep it, tell the present."""
        document = wire.batch(
            batch,
            device_id=self.config.agent.device_id,
            boot_id=self.boot_id,
            seq=self.seq + 1,
            synced=self.clock.synced(),
            stamp=self.clock.stamp,
        )
        body = wire.encode(document)
        self.seq += 1
        self.outbox.put(Item(self.boot_id, self.seq, batch.taken, self.clock.machine_boot, body))
        self._tell_state(batch)

    def _tell_state(self, batch: Batch) -> None:
        self.publisher.retain(self.topics.state, wire.encode(self.documents.state()))
        self._first_round.set()
        if batch.degraded != self._told_degraded:
            self._told_degraded = batch.degraded
            self._news.set()

    async def _collect(self, rounds: int | None) -> None:
        await self.scheduler.run(rounds)
        stats = self.outbox.stats()
        if stats.storage == "ok" and stats.durability == "always":
            await self.outbox.flush()
        else:
            await self._delivered_or_stored()
        self.stop()

    async def _delivered_or_stored(self) -> None:
        """Wait until the broker has everything; where it is away and there is a disk, until that has it."""
        while self.outbox.waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_ROUND):
                    await self.outbox.drained()
            if self.outbox.waiting and not self.publisher.connected and await self.outbox.flush():
                return

    async def _publish(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_ROUND):
                await self._first_round.wait()
        if not self._first_round.is_set():
            self.publisher.retain(self.topics.state, wire.encode(self.documents.state()))
        await self.publisher.run()

    def _introduce(self) -> None:
        """Hand the retained documents out for the first time."""
        self.documents.sensors, self.documents.lanes = self.assembly.sensors, self.assembly.lanes
        self.documents.rounds = self.scheduler.rounds
        self.documents.broker = lambda: (self.publisher.breaker, self.publisher.facts())
        self.publisher.on_change = self._news.set
        self.publisher.retain(self.topics.info, wire.encode(self.documents.info()))

    async def _tell_health(self) -> None:
        await self._first_round.wait()
        while True:
            self._news.clear()
            document = self._write_health()
            self.publisher.retain(self.topics.health, document)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TELL_HEALTH):
                    await self._news.wait()
            await asyncio.sleep(0.2)  # changes come in bunches: tell them once

    def _write_health(self) -> bytes:
        document = wire.encode(self.documents.health())
        if self.health_file is not None:
            try:
                health.replace(self.health_file, document)
            except OSError as error:
                log.debug("health file not written", extra={"file": str(self.health_file), "error": str(error)})
        return document

    def _breaker_changed(self, event: BreakerEvent) -> None:
        """Note and log a change; may come from a bus's thread."""
        self.documents.since[event.name] = self.clock.now()
        if event.new is not CircuitState.HALF_OPEN and event.old is not CircuitState.HALF_OPEN:
            log.info(
                "breaker changed",
                extra={
                    "breaker": event.name,
                    "state": event.new.value,
                    "why": event.reason,
                    "open_for": event.open_for,
                },
            )
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._news.set)
