"""`limpet schema`: the JSON Schemas, the AsyncAPI document of the topics, and the tables of `limpet ingest`."""

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
DATABASE = "database"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument("document", nargs="?", choices=(*DOCUMENTS, DATABASE), default="config", help="default: config")
    parser.add_argument("--json", action="store_true", help="as always here; of the tables, too")
    parser.epilog = "example:\n  limpet schema batch > batch.schema.json"


def main(args: argparse.Namespace) -> int:
    """Print one document; the tables as SQL, unless JSON is wanted."""
    if args.document == DATABASE:
        from agent.ingest import tables

        if args.json:
            print_json(tables.document())
        else:
            print(tables.ddl("postgresql", comments=True))
        return 0
    print_json(DOCUMENTS[args.document]())
    return 0
