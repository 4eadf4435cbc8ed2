"""`limpet rehearse`: one's own configuration through bad days, in virtual time, and what came of it."""

from __future__ import annotations

import argparse
import logging
import sys

from .commands import print_json, takes_config, takes_json

A_DAY = 86400.0
SHORTEST, LONGEST = 60.0, 366 * A_DAY


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument("--scenario", metavar="FILE", help="weather and faults; by default a built-in bad day")
    parser.add_argument("--for", dest="seconds", type=_duration, default=A_DAY, metavar="TIME", help="default: 1d")
    parser.add_argument("--seed", type=_seed, metavar="N", help="of all that is random: the same seed, the same report")
    parser.epilog = (
        "Nothing is connected to, and nothing is written: chips, pins, disk, network and broker are simulated.\n"
        "Ends with 1 if a promise was broken.\n\n"
        "example:\n  limpet rehearse -c limpet.toml --for 7d\n  limpet rehearse --scenario dead-broker.toml --json"
    )


def main(args: argparse.Namespace) -> int:
    """Rehearse; return 1 if a promise was broken, or there is nothing to rehearse."""
    from agent.config import load
    from agent.simulation.rehearsal import plan, rehearse
    from agent.simulation.report import text

    config = load(args.config)
    if not config.sensors:
        print(
            "limpet rehearse: no sensor is configured; `limpet scan --toml` writes what is connected", file=sys.stderr
        )
        return 1
    what = plan(config, args.scenario, args.seconds, args.seed)
    logging.disable(logging.CRITICAL)
    try:
        report = rehearse(what).report
    finally:
        logging.disable(logging.NOTSET)
    if args.json:
        print_json(report.document())
    else:
        print("\n".join(text(report)))
    return 0 if report.kept else 1


def _duration(text: str) -> float:
    """Return seconds, for argparse."""
    from agent.config.kinds import Duration
    from agent.config.mistakes import Wrong

    try:
        seconds = Duration().read(float(text) if text.replace(".", "", 1).isdecimal() else text)
    except Wrong as wrong:
        raise argparse.ArgumentTypeError(f"{wrong.what}; {wrong.fix}") from None
    if not SHORTEST <= seconds <= LONGEST:
        raise argparse.ArgumentTypeError("must be a minute at least, and a year at most")
    return seconds


def _seed(text: str) -> int:
    """Return a seed, for argparse."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError("must be a whole number, 0 or more")
    return int(text)
