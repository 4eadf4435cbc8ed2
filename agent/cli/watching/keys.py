"""Keys of a terminal: it is set to hand them over at once, and is set back whatever happens."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Iterator

NAMED = {
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b[H": "home",
    "\x1bOH": "home",
    "\x1b[1~": "home",
    "\x1b[7~": "home",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
    "\x1b[8~": "end",
}
ESCAPE = "\x1b"


class Keys:
    """Makes names of keys from the bytes that a terminal sends: a character, or `up`, `enter`, `esc` …"""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._rest = ""

    @property
    def waits(self) -> bool:
        """Whether a key has begun that may go on."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """Return the keys that are complete; the beginning of a sequence waits for its end."""
        self._rest += self._decoder.decode(data)
        keys = []
        while self._rest and (length := _length(self._rest)):
            text, self._rest = self._rest[:length], self._rest[length:]
            key = NAMED.get(text, text if text.isprintable() else "")
            if key:
                keys.append(key)
        return keys

    def flush(self) -> list[str]:
        """Return what no more bytes follow on: an escape that stands alone is the key Esc."""
        rest, self._rest = self._rest, ""
        return ["esc"] if rest == ESCAPE else []


def _length(text: str) -> int:
    """Return how many characters the first key has; 0 if its end is still missing (ECMA-48 §5.4)."""
    if text[0] != ESCAPE:
        return 1
    if len(text) == 1:
        return 0
    if text[1] not in "[O":
        # Esc, and then another key; or with Alt.
        return 1 if text[1] == ESCAPE else 2
    for at, one in enumerate(text[2:], 2):
        if "\x40" <= one <= "\x7e":
            return at + 1
    return 0


@contextlib.contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Have a terminal hand over each key at once and without an echo; Ctrl-C still ends the program."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        # Keys that were typed and not read are no commands for the shell.
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


def terminal() -> int | None:
    """Return the descriptor of the terminal that keys come from; None where there is none."""
    try:
        return sys.stdin.fileno() if os.isatty(sys.stdin.fileno()) else None
    except (OSError, ValueError, AttributeError):
        return None
