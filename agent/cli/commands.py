"""The commands of `limpet`, one file each.

Each has `arguments(parser)`, which says what it takes, and `main(args)`, which does it and returns the exit code.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COMMANDS = {  # command, which is its module here, too -> one line for `limpet --help`
    "run": "run the service: read, publish, hold on",
    "rehearse": "put your configuration through bad days, in virtual time, and see what holds",
    "init": "write a first configuration: asks for the broker, scans, reads each sensor once",
    "demo": "show it all at work, with simulated chips and a broker of its own",
    "check": "validate the configuration: all mistakes at once, each with line and cure",
    "read": "take one reading of each sensor through the whole stack",
    "scan": "find devices on the buses and name the chips",
    "doctor": "check this machine; each fault with the command that cures it",
    "watch": "see what a subscriber sees, live",
    "status": "what the running service says of itself",
    "outbox": "what waits to be delivered",
    "plan": "sizes: bytes, card writes, hours of outage, time of a round",
    "chips": "list the drivers; with a name: all about one",
    "ingest": "store what devices publish, and prove that nothing is missing",
    "completion": "print a completion script for a shell",
    "schema": "print the JSON Schemas and the AsyncAPI document",
}


def present() -> dict[str, str]:
    """Return the commands whose module is installed."""
    here = Path(__file__).parent
    return {
        command: text
        for command, text in COMMANDS.items()
        if (here / f"{command}.py").is_file() or (here / command).is_dir()
    }


def takes_config(parser: argparse.ArgumentParser) -> None:
    """Add -c/--config; `args.config` is a path or None, for `config.load`."""
    text = "the configuration (else $LIMPET_CONFIG, ./limpet.toml, /etc/limpet/limpet.toml)"
    parser.add_argument("-c", "--config", metavar="FILE", default=argparse.SUPPRESS, help=text)


def takes_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text for people")


def whole_number(text: str) -> int:
    """Return how many, for argparse: 1 or more."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError("must be a whole number of 1 or more")
    return number


def port(text: str) -> int:
    """Return a TCP port, for argparse: 1 to 65535."""
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError("must be a port, 1 to 65535")
    return number


def print_json(document: Any) -> None:
    """Print one JSON document to stdout."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, allow_nan=False, default=str)
    sys.stdout.write("\n")


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows to stdout, the first one as headings, columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
