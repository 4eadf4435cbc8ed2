"""`limpet run`: the service. Ready for systemd: notify, watchdog, reload by SIGHUP."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

from agent.service.hardware import RealWorld
from agent.service.runs import World, run

from .commands import takes_config, whole_number
from .finding import finding


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes."""
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
    """Run until told to stop; return 1 if another instance runs already."""
    if args.scenario and not args.simulate:
        print("limpet run: --scenario goes with --simulate: faults are for fakes only", file=sys.stderr)
        return 2
    here = world(args)
    code = run(here, args.batches, partial(finding, simulate=args.simulate))
    if args.scenario:
        _tell(here)
    return code


def world(args: argparse.Namespace) -> World:
    """Return the world that was asked for: the machine as it is, or a simulated one."""
    if not args.simulate:
        return RealWorld(args.config)
    from agent.simulation.world import SimulatedWorld

    return SimulatedWorld(args.config, getattr(args, "scenario", None), getattr(args, "batches", None))


def _tell(world: Any) -> None:
    """Print what came of the scenario."""
    from agent.simulation.report import text

    if (report := world.report()) is not None:
        print("\n".join(text(report)))
