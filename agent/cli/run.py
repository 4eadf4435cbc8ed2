"""`limpet run`: the service. Ready for systemd: notify, watchdog, reload by SIGHUP."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path
from random import Random
from typing import IO, TYPE_CHECKING

from agent import config, logs
from agent.clock import Clock
from agent.service import process

from .commands import takes_config, when_told_to_end, whole_number

if TYPE_CHECKING:
    from agent.service.agent import Agent
    from agent.service.hardware import Hardware

log = logging.getLogger("limpet")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    parser.add_argument("--simulate", action="store_true", help="replace every configured chip and pin by its fake")
    parser.add_argument("--scenario", metavar="FILE", help="weather and faults for the fakes; goes with --simulate")
    parser.add_argument(
        "--batches", type=whole_number, metavar="N", help="stop after N rounds, when they are acknowledged or stored"
    )
    parser.epilog = (
        "example:\n  limpet run -c limpet.toml\n  limpet run --simulate --scenario bad-day.toml --batches 10"
    )


def main(args: argparse.Namespace) -> int:
    """Run until told to stop; 1 if another instance runs already."""
    if args.scenario and not args.simulate:
        print("limpet run: --scenario goes with --simulate: faults are for fakes only", file=sys.stderr)
        return 2
    _nothing_to_end()
    settings: config.Config | None = config.load(args.config)
    while settings is not None:
        logs.setup(settings.agent.log_level, settings.agent.log_format)
        if settings.warnings:
            log.warning("configuration is unwise", extra={"warnings": len(settings.warnings), "see": "limpet check"})
        state_dir = settings.state_dir(os.environ)
        lock = None
        if settings.outbox.durability != "memory":
            try:
                lock = _only_one(state_dir)
            except BlockingIOError:
                log.error("another instance runs already", extra={"state_dir": str(state_dir)})
                return 1
        settings = asyncio.run(_run(args, settings, state_dir))
        _nothing_to_end()
        if lock is not None:
            lock.close()
    return 0


def _nothing_to_end() -> None:
    """While no agent runs there is nothing to end in order, nor to reload."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


async def _run(args: argparse.Namespace, settings: config.Config, state_dir: Path) -> config.Config | None:
    """Run the agent; return the configuration that another run shall follow with, if there is one."""
    from agent.service.agent import Agent
    from agent.service.connect import publishing
    from agent.service.systemd import Supervisor

    clock, machine = doors(args, settings)
    rng = Random()
    store = None
    if settings.outbox.durability != "memory":
        from agent.outbox.sqlite import SqliteStore

        store = SqliteStore(state_dir, settings.outbox.max_size)
    agent = Agent(
        settings,
        hardware=machine,
        publishing=publishing(settings, clock, rng, os.environ),
        clock=clock,
        rng=rng,
        store=store,
        supervisor=Supervisor(),
        health_file=process.file(state_dir),
        version=version(),
    )
    loop = asyncio.get_running_loop()
    when_told_to_end(agent.end)
    reloads = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, reloads.set)
    reloading = loop.create_task(_reload(agent, args, reloads, clock, rng), name="reload")
    await agent.run(args.batches)
    reloading.cancel()
    await asyncio.wait([reloading])
    return reloading.result() if agent.goes_on else None


async def _reload(
    agent: Agent, args: argparse.Namespace, asked: asyncio.Event, clock: Clock, rng: Random
) -> config.Config:
    """Read the file anew whenever asked: a wrong one changes nothing and is told. Return one that makes another run."""
    from agent.service.agent import who
    from agent.service.connect import publishing

    while True:
        await asked.wait()
        asked.clear()
        agent.supervisor.tell("RELOADING=1", f"MONOTONIC_USEC={int(clock.now() * 1e6)}")
        try:
            settings = config.load(args.config)
            making = publishing(settings, clock, rng, os.environ)
            if who(settings) != who(agent.config):
                log.info("another run begins", extra={"device_id": settings.agent.device_id})
                agent.goes_on = True
                agent.stop()
                return settings
            logs.setup(settings.agent.log_level, settings.agent.log_format)
            await agent.reload(settings, making)  # may find that a driver has no fake
        except config.ConfigError as error:
            for mistake in (one for one in error.mistakes if not one.is_warning):
                log.error("configuration has a mistake, the old one stays", extra={"mistake": str(mistake)})
        agent.supervisor.tell("READY=1")


def doors(args: argparse.Namespace, settings: config.Config) -> tuple[Clock, Hardware]:
    """Return the clock and the machine: this one, or a simulated one."""
    if not args.simulate:
        from agent.service.hardware import RealHardware

        return Clock(), RealHardware()
    from agent.simulation.machine import simulated

    return simulated(settings, args.scenario)


def version() -> str:
    """Return the installed version, from the name of its folder: importlib.metadata would cost a tenth of the start."""
    for folder in map(Path, sys.path):
        for found in folder.glob("limpet-*.dist-info"):
            return found.name.removeprefix("limpet-").removesuffix(".dist-info")
    return "0"


def _only_one(state_dir: Path) -> IO[str] | None:
    """Hold the lock of a state folder until the end; None where it cannot be had because the disk is not writable.

    Raises:
        BlockingIOError: another instance has it.
    """
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        file = (state_dir / "lock").open("a")
    except OSError as error:
        log.warning("state folder cannot be used", extra={"state_dir": str(state_dir), "error": str(error)})
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file
