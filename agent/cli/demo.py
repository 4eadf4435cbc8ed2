"""`limpet demo`: all of it at work on any machine: simulated chips, scripted faults, a broker of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from agent.service.signals import when_told_to_end

from .commands import whole_number

if TYPE_CHECKING:
    from agent.broker.subscriber import ConnectionChange, Received
    from agent.simulation.demo import Demo

    from .watching.picture import Picture

INSTALL = (
    "the demo needs a broker of its own; `sh deploy/demo.sh` brings it, or:\n"
    f"    {sys.executable} -m pip install iotcore rich"
)
REFRESH = 0.25  # seconds


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("--batches", type=whole_number, metavar="N", help="end after N batches were received")
    parser.add_argument(
        "--plain", "--json", action="store_true", help="print each batch as a subscriber received it, one JSON per line"
    )
    parser.epilog = (
        "example:\n  limpet demo\n  limpet demo --plain --batches 8 | python -m json.tool --json-lines --compact"
    )


def main(args: argparse.Namespace) -> int:
    """Run the demo until told to stop; return 1 if it cannot run here."""
    if importlib.util.find_spec("iotcore") is None:
        print(INSTALL, file=sys.stderr)
        return 1
    plain = args.plain or not sys.stdout.isatty()
    if not plain and importlib.util.find_spec("rich") is None:
        print(
            f"without rich there is no live view, hence plain lines: {sys.executable} -m pip install rich",
            file=sys.stderr,
        )
        plain = True
    # What the agent logs, the view shows.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        asyncio.run(_play(Audience(args.batches, plain)))
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


class Audience:
    """Shows what the subscriber receives.

    Args:
        batches: end after that many; None: go on.
    """

    def __init__(self, batches: int | None, plain: bool) -> None:
        from .watching.picture import Picture

        self.picture: Picture = Picture()
        self.batches, self.plain = batches, plain
        self.play: Demo | None = None

    def hear(self, message: Received | ConnectionChange) -> None:
        """Take a message or a change of the connection."""
        from agent.broker.subscriber import ConnectionChange

        if isinstance(message, ConnectionChange):
            self.picture.line(message, time.time())
            return
        batch = self.picture.take(message)
        if batch is None or self.play is None or self._full(1):
            return
        if self.plain:
            self._print(message.payload)
        if self._full(0):
            self.play.stop()

    def _full(self, more: int) -> bool:
        return self.batches is not None and self.picture.ledger.received - more >= self.batches

    def _print(self, payload: bytes) -> None:
        try:
            print(payload.decode(), flush=True)
        # The reader of the pipe has gone.
        except BrokenPipeError as error:
            assert self.play is not None
            self.play.stop(error)


async def _play(audience: Audience) -> None:
    from agent.simulation.demo import Demo

    play = audience.play = Demo(audience.hear)
    running = asyncio.create_task(play.run(), name="play")
    when_told_to_end(play.stop)
    if audience.plain:
        await asyncio.wait((running,))
    else:
        await _show(audience.picture, play, running)
    # Cancelled: it ended before it began.
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _show(picture: Picture, play: Demo, running: asyncio.Task[Any]) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from .watching.table import screen

    def view(foot: str) -> Any:
        now = play.now
        note = Text.assemble(("  NOW      ", "bold"), (now, "bold green" if now == "all is well" else "bold yellow"))
        size = console.size
        return screen(picture, time.time(), (size.width, size.height), title="limpet demo", note=note, foot=foot)

    console = Console()
    with Live(view(""), console=console, auto_refresh=False) as live:
        while not running.done():
            live.update(view("  Ctrl-C ends it"), refresh=True)
            await asyncio.wait((running,), timeout=REFRESH)
        live.update(view(""), refresh=True)
