"""`limpet watch`: what a subscriber sees of any broker, live: sensors, breakers, what is missing."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import queue
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.clock import rfc3339
from agent.config import ConfigError, MqttConfig, load

from .commands import port, takes_config, takes_json, whole_number

if TYPE_CHECKING:
    from agent.broker import Address
    from agent.broker.subscriber import ConnectionChange, Received

    from .watching.live import Inbox
    from .watching.picture import Picture

    Heard = queue.SimpleQueue[Received | ConnectionChange]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument("--host", help="the broker (default: that of the configuration, else localhost)")
    parser.add_argument("--port", type=port, help="its port (default: 1883, with TLS 8883)")
    parser.add_argument("--device", metavar="ID", default="+", help="only this device (default: all)")
    parser.add_argument("--count", type=whole_number, metavar="N", help="end after N messages")
    parser.add_argument("-u", "--username", help="who we are there")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="holds the password")
    parser.add_argument("--tls-ca", type=Path, metavar="FILE", help="speak TLS, and trust these roots alone")
    parser.add_argument("--mqtt", choices=("5", "3.1.1"), help="version of MQTT (default: 5)")
    parser.epilog = (
        "A terminal shows it live; there ? names the keys. Elsewhere each thing that happens is a line.\n\n"
        "example:\n  limpet watch --host broker.local\n  limpet watch --device greenhouse-1 --json --count 10"
    )


def main(args: argparse.Namespace) -> int:
    """Watch until told to stop, or for `count` messages; return 1 if the broker refuses."""
    from agent.broker import BrokerError
    from agent.broker.subscriber import Subscriber

    from .doctor.cures import typed_cure
    from .watching.picture import Picture

    mqtt = broker_of(args)
    there, live = address(args, mqtt), not args.json and _can_be_live()
    inbox: Any = _inbox() if live else queue.SimpleQueue()
    subscriber = Subscriber(there, [f"{mqtt.topic_root}/{args.device}/#"], inbox.put)
    picture = Picture(mqtt.topic_root)
    try:
        subscriber.start()
        if args.json:
            _json(inbox, args.count)
        elif live:
            _live(inbox, picture, args.count)
        else:
            _lines(inbox, picture, args.count)
    except BrokerError as error:
        print(f"watch: {error}\n    fix: {typed_cure(error, there, 'limpet watch')}", file=sys.stderr)
        return 1
    finally:
        subscriber.stop()
    return 0


def _can_be_live() -> bool:
    """Return whether there is a screen; if only `rich` is missing, say how to get it."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        return False
    if importlib.util.find_spec("rich") is not None:
        return True
    print("watch: the live view needs rich: pip install 'limpet[watch]'; until then, line by line", file=sys.stderr)
    return False


def _inbox() -> Inbox:
    from .watching.live import Inbox

    return Inbox()


def broker_of(args: argparse.Namespace) -> MqttConfig:
    """Return the broker of the configuration, if there is one or one was named; else localhost.

    Raises:
        ConfigError: a configuration was named, and is wrong.
    """
    if args.host is not None and args.config is None:
        return MqttConfig()
    try:
        return load(args.config).mqtt
    except ConfigError as error:
        if args.config is not None or "LIMPET_CONFIG" in os.environ or error.mistakes[0].line:
            raise
        return MqttConfig()  # there is none


def address(args: argparse.Namespace, mqtt: MqttConfig) -> Address:
    """Return where the broker is and who we are there: what was said on the command line wins."""
    from agent.broker import Tls
    from agent.service.connect import address as configured

    there = configured(mqtt, f"limpet-watch-{uuid.uuid4().hex[:8]}", os.environ)
    there = replace(there, keepalive=30, version=args.mqtt or there.version, username=args.username or there.username)
    if args.host:
        there = replace(there, host=args.host, more_hosts=())
    if args.tls_ca:
        there = replace(there, tls=Tls(args.tls_ca), port=8883 if mqtt.tls is None else there.port)
    if args.password_file:
        there = replace(there, password=_word(args.password_file))
    return replace(there, port=args.port or there.port)


