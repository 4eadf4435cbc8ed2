"""The composition root: one run of the agent. It starts, stops and reloads the parts; no data passes through it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

from agent.acquisition.collector import Collector
from agent.acquisition.edges import EdgeWatcher
from agent.acquisition.scheduler import Scheduler
from agent.clock import Clock
from agent.config import Config
from agent.messages.topics import Topics
from agent.outbox import Outbox, Store

from .announced import Announced
from .announcer import Announcer
from .breakers import BreakerLog
from .build import Assembly, deadbands
from .connect import Making
from .discovery import Finding
from .hardware import Hardware
from .page import Page
from .recorder import Recorder
from .reporter import Reporter
from .status import Identity, Status
from .systemd import Supervisor

log = logging.getLogger("limpet")

# Seconds that the connection waits for the first values, so that `state` precedes `online`.
FIRST_ROUND = 1.0
# Seconds that stopping waits for disk and acknowledgements together, and for the disk alone: users expect a quick end.
END_WITHIN, DISK_WITHIN = 1.2, 0.5
# Seconds beyond the longest interval. After that long without a finished round the watchdog is not fed.
STALLED = 10.0


class Agent:
    """One run of the agent, on one event loop. Everything beyond the process is handed in.

    Args:
        announced: what earlier runs have announced; None: nothing, and nothing is remembered.
        reload: reads the configuration and applies it a moment later; None: the request `reload` is refused.
        find: finds what is connected, for a page without sensors; None: it is not looked for.

    Attributes:
        config: the configuration in use; a reload replaces it.
        publisher: the current one; a reload may replace it.
        goes_on: whether another run follows in this process.
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
        announced: Announced | None = None,
        reload: Callable[[], Config] | None = None,
        find: Finding | None = None,
    ) -> None:
        identity = _identity(config, version, hardware.simulated, rng)
        topics, news = Topics(config.mqtt.topic_root, config.agent.device_id), asyncio.Event()
        self.config, self.clock, self.supervisor = config, clock, supervisor
        self.outbox = _outbox(config, identity.run_id, clock, store, self._storage_changed)
        breakers = BreakerLog(clock.now, news.set)
        self.assembly = Assembly(hardware, clock.now, rng, breakers.note)
        self.publisher = publishing(self.outbox, topics, breakers.note)
        self.recorder = Recorder(identity, topics, clock, self.outbox, self._round_ended)
        self.scheduler = Scheduler(Collector(self.assembly.buses, clock.now), (), self.recorder.record, clock.now)
        self.page = Page(self.alive, news.set, self.assembly, find)
        self.status = self._make_status(identity, breakers)
        announcer = Announcer(self.status, topics, announced or Announced(None), rng, self._all_again)
        self.reporter = Reporter(self.status, topics, self.outbox, announcer, news, health_file, self.page.refresh)
        self._reload, self._stopping, self.goes_on = reload, asyncio.Event(), False

    @property
    def run_id(self) -> str:
        """The id of this run, published as `bootId`."""
        return self.recorder.identity.run_id

    async def run(self, rounds: int | None = None) -> None:
        """Run until `stop()`, or for `rounds` rounds; then deliver or store all batches.

        Raises:
            ExceptionGroup: a service crashed; the others have ended.
        """
        try:
            self.reporter.announcer.begin()
            if not await self._opened():
                return
            self._arrange()
            self.page.serve(self.config.web.listen, self.status)
            async with asyncio.TaskGroup() as group:
                running = {"store": self.outbox.run(), "publish": self._publish(), "health": self.reporter.run()}
                running |= {"watchdog": self.supervisor.feed(self.alive), "sample": self.scheduler.sampler.run()}
                services = [group.create_task(service, name=name) for name, service in running.items()]
                collecting = group.create_task(self._collect(rounds), name="collect")
                self.supervisor.tell("READY=1", f"STATUS=reading {len(self.assembly.due)} sensors")
                await self._stopping.wait()
                # No new batches from here on, so that what is there can be stored and sent.
                collecting.cancel()
                await self._deliver()
                # The services end last: delivering needs them.
                for task in services:
                    task.cancel()
        finally:
            await self._close()

    def stop(self, *, goes_on: bool = False) -> None:
        """Ask the run to end. Returns at once.

        Args:
            goes_on: another run follows in this process, so nothing is reported to the supervisor.
        """
        self.goes_on = goes_on
        self._stopping.set()

    def alive(self) -> bool:
        """Return whether rounds make progress; the watchdog is fed only while they do."""
        slowest = max(self.scheduler.groups, default=0.0)
        return not self.scheduler.groups or self.clock.now() - self.scheduler.progress < slowest + STALLED

    async def reload(self, config: Config, publishing: Making) -> None:
        """Apply a new configuration: only what changed is restarted, and `seq` continues.

        A configuration with another identity (see `what_makes_a_run`) needs another run instead.
        """
        old, self.config = self.config, config
        box = config.outbox
        self.outbox.adjust(
            durability=box.durability, max_size=box.max_size, max_age=box.max_age, when_full=box.when_full
        )
        reconnects = _connection(old) != _connection(config)
        if reconnects:
            before = self.publisher
            self.publisher = publishing(self.outbox, self.reporter.topics, self.assembly.on_event)
            await before.close(DISK_WITHIN)
        self.publisher.adjust(box.backfill_rate, box.require_subscriber, box.backfill_format)
        discovery_changed = old.homeassistant != config.homeassistant
        self._arrange(announce=reconnects or discovery_changed or old.sensors != config.sensors, listen=reconnects)
        if discovery_changed and not reconnects:
            self.reporter.announcer.listen()
        if old.web != config.web:
            self.page.serve(config.web.listen, self.status)
        self.reporter.present()
        self.reporter.news.set()
        log.info("configuration reloaded", extra={"sensors": len(config.sensors), "reconnects": reconnects})

    # --- parts

    def _make_status(self, identity: Identity, breakers: BreakerLog) -> Status:
        return Status(
            identity,
            clock=self.clock,
            outbox=self.outbox,
            assembly=self.assembly,
            rounds=self.scheduler.rounds,
            breakers=breakers,
            publisher=lambda: self.publisher,
            page=self.page.facts,
        )

    async def _opened(self) -> bool:
        """Open the outbox; return False if `stop()` was called meanwhile."""
        opening = asyncio.create_task(self.outbox.open(), name="open")
        stopping = asyncio.create_task(self._stopping.wait(), name="stopping")
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
            return not self._stopping.is_set()
        finally:
            opening.cancel()
            stopping.cancel()

    def _arrange(self, *, announce: bool = True, listen: bool = True) -> None:
        """Build the configured sensors, hand out the publisher, and announce the device."""
        built = self.assembly.arrange(self.config)
        self.recorder.use(deadbands(self.config.sensors, lambda: (self.publisher.state.sessions, self.outbox.given_up)))
        self.scheduler.arrange(self.assembly.due)
        self.reporter.announcer.use(self.publisher, self.config)
        self.reporter.use(self.publisher)
        EdgeWatcher(self.recorder.record).watch(built)
        if announce:
            self.reporter.announcer.announce()
        if listen:
            self._listen()

    def _listen(self) -> None:
        """Subscribe to the allowed requests and to Home Assistant, through the current publisher."""
        if self.config.commands.allow:
            from .request_handlers import RequestHandlers
            from .requests import Requests

            handlers = RequestHandlers(
                self.scheduler.collector, self.assembly, self.recorder.record, self.status, self.outbox, self._reload
            )
            requests = Requests(self.reporter.topics, handlers.all(), self.publisher.answer, self.clock.now)
            requests.listen(self.config.commands.allow, self.publisher.subscribe)
        self.reporter.announcer.listen()

    # --- callbacks for parts that are made before the reporter

    def _round_ended(self) -> None:
        self.reporter.round_ended()
        self.page.refresh()

    def _storage_changed(self) -> None:
        self.reporter.storage_changed()

    def _all_again(self) -> None:
        self.reporter.all_again()

    # --- services

    async def _collect(self, rounds: int | None) -> None:
        await self.scheduler.run(rounds)
        # Wait until the broker has everything, or until the disk has it while the broker is away.
        while self.outbox.waiting:
            await _within(FIRST_ROUND, self.outbox.drained())
            if self.outbox.waiting and not self.publisher.state.connected and await self.outbox.flush():
                break
        self.stop()

    async def _publish(self) -> None:
        await _within(FIRST_ROUND, self.reporter.began.wait())
        if not self.reporter.began.is_set():
            self.reporter.present()
        # A reload closes the publisher, which ends its `run`, and makes another.
        while not self._stopping.is_set():
            await self.publisher.run()

    async def _deliver(self) -> None:
        """Store what waits, then send it and `offline`, within the time that an end may take."""
        if not self.goes_on:
            self.supervisor.tell("STOPPING=1")
        ends = self.clock.now() + END_WITHIN
        await _within(DISK_WITHIN, self.outbox.flush())
        await self.publisher.close(ends - self.clock.now())

    async def _close(self) -> None:
        """Give everything back; a disk that hangs is waited for only briefly."""
        self.page.close()
        self.reporter.announcer.close()
        self.assembly.close()
        await _within(DISK_WITHIN, self.outbox.close())
        await self.reporter.close()


def what_makes_a_run(config: Config) -> tuple[object, ...]:
    """Return the identity of a run: whose batches these are, and where they are stored."""
    on_disk = config.outbox.durability != "memory"
    return config.agent.device_id, config.mqtt.topic_root, config.agent.state_dir, on_disk


def _connection(config: Config) -> tuple[object, ...]:
    """Return the settings of a connection. Where they change, it is replaced."""
    return config.mqtt, config.commands


def _identity(config: Config, version: str, simulated: bool, rng: Random) -> Identity:
    """Return the identity of a new run. Its id is drawn from `rng`, so that a simulation can be repeated."""
    return Identity(config.agent.device_id, str(uuid.UUID(int=rng.getrandbits(128), version=4)), version, simulated)


def _outbox(
    config: Config, run_id: str, clock: Clock, store: Store | None, storage_changed: Callable[[], None]
) -> Outbox:
    box = config.outbox
    return Outbox(
        run_id,
        clock.now,
        kernel_boot=clock.kernel_boot,
        store=store,
        durability=box.durability,
        max_size=box.max_size,
        max_age=box.max_age,
        when_full=box.when_full,
        storage_changed=storage_changed,
    )


async def _within(seconds: float, waiting: Coroutine[Any, Any, object]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting
