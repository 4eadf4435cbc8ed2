"""What a driver notices: it is read through faults, and the errors that it raised are named for people."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import catalog
from . import elsewhere
from .bench import WORLDS, Bench, Happening, bench, blip, flip, level

# The error -> what was looked at; of a `ChecksumError` its words tell whether it came of a second read.
MEANS = {
    "WrongChip": "identity",
    "ChecksumError": "checksum",
    "two reads differ": "read twice",
    "LostPower": "power",
    "NotReady": "ready",
    "InvalidReading": "values",
    "NoEcho": "echo",
}
# Those that also the fake of a pin or of a kernel's file raises through the driver.
MEANS_ELSEWHERE = MEANS | {"NoAcknowledge": "absence", "BusTimeout": "absence"}
MOST_FLIPS = 40


def observed(name: str) -> list[str]:
    """Return what a driver checks, as its errors in the fault laws show."""
    on_bus = bool(catalog.find(name).addresses)
    said = [*struck(name), *through_faults(name)] if on_bus else list(elsewhere.through_faults(name))
    means = MEANS if on_bus else MEANS_ELSEWHERE
    found = {means[sign] for text in said for sign in signs(text) if sign in means}
    return [what for what in dict.fromkeys(means.values()) if what in found]


def signs(text: str) -> Iterator[str]:
    """Yield what stands for a check in an outcome."""
    for error in re.findall(r"\b[A-Z]\w+", text):
        twice = error == "ChecksumError" and "two reads differ" in text
        yield "two reads differ" if twice else error


def struck(name: str) -> Iterator[str]:
    """Yield the outcomes of two readings in service: one message was hit by a flipped bit or a blip of the power."""
    with bench(name) as one:
        assert not one.truth()
        began = one.bus.messages
        one.chip.feel(**one.elsewhere(WORLDS[1]))
        one.settle()
        one.outcome()
        messages = [message for transfer in one.bus.seen for message in transfer][began:]
    happenings: list[tuple[int, Happening]] = [
        (at, flip(byte, byte % 8)) for at, (is_read, length) in enumerate(messages) for byte in range(length * is_read)
    ]
    step = max(1, len(happenings) // MOST_FLIPS)
    for at, happening in [*happenings[::step], *((at, blip) for at in range(1, len(messages)))]:
        with bench(name) as one:
            one.outcome()
            one.chip.feel(**one.elsewhere(WORLDS[1]))
            one.settle()
            one.bus.plan[one.bus.messages + at] = happening
            yield one.outcome()
            one.settle()
            yield one.outcome()


def through_faults(name: str) -> Iterator[str]:
    """Yield the outcomes at a dead line, before and after the driver knew its chip, and at a chip that stands still."""
    for byte in (0x00, 0xFF):
        for known in (False, True):
            with bench(name) as one:
                if known:
                    one.outcome()
                one.bus.rule = level(byte)
                yield one.outcome()
    with bench(name) as one:
        one.outcome()
        stand_still(one)
        yield one.outcome()


def stand_still(one: Bench) -> None:
    """Let the chip's time stop."""
    still = one.time.now
    one.chip.clock = lambda: still
