"""`limpet check`: all mistakes of the configuration at once, each with line and cure."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from agent import config

from .commands import print_json, takes_config, takes_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.epilog = "example:\n  limpet check -c limpet.toml"


def main(args: argparse.Namespace) -> int:
    """Print mistakes and warnings; return 78 if there is a mistake, else 0."""
    good = True
    try:
        read = config.load(args.config)
        found = list(read.warnings)
    except config.ConfigError as error:
        found, good = list(error.mistakes), False
    if args.json:
        print_json({"mistakes": _plain(found, False), "warnings": _plain(found, True)})
    else:
        for mistake in found:
            print(mistake, file=sys.stderr)
        if good:
            print(f"{read.file}: good, {len(read.sensors)} sensors, {len(found)} warnings", file=sys.stderr)
    return 0 if good else 78


def _plain(found: list[config.Mistake], warnings: bool) -> list[dict[str, Any]]:
    dicts = [asdict(one) for one in found if one.is_warning is warnings]
    return [{name: value for name, value in one.items() if name != "is_warning"} for one in dicts]
