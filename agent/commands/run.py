"""`limpet run`: the service. Ready for systemd: notify, watchdog, reload by SIGHUP."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from importlib import metadata
from random import Random
from typing import TYPE_CHECKING

from .. import config, health, logs
from ..clock import Clock
from . import takes_config

if TYPE_CHECKING:
    from ..machine import Machine

log = logging.getLogger("limpet")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    parser.add_argument("--simulate", action="store_true", help="replace every configured chip and pin by its fake")
    parser.add_argument("--scenario", metavar="FILE", help="weather and faults for the fakes; needs --simulate")
    parser.add_argument(
        "--batches", type=_count, metavar="N", help="stop after N rounds, when they are acknowledged or stored"
    )
    parser.epilog = (
        "example:\n  limpet run -c limpet.toml\n  limpet run --simulate --scenario bad-day.toml --batches 10"
    )


def main(args: argparse.Namespace) -> int:
    """Run until told to stop."""
    if args.scenario and not args.simulate:
        args.simulate = True
    settings = config.load(args.config)
    logs.setup(settings.agent.log_level, settings.agent.log_format)
    for warning in settings.warnings:
        log.warning("configuration is unwise", extra={"line": warning.line, "key": warning.key, "what": warning.what})
    asyncio.run(_run(args, settings))
    return 0


async def _run(args: argparse.Namespace, settings: config.Config) -> None:
    from ..app import Agent
    from ..connection import publisher
    from ..supervise import Supervisor

    clock, machine = doors(args, settings)
    state_dir = settings.state_dir(os.environ)
    rng = Random()
    agent = Agent(
        settings,
        machine=machine,
        publisher=publisher(settings, clock, rng, os.environ),
        clock=clock,
        rng=rng,
        store=None,
        supervisor=Supervisor(),
        health_file=health.file(state_dir),
        version=version(),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, agent.stop)
    await agent.run(args.batches)


def doors(args: argparse.Namespace, settings: config.Config) -> tuple[Clock, Machine]:
    """Return the clock and the machine: this one, or a simulated one."""
    if not args.simulate:
        from ..machine import ThisMachine

        return Clock(), ThisMachine()
    from ..simulation import simulated

    return simulated(settings, args.scenario)


def version() -> str:
    """Return the installed version."""
    try:
        return metadata.version("limpet")
    except metadata.PackageNotFoundError:
        return "0"


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
