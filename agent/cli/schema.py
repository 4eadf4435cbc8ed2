"""`limpet schema`: the JSON Schemas, and the AsyncAPI document of the topics."""

from __future__ import annotations

import argparse

from agent.messages import schemas

from .commands import print_json

DOCUMENTS = {
    "config": schemas.config,
    "batch": schemas.batch,
    "health": schemas.health,
    "asyncapi": schemas.asyncapi,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument("document", nargs="?", choices=tuple(DOCUMENTS), default="config", help="default: config")
    parser.add_argument("--json", action="store_true", help="as always here")
    parser.epilog = "example:\n  limpet schema batch > batch.schema.json"


def main(args: argparse.Namespace) -> int:
    """Print one document."""
    print_json(DOCUMENTS[args.document]())
    return 0
