"""The runs of one process. SIGHUP reloads the configuration, or ends the run and starts another one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from random import Random
from typing import Protocol

from agent import logs
from agent.clock import Clock
from agent.config import Config, ConfigError
from agent.outbox import Store

from . import process
from .agent import Agent, what_makes_a_run
from .announced import Announced
from .connect import publishing
from .discovery import Finding
from .hardware import Hardware
from .lock import AnotherInstance, InstanceLock
from .signals import Hangups, end_at_once, when_told_to_end
from .systemd import Supervisor

log = logging.getLogger("limpet")

# Seconds between a requested reload and its answer, which has to leave first: the reload may replace the connection.
ANSWER_FIRST = 0.5


class World(Protocol):
    """What a process runs on: this machine, or a simulated one."""

    def load(self) -> Config:
        """Read the configuration; raises ConfigError."""

    def doors(self, config: Config) -> tuple[Clock, Hardware]:
        """Return the clock and the hardware of a run; raises ConfigError."""

    def watch(self, agent: Agent) -> None:
        """See the agent of a run before it starts."""


def run(world: World, rounds: int | None = None, find: Finding | None = None) -> int:
    """Run agents, one after the other, until a signal ends the process, or for `rounds` rounds.

    Args:
        find: finds what is connected, for a page without sensors.

    Returns:
        0; 1 if another instance runs already, or if rounds were asked for and there is no sensor.

    Raises:
        ConfigError: the configuration cannot be used at the start.
    """
    end_at_once()
    hangups = Hangups()
    following: Config | None = world.load()
    while following is not None:
        config = following
        logs.setup(config.agent.log_level, config.agent.log_format)
        if config.warnings:
            log.warning("configuration is unwise", extra={"warnings": len(config.warnings), "see": "limpet check"})
        if rounds is not None and not config.sensors:
            log.error("no sensor is configured", extra={"cure": "limpet scan --toml writes what is connected"})
            return 1
        lock = InstanceLock(config.state_dir(os.environ), _late)
        try:
            if config.outbox.durability != "memory":
                lock.acquire()
            following = asyncio.run(_one(world, config, hangups, rounds, find))
        except AnotherInstance as error:
            log.error("another instance runs already", extra={"state_dir": str(error)})
            return 1
        finally:
            end_at_once()
            lock.release()
    return 0


def _late() -> None:
    log.error("another instance runs already", extra={"cure": "end one of the two"})
    os.kill(os.getpid(), signal.SIGTERM)


async def _one(
    world: World, config: Config, hangups: Hangups, rounds: int | None, find: Finding | None
) -> Config | None:
    """Run one agent; return the configuration of the next run, or None if the process ends."""
    clock, hardware = world.doors(config)
    rng = Random()
    state_dir = config.state_dir(os.environ)
    agent = Agent(
        config,
        hardware=hardware,
        publishing=publishing(config, clock, rng, os.environ),
        clock=clock,
        rng=rng,
        store=_store(config),
        supervisor=Supervisor(),
        health_file=process.health_file(state_dir, simulated=hardware.simulated),
        version=process.version(),
        announced=Announced(state_dir / "announced.json", process.machine()),
        reload=lambda: reload.ask(),  # noqa: PLW0108  (it is made below)
        find=find,
    )
    world.watch(agent)
    reload = Reload(world, agent, clock, rng)
    when_told_to_end(agent.stop)
    hangups.listen(reload.asked.set)
    logs.settle_by(_from_any_thread(asyncio.get_running_loop()))
    try:
        # A reload that crashes ends the agent, as any other service does.
        async with asyncio.TaskGroup() as group:
            reloading = group.create_task(reload.run(), name="reload")
            await agent.run(rounds)
            reloading.cancel()
    finally:
        hangups.ignore()
    return reload.following if agent.goes_on else None


def _from_any_thread(loop: asyncio.AbstractEventLoop) -> logs.Later:
    def later(seconds: float, call: Callable[[], None]) -> None:
        # RuntimeError: the loop is closed; what is held back is written at the end of the process.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(loop.call_later, seconds, call)

    return later


def _store(config: Config) -> Store | None:
    if config.outbox.durability == "memory":
        return None
    from agent.outbox.sqlite import SqliteStore

    return SqliteStore(config.state_dir(os.environ), config.outbox.max_size)


class Reload:
    """Reads the configuration again on request. An invalid file is logged and changes nothing.

    Attributes:
        asked: set to request a reload.
        following: the configuration of the next run, once one is needed; see `what_makes_a_run`.
    """

    def __init__(self, world: World, agent: Agent, clock: Clock, rng: Random) -> None:
        self._world, self._agent, self._clock, self._rng = world, agent, clock, rng
        self.asked = asyncio.Event()
        self.following: Config | None = None

    def ask(self) -> Config:
        """Read the configuration, and request a reload for when the answer to the caller has left.

        Raises:
            ConfigError: it has mistakes; the old one stays in use.
        """
        config = self._world.load()
        asyncio.get_running_loop().call_later(ANSWER_FIRST, self.asked.set)
        return config

    async def run(self) -> None:
        """Reload on request, until cancelled or until another run is needed."""
        supervisor = self._agent.supervisor
        while self.following is None:
            await self.asked.wait()
            self.asked.clear()
            supervisor.tell("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.now() * 1e6)}")
            try:
                await self._reload()
            except ConfigError as error:
                for mistake in (one for one in error.mistakes if not one.is_warning):
                    log.error("configuration has a mistake, the old one stays", extra={"mistake": str(mistake)})
            supervisor.tell("READY=1")

    async def _reload(self) -> None:
        config = self._world.load()
        making = publishing(config, self._clock, self._rng, os.environ)
        if what_makes_a_run(config) != what_makes_a_run(self._agent.config):
            log.info("another run begins", extra={"device_id": config.agent.device_id})
            self.following = config
            self._agent.stop(goes_on=True)
            return
        logs.setup(config.agent.log_level, config.agent.log_format)
        # Raises ConfigError in a simulation, where a driver may have no fake.
        await self._agent.reload(config, making)
