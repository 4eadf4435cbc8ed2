"""`limpet init`: a first configuration: the broker is asked for and tried, the sensors are found and read."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import logging
import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent import config

from . import config_writer
from .commands import port, print_json, takes_config, takes_json

if TYPE_CHECKING:
    from agent.broker import Address
    from agent.clock import Clock
    from agent.model import Batch

PLAIN_PORT, TLS_PORT = 1883, 8883
NO_MQTT_5 = 0x84  # MQTT 5.0 §2.4: unsupported protocol version
NO_SENSOR = "no device was found on a bus: the machine itself is what is read; `limpet scan` says more"
NEXT = """\
{file} is written; next:
  limpet check -c {file}
  limpet run -c {file}
  limpet schema config >{schema}    # for completion in editors"""


class Unable(Exception):
    """Why nothing is written, and what to do about it. `code`: the broker's reason, if it gave one."""

    def __init__(self, why: str, cure: str, code: int | None = None) -> None:
        super().__init__(why)
        self.cure, self.code = cure, code


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """The broker, and who we are there."""

    host: str
    port: int
    username: str | None
    password: str | None
    version: str = "5"

    def table(self, secret: Path) -> str:
        """Return the tables [mqtt] and, at the port of TLS, [mqtt.tls]; the password stays in its file."""
        lines = ["[mqtt]", f"host = {config_writer.quoted(self.host)}"]
        if self.port not in (PLAIN_PORT, TLS_PORT):
            lines.append(f"port = {self.port}")
        if self.username is not None:
            lines.append(f"username = {config_writer.quoted(self.username)}")
        if self.password is not None:
            lines.append(f"password_file = {config_writer.quoted(secret.name)}")
        if self.version != "5":
            lines.append(f"version = {config_writer.quoted(self.version)}")
        if self.port == TLS_PORT:
            lines += ["", "[mqtt.tls]", "# the system's roots are trusted; others: ca_file = …"]
        return "\n".join(lines) + "\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument("--host", help="the broker (default: it is asked for; with --yes: localhost)")
    parser.add_argument("--port", type=port, help="its port (default: 1883; 8883 is spoken to by TLS)")
    parser.add_argument("--username", help="who we are there; the password is asked for, or $LIMPET_MQTT_PASSWORD")
    parser.add_argument("--yes", action="store_true", help="ask nothing: take the flags, and defaults for the rest")
    parser.epilog = (
        "example:\n  limpet init\n  limpet init --host broker.local --username greenhouse-1 -c limpet.toml --yes"
    )


def main(args: argparse.Namespace) -> int:
    """Write a configuration; return 1 if the broker refuses, or a file is in the way: then nothing is written."""
    file = Path(args.config or os.environ.get(config.VARIABLE) or "limpet.toml")
    secret = file.with_name(f"{file.stem}.password")
    try:
        _look_at_places(file, secret)
        login, start = _let_in(asked(args), file, secret)
        text = _scanned(start)
        clock, batch = _read(_settings(text, file))
        _write(file, text, secret, login.password)
    except Unable as problem:
        print(f"init: {problem}\n    fix: {problem.cure}", file=sys.stderr)
        return 1
    _report(args, file, secret if login.password is not None else None, clock, batch)
    return 0


def _look_at_places(file: Path, secret: Path) -> None:
    """Find out before anything is asked whether the files can be written.

    Raises:
        Unable: they cannot.
    """
    for one in (file, secret):
        # A link that leads nowhere is in the way, too.
        if one.exists() or one.is_symlink():
            raise Unable(f"{one} is there already, and is not overwritten", "name another file: limpet init -c FILE")
    if not file.parent.is_dir():
        raise Unable(f"there is no folder {file.parent}", f"mkdir -p {file.parent}")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise Unable(f"{file.parent} is not writable for this user", "use sudo, or name another file: -c FILE")


def asked(args: argparse.Namespace) -> Login:
    """Return what the flags say of the broker; without --host and --yes a person is asked for what they do not say."""
    asks = not args.yes and args.host is None
    host = args.host or (_answer("broker", "localhost") if asks else "localhost")
    number = args.port or (_port() if asks else PLAIN_PORT)
    username = args.username or (_answer("username, empty for none", "") if asks else "") or None
    password = os.environ.get(config.secret.VARIABLE) or None
    if password is None and username is not None and not args.yes:
        password = _password(f"password of {username} (it is not shown): ")
    if password is not None and any(one in password for one in "\r\n\0"):
        raise Unable("the password has more than one line", "a password is one line of text")
    return Login(host, number, username, password)


