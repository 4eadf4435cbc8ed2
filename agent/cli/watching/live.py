"""The live view at a terminal: messages and keys come in, a screen goes out. Needs `rich`."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live

from .browser import Browser
from .keys import Keys, raw, terminal
from .pages import screen

if TYPE_CHECKING:
    from agent.broker.subscriber import ConnectionChange, Received

    from .picture import Picture

REFRESH = 0.25  # seconds between two screens, at most so often
STILL = 1.0  # seconds after which the ages are shown again though nothing came
BURST = 0.05  # seconds for messages before keys and the screen have their turn
ALONE = 0.05  # seconds after which an escape is the key Esc


class Inbox:
    """A queue that `select` can wait for: messages come from another thread."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Received | ConnectionChange] = queue.SimpleQueue()
        self.descriptor, self._wake = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._wake, False)

    def put(self, message: Received | ConnectionChange) -> None:
        """Add a message; from any thread."""
        self._queue.put(message)
        # Full: it will wake up anyway.
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake, b"\0")

    def take(self) -> Iterator[Received | ConnectionChange]:
        """Yield what has come, until there is no more or its turn is over."""
        end = time.monotonic() + BURST
        while time.monotonic() < end:
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                # What is put after this look wakes us again.
                with contextlib.suppress(BlockingIOError):
                    os.read(self.descriptor, 65536)
                if self._queue.empty():
                    return


def show(inbox: Inbox, picture: Picture, take: Callable[[Received | ConnectionChange], bool]) -> None:
    """Show what a subscriber knows until a person quits.

    Args:
        take: gives a message to the picture; returns whether it was the last one.
    """
    console, browser = Console(), Browser(picture)
    descriptor = terminal()
    with contextlib.ExitStack() as stack:
        if descriptor is not None:
            stack.enter_context(raw(descriptor))
        live = stack.enter_context(Live(console=console, screen=True, auto_refresh=False, transient=True))
        _loop(inbox, browser, descriptor, take, lambda: _paint(live, console, browser))


def _loop(
    inbox: Inbox,
    browser: Browser,
    descriptor: int | None,
    take: Callable[[Received | ConnectionChange], bool],
    paint: Callable[[], None],
) -> None:
    keys, dirty, painted = Keys(), True, 0.0
    watched = [inbox.descriptor] if descriptor is None else [inbox.descriptor, descriptor]
    size = None
    while not browser.quitting:
        ready, _, _ = select.select(watched, [], [], ALONE if keys.waits else REFRESH)
        for message in inbox.take() if inbox.descriptor in ready else ():
            dirty = True
            if take(message):
                return
        pressed = _pressed(keys, descriptor, ready)
        if pressed is None:
            # The terminal is gone.
            return
        for key in pressed:
            browser.press(key)
        now, before = time.monotonic(), size
        size = os.get_terminal_size() if descriptor is not None else None
        if pressed or size != before or now - painted >= (REFRESH if dirty else STILL):
            paint()
            dirty, painted = False, time.monotonic()


def _pressed(keys: Keys, descriptor: int | None, ready: list[Any]) -> list[str] | None:
    """Return the keys that were pressed; None where no more can come."""
    if descriptor is None or descriptor not in ready:
        return keys.flush()
    try:
        data = os.read(descriptor, 1024)
    except OSError:
        return None
    return keys.feed(data) if data else None


def _paint(live: Live, console: Console, browser: Browser) -> None:
    size = console.size
    live.update(Group(*screen(browser, time.time(), (size.width, size.height))), refresh=True)
