"""How a scan recognises a chip: questions that change nothing in whatever answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Question(NamedTuple):
    """A question that a scan may ask any device at one of a chip's addresses: it reads, and changes nothing.

    Attributes:
        ask: what is written: nothing (a bare read), one byte (a register), or two (a command that reads).
        length: bytes to be read.
        fits: whether this chip would answer so; a `ChecksumError` is a no.
        wait: seconds between writing and reading; 0: one transfer with a repeated start.
        decides: whether another answer rules this chip out.
        more: what is asked as well, in turn; the answers, of `length` bytes each, are put together before `fits`
            looks at them.
        wakes_in: seconds after which a chip that refused, since it was asleep, is asked again; 0: it is not.
        wake: what wakes it; nothing where the refused question does. sleep: what sends it to sleep again.
        load: a register that lets a chip load what it is asked for, where it answers nothing but zeros.
        loads_in: seconds that this takes.
    """

    ask: bytes
    length: int
    fits: Callable[[bytes], bool]
    wait: float = 0.0
    decides: bool = True
    more: tuple[bytes, ...] = ()
    wakes_in: float = 0.0
    wake: bytes = b""
    sleep: bytes = b""
    load: bytes = b""
    loads_in: float = 0.0


def says(*answers: bytes) -> Callable[[bytes], bool]:
    """Return whether an answer is one of these."""
    return lambda answer: answer in answers
