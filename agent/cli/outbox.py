"""`limpet outbox`: what waits to be delivered, read from the disk beside the running service."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from agent import config
from agent.outbox.reader import OutboxReader
from agent.service.process import SIMULATED

from .commands import print_json, print_table, takes_config, takes_json

CURE = """
    fix: sudo usermod -aG limpet "$USER" and log in again, or: sudo limpet outbox"""
# For owner and group only, as what it is a copy of.
EXPORT_MODE = 0o640


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument("--export", metavar="FILE", help="write the batches as JSON lines, oldest first; - is stdout")
    parser.add_argument("--simulate", action="store_true", help="ask the simulated run")
    parser.epilog = "example:\n  limpet outbox\n  sudo limpet outbox --export batches.jsonl"


def main(args: argparse.Namespace) -> int:
    """Print or export what waits on the disk; return 1 if it cannot be read."""
    settings = config.load(getattr(args, "config", None))
    state_dir = settings.state_dir(os.environ)
    file = (state_dir / SIMULATED if args.simulate else state_dir) / "outbox.db"
    try:
        try:
            file.stat()
        except FileNotFoundError:
            return _empty(args, settings, file)
        with OutboxReader(file) as outbox:
            return _export(outbox, args.export) if args.export else _summary(args, settings, outbox)
    except PermissionError:
        print(f"{file} is open to the group limpet only{CURE}", file=sys.stderr)
    except OSError as error:
        print(error, file=sys.stderr)
    return 1


def _summary(args: argparse.Namespace, settings: config.Config, outbox: OutboxReader) -> int:
    stored = outbox.summary()
    _print(args, described(settings, outbox.file, stored.number, stored.bytes, stored.oldest))
    return 0


def _empty(args: argparse.Namespace, settings: config.Config, file: Path) -> int:
    """An agent that never had to store anything has no file: an empty outbox."""
    if args.export and args.export != "-":
        _create(args.export).close()
    if args.export:
        print("0 batches", file=sys.stderr)
    else:
        _print(args, described(settings, file, 0, 0, None))
    return 0


def described(settings: config.Config, file: Path, number: int, size: int, oldest: str | None) -> dict[str, Any]:
    """Return what is printed. Sizes in bytes."""
    return {
        "number": number,
        "bytes": size,
        "oldest": oldest,
        "durability": settings.outbox.durability,
        "maxSize": settings.outbox.max_size,
        "file": str(file),
    }


def _print(args: argparse.Namespace, document: dict[str, Any]) -> None:
    if args.json:
        print_json(document)
        return
    print_table([("WHAT", "HOW"), *((name, "-" if value is None else str(value)) for name, value in document.items())])
    if document["durability"] != "always":
        print("(on the disk; what is younger may wait in memory: limpet status)", file=sys.stderr)


def _export(outbox: OutboxReader, target: str) -> int:
    with ExitStack() as stack:
        out: BinaryIO = sys.stdout.buffer if target == "-" else stack.enter_context(_create(target))
        written = damaged = 0
        for batch in outbox.batches():
            if batch is None:
                damaged += 1
                continue
            out.write(batch.rstrip(b"\n") + b"\n")
            written += 1
    print(f"{written} batches" + (f", {damaged} more are damaged" if damaged else ""), file=sys.stderr)
    return 1 if damaged else 0


def _create(target: str) -> BinaryIO:
    """Return a new file, or an old one emptied; it may be a device or a pipe, too, which keep their modes."""
    return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, EXPORT_MODE), "wb")