def _answer(question: str, default: str) -> str:
    """Return what a person answers, or the default.

    Raises:
        Unable: the input has ended.
    """
    print(f"{question} [{default}]: " if default else f"{question}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        print(file=sys.stderr)
        raise Unable("the input ended before the questions did", "answer by flags: limpet init --host HOST --yes")
    return line.strip() or default


def _port() -> int:
    while True:
        try:
            return port(_answer("port", str(PLAIN_PORT)))
        except argparse.ArgumentTypeError as error:
            print(f"it {error}", file=sys.stderr)


def _password(prompt: str) -> str | None:
    """Return a password that is typed without an echo; where there is no terminal, the next line of the input."""
    if _at_terminal():
        return getpass.getpass(prompt, stream=sys.stderr) or None
    return sys.stdin.readline().rstrip("\r\n") or None


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _settings(text: str, file: Path) -> config.Config:
    """Return what a text that we wrote says.

    Raises:
        Unable: an answer cannot stand in a configuration.
    """
    settings, mistakes = config.parse(text, file)
    if settings is None:
        first = next(one for one in mistakes if not one.is_warning)
        raise Unable(f"{first.path}: {first.what}", first.fix)
    return settings


def _let_in(login: Login, file: Path, secret: Path) -> tuple[Login, str]:
    """Return a login with which the broker lets us in, and the first lines of the file, which name it.

    Raises:
        Unable: the broker does not let us in, with either version of MQTT.
    """
    start = config_writer.head("limpet init", login.table(secret))
    try:
        _log_in(login, _settings(start, file))
    except Unable as problem:
        if problem.code != NO_MQTT_5 or login.version != "5":
            raise
        print("the broker does not speak MQTT 5: the file says version 3.1.1", file=sys.stderr)
        return _let_in(replace(login, version="3.1.1"), file, secret)
    return login, start


def _log_in(login: Login, settings: config.Config) -> None:
    """Connect to the broker once, as a client beside the agent.

    Raises:
        Unable: the broker does not let us in.
    """
    from agent.broker import BrokerError
    from agent.messages.topics import Topics
    from agent.service.connect import address

    from .doctor.cures import typed_cure

    # Its own name would end the session of an agent that runs.
    name = Topics(settings.mqtt.topic_root, settings.agent.device_id).client_id
    known = {} if login.password is None else {config.secret.VARIABLE: login.password}
    there = address(settings.mqtt, f"{name}-init", known)
    print(f"trying {there.host}:{there.port} …", file=sys.stderr)
    try:
        asyncio.run(_visit(there))
    except BrokerError as error:
        raise Unable(str(error), typed_cure(error, there, "limpet init"), error.code) from None


async def _visit(there: Address) -> None:
    from agent.broker.link import PahoLink

    link = PahoLink(there, thorough=True)
    try:
        await link.connect()
    finally:
        await link.close()


def _scanned(start: str) -> str:
    """Return the configuration with what is connected to this machine."""
    from . import scan

    scans, listed = scan.this_machine()
    scan.look(scans)
    for one in scans:
        if one.error:
            print(one.error, file=sys.stderr)
    found = [one for each in scans for one in each.found]
    if not any(one.driver for one in found) and all(one.note for one in listed):
        print(NO_SENSOR, file=sys.stderr)
    return config_writer.draft(found, listed, start)


def _read(settings: config.Config) -> tuple[Clock, Batch]:
    """Return one reading of each sensor, and the clock that it was taken by."""
    from agent.service.hardware import RealWorld

    from .read import collect, needed

    # What goes wrong stands in the faults.
    logging.getLogger().addHandler(logging.NullHandler())
    ids = [sensor.id for sensor in settings.sensors]
    clock, hardware = RealWorld(settings.file).doors(settings)
    return clock, asyncio.run(collect(hardware, clock, needed(settings, ids), ids))


def _write(file: Path, text: str, secret: Path, password: str | None) -> None:
    """Write both files, or none of them.

    Raises:
        Unable: one of them is there by now, or the disk is full.
    """
    written: list[Path] = []
    contents = [(secret, f"{password}\n", 0o600)] if password is not None else []
    try:
        for path, content, mode in (*contents, (file, text, 0o644)):
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            written.append(path)
            with os.fdopen(number, "w", encoding="utf-8") as opened:
                opened.write(content)
        _give_to_service(file, secret)
    except (OSError, UnicodeError) as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise Unable(f"{file} cannot be written: {error}", "name another file: limpet init -c FILE") from None


def _give_to_service(file: Path, secret: Path) -> None:
    """Let the installed service, which runs as a user of its own, read the password; it is for its owner alone."""
    if secret.exists() and file.parent == config.tables.SYSTEM_FILE.parent:
        # LookupError: Limpet is not installed here.
        with contextlib.suppress(LookupError, PermissionError):
            shutil.chown(secret, "limpet", "limpet")


def _report(args: argparse.Namespace, file: Path, secret: Path | None, clock: Clock, batch: Batch) -> None:
    from .read import document, show

    if args.json:
        names = {"file": str(file), "passwordFile": None if secret is None else str(secret)}
        print_json(names | document(batch, clock))
    else:
        show(batch, batch.sensors, clock, as_json=False)
    if secret is not None:
        print(f"the password is in {secret}, for this user alone", file=sys.stderr)
    print(NEXT.format(file=file, schema=file.with_name(config.SCHEMA_LINE.rpartition("/")[2])), file=sys.stderr)
