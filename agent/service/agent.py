"""The composition root: from a configuration to a running agent. Start together, stop in order, crash loudly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from agent import web
from agent.acquisition.collector import Collector
from agent.acquisition.edges import EdgeWatcher
from agent.acquisition.scheduler import Scheduler
from agent.clock import Clock
from agent.config import Config
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.model import Batch
from agent.outbox import Item, Outbox, Store
from agent.resilience import BreakerEvent, CircuitState

from . import process
from .build import Assembly
from .connect import Making
from .hardware import Hardware
from .reporter import Reporter
from .status import Status
from .systemd import Supervisor

if TYPE_CHECKING:
    from agent.web.server import Server as Page

log = logging.getLogger("limpet")

FIRST_ROUND = 1.0  # seconds that the connection waits for the first values, so that `state` tells them before `online`
END_WITHIN = 1.2  # seconds that the end waits for a disk and for acknowledgements, together
DISK_WITHIN = 0.5  # seconds that it waits for a disk at most; once more after the good-bye
STALLED = 10.0  # seconds beyond the longest interval without a finished round: then the watchdog goes hungry


class Agent:
    """One run of the agent. All doors to the outside are handed in: machine, clock, dice, broker, store, supervisor.

    Attributes:
        boot_id: names this run; `seq` counts its batches from 1 without a gap.
    """

    def __init__(
        self,
        config: Config,
        *,
        hardware: Hardware,
        publishing: Making,
        clock: Clock,
        rng: Random,
        store: Store | None,
        supervisor: Supervisor,
        health_file: Path | None,
        version: str,
    ) -> None:
        self.config, self.clock, self.supervisor = config, clock, supervisor
        self.loop = asyncio.get_running_loop()
        self.boot_id, self.seq = str(uuid.UUID(int=rng.getrandbits(128), version=4)), 0
        self.topics = Topics(config.mqtt.topic_root, config.agent.device_id)
        self.outbox = Outbox(
            self.boot_id,
            clock.now,
            kernel_boot=clock.kernel_boot,
            store=store,
            durability=config.outbox.durability,
            max_size=config.outbox.max_size,
            max_age=config.outbox.max_age,
            when_full=config.outbox.when_full,
        )
        self.assembly = Assembly(hardware, clock.now, rng, self._breaker_changed)
        self.status = Status(config.agent.device_id, self.boot_id, version, clock, self.outbox)
        self.publisher = publishing(self.outbox, self.topics, self._breaker_changed)
        self.collector = Collector(self.assembly.buses, clock.now)
        self.scheduler = Scheduler(self.collector, (), self.deliver, clock.now)
        self.edges = EdgeWatcher(self.deliver)
        self.stopping = asyncio.Event()
        self.goes_on = False  # another run follows in this process: the supervisor is not told of an end
        self.reporter = Reporter(self.status, self.outbox, health_file)
        self._answers: set[asyncio.Task[None]] = set()
        self._page: Page | None = None

    async def run(self, rounds: int | None = None) -> None:
        """Run until `stop()`, or for so many rounds; then deliver or store what there is.

        Raises:
            ExceptionGroup: a part of the agent crashed; all others have been ended.
        """
        try:
            await self.outbox.open()
            self._arrange()
            self._show()
            async with asyncio.TaskGroup() as group:
                storing = group.create_task(self.outbox.run(), name="store")
                publishing = group.create_task(self._publish(), name="publish")
                watching = group.create_task(self.supervisor.feed(self.alive), name="watchdog")
                telling = group.create_task(self.reporter.run(), name="health")
                collecting = group.create_task(self._collect(rounds), name="collect")
                self.supervisor.tell("READY=1", f"STATUS=reading {len(self.assembly.due)} sensors")
                await self.stopping.wait()
                if not self.goes_on:
                    self.supervisor.tell("STOPPING=1")
                collecting.cancel()  # 1. nothing new comes in
                ends = self.clock.now() + END_WITHIN
                await self._within(DISK_WITHIN, self.outbox.flush())  # 2. what we have is safe, and leaves if it can
                await self.publisher.close(ends - self.clock.now())
                for task in (publishing, storing, watching, telling):  # 3. good-bye
                    task.cancel()
        finally:
            if self._page is not None:
                self._page.close()
            self.assembly.close()
            await self._within(DISK_WITHIN, self.outbox.close())
            self.reporter.write()

    def stop(self) -> None:
        """Begin the end: at once, cleanly, whatever hangs."""
        self.stopping.set()

    def end(self) -> None:
        """Stop, and let no other run follow."""
        self.goes_on = False
        self.stop()

    def alive(self) -> bool:
        """Tell whether rounds make progress; the watchdog is fed only while they do."""
        slowest = max(self.scheduler.groups, default=0.0)
        return not self.scheduler.groups or self.clock.now() - self.scheduler.progress < slowest + STALLED

    def deliver(self, batch: Batch) -> dict[str, Any]:
        """Take a finished batch: number it, keep it, tell the present. Return it as published."""
        document = payloads.batch(
            batch,
            device_id=self.topics.device_id,
            boot_id=self.boot_id,
            seq=self.seq + 1,
            synced=self.clock.synced(),
            stamp=self.clock.stamp,
        )
        body = payloads.encode(document)
        self.seq += 1
        self.outbox.put(Item(self.boot_id, self.seq, batch.due, self.clock.kernel_boot, body, self.topics.device))
        log.debug("batch", extra={"seq": self.seq, "bytes": len(body)})
        self.reporter.present()
        self.reporter.began.set()
        return document

    async def reload(self, config: Config, publishing: Making) -> None:
        """Take a new configuration: only what changed starts anew. Numbers go on without a gap.

        Not for another identity (`who`): that is another run.
        """
        old, self.config = self.config, config
        box = config.outbox
        self.outbox.adjust(
            durability=box.durability, max_size=box.max_size, max_age=box.max_age, when_full=box.when_full
        )
        reconnects = _connection(old) != _connection(config)
        if reconnects:
            await self._reconnect(publishing)
        self.publisher.adjust(box.backfill_rate, box.require_subscriber)
        discovery_changed = old.homeassistant != config.homeassistant
        self._arrange(announce=reconnects or discovery_changed or old.sensors != config.sensors, listen=reconnects)
        if discovery_changed and not reconnects:
            self.reporter.listen()
        if old.web != config.web:
            self._show()
        self.reporter.present()
        self.reporter.news.set()
        log.info("configuration reloaded", extra={"sensors": len(config.sensors), "reconnects": reconnects})

    # ---- parts

    async def _reconnect(self, publishing: Making) -> None:
        """Take another publisher, and another name where the configuration has one."""
        before = self.publisher
        self.topics = Topics(self.config.mqtt.topic_root, self.config.agent.device_id)
        self.status.device_id = self.config.agent.device_id
        self.publisher = publishing(self.outbox, self.topics, self._breaker_changed)
        await before.close(0.5)

    def _arrange(self, *, announce: bool = True, listen: bool = True) -> None:
        """Build what the configuration asks for, and announce it."""
        built = self.assembly.arrange(self.config)
        self.scheduler.arrange(self.assembly.due)
        self.status.sensors = self.assembly.sensors
        self.status.buses = {name: self.assembly.buses[name] for _, name in self.assembly.due}
        self.status.rounds = self.scheduler.rounds
        self.reporter.use(self.publisher, self.topics, self.config.homeassistant)
        self.edges.watch(built)
        if announce:
            self.reporter.announce()
        if listen:
            self._listen()

    def _listen(self) -> None:
        if self.config.commands.allow:
            from .request_handlers import RequestHandlers
            from .requests import Requests

            handlers = RequestHandlers(
                self.collector, lambda: self.assembly.due, self.deliver, self.status, self.outbox
            )
            requests = Requests(self.topics, handlers.all(), self.publisher.answer, self.clock.now, self._answer)
            requests.listen(self.config.commands.allow, self.publisher.subscribe)
        self.reporter.listen()

    def _show(self) -> None:
        """Serve the status page where the configuration says, or nowhere."""
        if self._page is not None:
            self._page.close()
        self._page = self.status.web = None
        if (listen := self.config.web.listen) is None:
            return
        if (cure := web.missing()) is not None:  # that is no reason not to read sensors
            log.error("status page needs a package", extra={"cure": cure})
            self.status.web = lambda: {"error": f"a package is missing: {cure}"}
        else:
            from agent.web.answers import Answers
            from agent.web.server import Server

            name = process.host()["name"]
            answers = Answers(self.status, self.alive, listen[0], (name, f"{name}.local"))
            self._page = Server(listen, answers, self.reporter.news.set)
            self.status.web = self._page.facts
            self._page.start()

    def _answer(self, answering: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(answering, name="answer")
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    # ---- services

    async def _collect(self, rounds: int | None) -> None:
        await self.scheduler.run(rounds)
        while self.outbox.waiting:  # until the broker has everything; where it is away and there is a disk, that
            await self._within(FIRST_ROUND, self.outbox.drained())
            if self.outbox.waiting and not self.publisher.state.connected and await self.outbox.flush():
                break
        self.stop()

    async def _publish(self) -> None:
        await self._within(FIRST_ROUND, self.reporter.began.wait())
        if not self.reporter.began.is_set():
            self.reporter.present()
        while not self.stopping.is_set():  # a reload closes one publisher and makes another
            await self.publisher.run()

    def _breaker_changed(self, event: BreakerEvent) -> None:
        """Note and log a change; may come from a bus's thread."""
        self.status.since[event.name] = self.clock.now()
        if CircuitState.HALF_OPEN not in (event.old, event.new) or event.new is CircuitState.CLOSED:
            facts: dict[str, object] = {"breaker": event.name, "state": event.new.value, "why": event.reason}
            lasted = {"open_for": round(event.open_for, 1)} if event.open_for else {}
            level = logging.DEBUG if event.name == "broker" else logging.INFO  # the publisher tells its falls, seldom
            log.log(level, "breaker changed", extra=facts | lasted)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self.reporter.news.set)

    @staticmethod
    async def _within(seconds: float, waiting: Coroutine[Any, Any, object]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await waiting


def who(config: Config) -> tuple[object, ...]:
    """Return what makes a run: whose batches these are, and where they lie. With another one, another run begins."""
    on_disk = config.outbox.durability != "memory"
    return config.agent.device_id, config.mqtt.topic_root, config.agent.state_dir, on_disk


def _connection(config: Config) -> tuple[object, ...]:
    """Return what a connection is made for; where it changes, another one is needed."""
    return config.mqtt, config.agent.device_id, config.commands
