"""`limpet ingest`: store what devices publish, and prove that nothing is missing."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import ConfigError, MqttConfig, load

from . import ingest_urls
from .commands import print_json, print_table, takes_config, takes_json

if TYPE_CHECKING:
    from agent.ingest.database import Database
    from agent.ingest.identity import WorkerId
    from agent.ingest.queue import Source
    from agent.ingest.report import RunReport

log = logging.getLogger("limpet.ingest")

DATABASE = "sqlite:///limpet-data.db"
GOODBYE = 0.7  # seconds
EPILOG = (
    "Login and TLS are those of [mqtt] in the configuration. What comes is acknowledged after it was stored, so\n"
    "the broker must keep it meanwhile: mosquitto keeps only 1000 messages for an absent subscriber unless\n"
    "max_queued_messages allows more (0: any number), which no client can see. Numbers count from 1: what was\n"
    "published before a worker first subscribed is missing.\n\n"
    "example:\n  limpet ingest --database postgresql://limpet@db/limpet --group store\n  limpet ingest --report"
)
HEADS = ("DEVICE", "RUN", "RECEIVED", "DECLARED", "UNDECLARED", "TWICE", "LAST HEARD", "ENDED")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument(
        "--database",
        type=ingest_urls.database,
        metavar="URL",
        default=DATABASE,
        help=f"sqlite:///FILE or postgresql://… (default: {DATABASE})",
    )
    parser.add_argument(
        "--source",
        type=ingest_urls.source,
        metavar="URL",
        help="mqtt://HOST[:PORT], mqtts://… or nats://A,B,C (default: the configured broker, else localhost)",
    )
    parser.add_argument(
        "--group", type=_group, metavar="NAME", help="share the load with the other workers of this name"
    )
    parser.add_argument(
        "--topic-root",
        type=_root,
        metavar="ROOT",
        help="the first levels of all topics (default: as configured, else limpet)",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="say what was received, declared lost, and is missing; 1 if anything is missing without a word",
    )
    parser.epilog = EPILOG


def main(args: argparse.Namespace) -> int:
    """Store until told to stop; or report."""
    from agent import logs

    missing = _missing(args)
    if missing:
        print(f"ingest: {missing}", file=sys.stderr)
        return 1
    if args.report:
        return _report(args)
    mqtt = _configured(args)
    root = args.topic_root or mqtt.topic_root
    logs.setup()
    source, identity = _connection(args, mqtt, root)
    try:
        return _work(source, _store(args.database), root)
    finally:
        source.stop(GOODBYE)
        if identity is not None:
            identity.release()


def _work(source: Source, database: Database, root: str) -> int:
    from agent import logs
    from agent.ingest.worker import IngestWorker

    logs.settle_by(source.later)
    IngestWorker(source, database, root).run()
    return 0


# --- what was asked for


def _group(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise argparse.ArgumentTypeError("is made of letters, digits, _ and -, 64 at most")
    return text


def _root(text: str) -> str:
    from agent.config.mistakes import Wrong
    from agent.config.names import Topic

    try:
        return Topic(8, longest=128).read(text)
    except Wrong as error:
        raise argparse.ArgumentTypeError(f"{error.what}; {error.fix}") from None


def _missing(args: argparse.Namespace) -> str:
    """Return what has to be installed for the database and the source; empty if all is there."""
    from importlib.util import find_spec

    needs = {"psycopg": args.database.startswith("postgres")}
    needs["nats"] = bool(args.source) and not args.source.startswith("mqtt") and not args.report
    lacking = [name for name, needed in needs.items() if needed and find_spec(name) is None]
    return f"this needs {' and '.join(lacking)}: pip install 'limpet[ingest]'" if lacking else ""


def _configured(args: argparse.Namespace) -> MqttConfig:
    """Return the broker of the configuration, if there is one.

    Raises:
        ConfigError: a configuration was named, and is wrong.
    """
    try:
        return load(args.config).mqtt
    except ConfigError as error:
        if args.config is not None or "LIMPET_CONFIG" in os.environ or error.mistakes[0].line:
            raise
        return MqttConfig()  # there is none


def _connection(args: argparse.Namespace, mqtt: MqttConfig, root: str) -> tuple[Source, WorkerId | None]:
    if args.source is not None and not args.source.startswith("mqtt"):
        return _nats(args, mqtt, root), None
    return _mqtt(args, mqtt, root)


def _mqtt(args: argparse.Namespace, mqtt: MqttConfig, root: str) -> tuple[Source, WorkerId]:
    from agent.broker import Tls
    from agent.ingest.identity import NoIdentity, WorkerId
    from agent.ingest.mqtt import MqttSource, filters
    from agent.service.connect import address

    there = address(mqtt, "", os.environ)
    if args.source is not None:
        scheme, username, server = ingest_urls.source_parts(args.source)
        host, port = ingest_urls.server_parts(server)
        tls = there.tls or (Tls() if scheme == "mqtts" else None)
        there = replace(there, host=host, more_hosts=(), tls=tls, username=username or there.username)
        there = replace(there, port=port or (1883 if tls is None else 8883))
    if args.group is not None and there.version != "5":
        # Most brokers then take $share for the name of a topic, and nothing would ever come.
        print(f"ingest: --group needs MQTT 5, and mqtt.version is {there.version}", file=sys.stderr)
        print("    fix: leave mqtt.version out, or start one worker without --group", file=sys.stderr)
        raise SystemExit(2)
    # Without the password: another one makes no other worker, and what the broker kept for it would be lost.
    purpose = (f"{there.host}:{there.port}", args.group or "", root, ingest_urls.shown(args.database))
    identity = WorkerId(Path.cwd(), purpose)
    try:
        there = replace(there, client_id=f"limpet-ingest-{identity.take()}", keepalive=max(15, there.keepalive))
    except NoIdentity as error:
        print(f"ingest: {error}\n    fix: run it in a folder that it may write", file=sys.stderr)
        raise SystemExit(1) from None
    return MqttSource(there, filters(root, args.group)), identity


def _nats(args: argparse.Namespace, mqtt: MqttConfig, root: str) -> Source:
    from agent.broker.dial import read_credentials
    from agent.ingest.jetstream import JetStreamSource, NatsAddress
    from agent.service.connect import address

    scheme, username, servers = ingest_urls.source_parts(args.source)
    credentials = read_credentials(address(mqtt, "", os.environ))
    urls = tuple(f"{scheme}://{one}" for one in servers.split(","))
    there = NatsAddress(urls, username or mqtt.username, credentials.password, credentials.context)
    durable = re.sub(r"[^A-Za-z0-9_-]", "-", f"{args.group or 'limpet-ingest'}-{root}")
    return JetStreamSource(there, root, durable)


def _store(url: str) -> Database:
    if url.startswith("sqlite:///"):
        from agent.ingest.sqlite import Sqlite

        return Sqlite(Path(url.removeprefix("sqlite:///")))
    from agent.ingest.postgres import Postgres, WrongUrl

    try:
        return Postgres(url, ingest_urls.shown(url))
    except WrongUrl as error:
        print(f"ingest: --database: {error}", file=sys.stderr)
        raise SystemExit(2) from None


# --- the report


def _report(args: argparse.Namespace) -> int:
    from agent.ingest.database import DatabaseError
    from agent.ingest.report import report
    from agent.messages.payloads import camel

    try:
        runs = list(report(_store(args.database).runs()))
    except DatabaseError as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 1
    if args.json:
        print_json([camel(one.document) for one in runs])
    elif runs:
        print_table([HEADS, *(_row(one) for one in runs)])
    else:
        print("nothing was received yet", file=sys.stderr)
    for one in runs:
        _say(one)
    return 1 if any(one.undeclared for one in runs) else 0


def _row(one: RunReport) -> tuple[str, ...]:
    counts = (one.received, one.declared, one.undeclared, one.twice)
    name = f"{one.device_id} (simulated)" if one.simulated else one.device_id
    return (name, one.boot_id, *(f"{count:,}" for count in counts), one.last_heard or "never", _ended(one))


def _ended(one: RunReport) -> str:
    if one.ended is None:
        return ""
    how = "clean" if one.ended.clean else "not clean"
    return f"{how}, at {one.ended.last_seq}" if one.ended.last_seq is not None else f"{how}, at an unknown number"


def _say(one: RunReport) -> None:
    """Print what a person should look at to stderr."""
    if one.undeclared:
        parts = ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in one.missing)
        print(f"{one.device_id}: missing without a word of run {one.boot_id}: {parts}", file=sys.stderr)
    if one.twin is not None and one.boot_id < one.twin:
        text = f"runs {one.boot_id} and {one.twin} were live at the same time: do two machines have this name?"
        print(f"{one.device_id}: {text}", file=sys.stderr)
