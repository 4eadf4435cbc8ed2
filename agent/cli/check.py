"""`limpet check`: all mistakes of the configuration at once, each with line and cure."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import Any

from agent import config

from .commands import print_json, takes_config, takes_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    text = "rewrite a file of an older config_version, with a backup beside it"
    parser.add_argument("--upgrade", action="store_true", help=text)
    parser.epilog = "example:\n  limpet check -c limpet.toml"


def main(args: argparse.Namespace) -> int:
    """Print mistakes and warnings, after an upgrade if asked to; return 78 if there is a mistake, else 0."""
    good = True
    if args.upgrade:
        upgrade(args.config)
    try:
        read = config.load(args.config, datetime.now().astimezone().date())
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


def upgrade(explicit: str | None) -> None:
    """Write the file as the current version would, if it is of an older one.

    Raises:
        ConfigError: it cannot be read or written, or is no TOML.
    """
    file = config.find(explicit)
    since, text = config.older(file)
    if text is None:
        print(f"{file}: version {since}, nothing to upgrade", file=sys.stderr)
        return
    backup = config.rewrite(file, text, since)
    print(f"{file}: upgraded from version {since}; the old file is {backup}", file=sys.stderr)


def _plain(found: list[config.Mistake], warnings: bool) -> list[dict[str, Any]]:
    return [
        {"file": one.file, "line": one.line, "key": one.path, "sensor": one.sensor, "what": one.what, "fix": one.fix}
        for one in found
        if one.is_warning is warnings
    ]