def _word(file: Path) -> str:
    from agent.broker import BrokerLost
    from agent.config.mistakes import Wrong
    from agent.config.secret import read_secret

    try:
        return read_secret(file).reveal()
    except (OSError, Wrong) as error:
        raise BrokerLost(f"the password in {file} cannot be read: {error}") from None


def _messages(heard: Heard, count: int | None) -> Iterator[Received | ConnectionChange]:
    """Yield what is received, up to `count` messages.

    Raises:
        BrokerError: the broker refuses us, and will go on to.
    """
    from agent.broker.subscriber import Received

    left = count
    while left is None or left > 0:
        message = heard.get()
        if isinstance(message, Received):
            left = left if left is None else left - 1
        else:
            _end_if_refused(message)
        yield message


def _end_if_refused(change: ConnectionChange) -> None:
    """Raise why there is no connection if trying again cannot help."""
    if change.error is not None and change.error.permanent:
        raise change.error


class Complaint:
    """Says on stderr that there is no connection, and why; the same thing once."""

    def __init__(self) -> None:
        self.said = ""

    def take(self, line: ConnectionChange) -> None:
        """Take a change of the connection."""
        why = "" if line.up else line.why
        if why and why != self.said:
            print(f"watch: {why}; trying again", file=sys.stderr, flush=True)
        self.said = why


def _json(heard: Heard, count: int | None) -> None:
    """Print each message as one line of JSON."""
    from agent.broker.subscriber import Received

    complaint = Complaint()
    for message in _messages(heard, count):
        if isinstance(message, Received):
            payload = _payload(message)
            line = {"topic": message.topic, "receivedAt": rfc3339(message.at), "payload": payload}
            print(json.dumps(line, ensure_ascii=False), flush=True)
        else:
            complaint.take(message)


def _payload(message: Received) -> Any:
    """Return what a payload says: a JSON document, else a text; of a block of history, all of its documents."""
    from agent.messages import blocks

    text = message.payload.decode("utf-8", "backslashreplace")
    try:
        if message.content_type == blocks.CONTENT_TYPE or message.payload[:1] == bytes([blocks.ZLIB]):
            return [json.loads(one) for one in blocks.lines(message.payload)]
        return json.loads(text)
    except ValueError:
        return text


def _lines(heard: Heard, picture: Picture, count: int | None) -> None:
    """Print what happens, one line each: batches, and changes."""
    from agent.broker.subscriber import Received

    from .watching import text

    complaint = Complaint()
    for message in _messages(heard, count):
        if isinstance(message, Received):
            for batch in picture.batches(message):
                print(_line(batch, message.at, picture.ledger.missing), flush=True)
        else:
            complaint.take(message)
            picture.line(message, time.time())
        while picture.events:
            event = picture.events.popleft()
            print(text.clean(f"{text.clock(event.at)}  {event.text}"), flush=True)


def _line(batch: dict[str, Any], at: float, missing: int) -> str:
    """Return a batch in one line, whatever stands in it."""
    from .watching import text

    try:
        return text.clean(text.batch(batch, at, missing))
    except (ValueError, TypeError, LookupError, AttributeError):
        return text.clean(f"{text.clock(at)}  {batch.get('deviceId')} #{batch.get('seq')} is no batch of ours")


def _live(inbox: Inbox, picture: Picture, count: int | None) -> None:
    """Show the live view."""
    from agent.broker.subscriber import Received

    from .watching.live import show

    left = count

    def take(message: Received | ConnectionChange) -> bool:
        nonlocal left
        if isinstance(message, Received):
            picture.batches(message)
            left = left if left is None else left - 1
        else:
            _end_if_refused(message)
            picture.line(message, time.time())
        return left is not None and left <= 0

    show(inbox, picture, take)
