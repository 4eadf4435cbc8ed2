"""Laws of faults: the truth or an error while one lasts, and the truth again once it has passed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import TypeVar

from .. import catalog
from ..fakes import fake_chip
from .bench import I2C_DRIVERS, Bench, Happening, adventure, bench, blip, clean, flip, level, refuse
from .exceptions import ALIKE, BLIND, SLOWER

T = TypeVar("T")
# Of one driver; where there are more bits, a sample that never changes.
MOST_FLIPS = 320
# Likewise of the messages at which a transfer fails.
MOST_PLACES = 24
NACK, EIO, ETIMEDOUT = 121, 5, 110
# What an adapter answers when a transfer fails.
ERRNOS = {"bcm2835": (NACK, EIO, ETIMEDOUT), "designware": (NACK, 11), "gpio": (6, EIO)}


def one_flipped_bit(name: str) -> Iterator[str]:
    """Flip each bit of each message once."""
    places = [
        (at, byte, bit)
        for at, (is_read, length) in enumerate(clean(name))
        for byte in range(length * is_read)
        for bit in range(8)
    ]
    for at, byte, bit in some(places, MOST_FLIPS, name):
        for problem in adventure(name, "bcm2835", at, flip(byte, bit)):
            yield f"message {at}, byte {byte}, bit {bit}: {problem}"


def a_transfer_that_fails(name: str, adapter: str) -> Iterator[str]:
    """Let each transfer fail once, with each errno of the adapter."""
    places = some(list(range(len(clean(name, adapter)))), MOST_PLACES, name + adapter)
    yield from everywhere(name, adapter, places, {f"errno {one}": refuse(one) for one in ERRNOS[adapter]})


def a_power_blip(name: str, adapter: str) -> Iterator[str]:
    """Let the chip lose its power between any two messages."""
    places = list(range(1, len(clean(name, adapter))))
    most = 4 * MOST_PLACES if adapter == "bcm2835" else MOST_PLACES
    yield from everywhere(name, adapter, some(places, most, name + adapter), {"a blip": blip})


def being_unplugged(name: str, adapter: str, known: bool) -> Iterator[str]:
    """Unplug the chip for two readings."""
    with bench(name, adapter) as one:
        if known and (problem := one.truth()):
            yield problem
        chip = one.bus.chips.pop(one.address)
        for _ in range(2):
            if not (result := one.outcome()).startswith("raised NoAcknowledge"):
                yield f"unplugged: {result}"
        one.bus.plug(one.address, chip)
        chip.feel(**one.elsewhere(0.3))
        at_once = one.outcome()
        if at_once != "truth" and not at_once.startswith("raised"):
            yield f"plugged in again: {at_once}"
        yield from afterwards(one)


def a_dead_line(name: str, byte: int, known: bool) -> Iterator[str]:
    """Let the line stay high (0xFF) or low (0x00)."""
    with bench(name) as one:
        if known and (problem := one.truth()):
            yield problem
        one.chip.feel(**one.elsewhere(0.17))
        one.bus.rule = level(byte)
        yield from through(one, "dead line")
        one.bus.rule = None
        yield from afterwards(one)


def another_chip(name: str, known: bool) -> Iterator[str]:
    """Put each other chip that can have one of its addresses in its place."""
    for other in I2C_DRIVERS:
        shared = set(catalog.find(name).addresses) & set(fake_chip(other).addresses)
        for address in sorted(shared)[:1] if other != name and (name, other) not in ALIKE else ():
            with bench(name, address=address) as one:
                if known and (problem := one.truth()):
                    yield problem
                right, stranger = one.chip, fake_chip(other)
                world = one.elsewhere(0.1)
                stranger.feel(**{felt: value for felt, value in world.items() if felt in stranger.senses})
                one.chip = stranger
                one.bus.plug(address, stranger)
                yield from (f"a {other} at 0x{address:02x}: {problem}" for problem in through(one, "stranger"))
                one.chip = right
                one.bus.plug(address, right)
                yield from (f"a {other} at 0x{address:02x}, {problem}" for problem in afterwards(one))


def a_chip_that_stands_still(name: str, known: bool) -> Iterator[str]:
    """Let the chip's time stop."""
    with bench(name) as one:
        if not known:
            one.chip.lose_power()
        elif problem := one.truth():
            yield problem
        still = one.time.now
        one.chip.clock = lambda: still
        one.chip.feel(**one.elsewhere(0.17))
        yield from through(one, "standstill")
        one.chip.clock = one.time
        yield from afterwards(one)


def a_chip_a_tenth_slower(name: str) -> Iterator[str]:
    """Let the chip take longer than its datasheet's longest time."""
    with bench(name) as one:
        began = one.time.now
        slower = one.unlike.get("slower", SLOWER.get(name, 1.1))
        one.chip.attach(lambda: began + (one.time.now - began) / slower)
        for share in (0.0, 0.0, 0.1):
            one.chip.feel(**one.elsewhere(share))
            one.time.sleep(70.0)
            if problem := one.truth():
                yield problem


def some(of: list[T], most: int, seed: str) -> list[T]:
    """Return all, or a sample that is the same at every run."""
    return of if len(of) <= most else Random(seed).sample(of, most)


def everywhere(name: str, adapter: str, places: list[int], happenings: dict[str, Happening]) -> Iterator[str]:
    """Let each thing happen at each place."""
    for at in places:
        for what, happening in happenings.items():
            may_lie = happening is blip and name in BLIND["blip"]
            for problem in adventure(name, adapter, at, happening, may_lie=may_lie):
                yield f"{what} at message {at}: {problem}"


def through(one: Bench, fault: str) -> Iterator[str]:
    """Read three times while a fault lasts; yield what breaks the law."""
    for _ in range(3):
        result = one.outcome()
        blind = one.name in BLIND[fault] and result.startswith("LIED")
        if result != "truth" and not result.startswith("raised") and not blind:
            yield result
        one.settle()


def afterwards(one: Bench) -> Iterator[str]:
    """Yield what is wrong once the fault has passed: one of two readings is the truth."""
    one.chip.feel(**one.elsewhere(0.05))
    one.settle()
    if problem := one.truth(2):
        yield f"afterwards: {problem}"
