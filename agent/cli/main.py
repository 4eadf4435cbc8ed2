"""The command `limpet`: finds the subcommand, imports it, turns its end into an exit code. No logic of its own."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from .commands import present

ENDINGS = (signal.SIGINT, signal.SIGTERM)
LAST_MOMENT = 1.5  # seconds
OK, FAILED, USAGE, CONFIG = 0, 1, 2, 78  # 78 is EX_CONFIG of sysexits.h: systemd does not restart us then


class Ended(SystemExit):
    """A signal has ended the command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 failed or found a fault, 2 wrong usage, 78 configuration."""
    words = list(sys.argv[1:] if argv is None else argv)
    before = [signal.getsignal(number) for number in ENDINGS]
    try:
        _on_ending(_interrupt)
        code = _run(words)
        sys.stdout.flush()
        return code
    except (Ended, KeyboardInterrupt):
        return OK
    except BrokenPipeError:
        # `limpet chips | head -1`: the reader has gone; Python must not try to write again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # The process ends now; another signal changes nothing.
        for number, handler in zip(ENDINGS, before, strict=True):
            _on_ending(signal.SIG_IGN if argv is None else handler, number)


def _on_ending(handler: Any, *numbers: int) -> None:
    # ValueError: not in the main thread, as in some tests.
    with contextlib.suppress(ValueError, TypeError):
        for number in numbers or ENDINGS:
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the command at once, and only once; where the exception is swallowed, a moment later without asking.

    Not by KeyboardInterrupt: if it meets an `exec`, as dataclasses do at import, Python ends itself by SIGINT at exit.
    """
    _on_ending(signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda *_: os._exit(OK))
    signal.setitimer(signal.ITIMER_REAL, LAST_MOMENT)
    raise Ended(OK)


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        # AttributeError: replaced by something simpler.
        with contextlib.suppress(AttributeError, OSError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    parser, commands = _parser()
    command = _command(words)
    if command is not None and command not in commands:
        import difflib

        near = difflib.get_close_matches(command, commands, 1)
        parser.error(f"there is no command {command!r}; " + (f"did you mean `{near[0]}`?" if near else "see --help"))
    module = None if command is None else _complete(command, commands[command])
    args = parser.parse_args(words)
    if module is None:
        parser.print_help(sys.stderr)
        return USAGE
    from agent.config import ConfigError

    try:
        return int(module.main(args))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return CONFIG


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser and those of its commands, which are still without arguments."""
    parser = argparse.ArgumentParser(
        prog="limpet",
        description="Reads the sensors of a Raspberry Pi and publishes them over MQTT.",
        epilog="example:\n  limpet demo              needs no hardware, no broker, no configuration\n"
        "  limpet check -c my.toml\n\n`limpet help COMMAND` tells more about a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="the configuration, for commands that read one")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    under = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands = {}
    for command, text in present().items():
        described = text[0].upper() + text[1:] + "."
        form = argparse.RawDescriptionHelpFormatter
        commands[command] = under.add_parser(command, help=text, description=described, formatter_class=form)
    return parser, commands


def whole_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser and those of its commands, each with its arguments: for completion and the man page."""
    parser, commands = _parser()
    for command in commands:
        _complete(command, commands[command])
    return parser, commands


def _complete(command: str, parser: argparse.ArgumentParser) -> Any:
    """Give a command's parser its arguments; return the command's module."""
    module = importlib.import_module(f".{command}", __package__)
    module.arguments(parser)
    # ArgumentError: it has its own; the others read none, and let it pass.
    with contextlib.suppress(argparse.ArgumentError):
        parser.add_argument("-c", "--config", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return module


def _command(words: Sequence[str]) -> str | None:
    """Return the first word that is neither an option nor the value of one."""
    rest = iter(words)
    for word in rest:
        if word in ("-c", "--config"):
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that costs more than all the rest."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"limpet {version('limpet')}")
        except PackageNotFoundError:
            print("limpet (not installed)")
        parser.exit()
