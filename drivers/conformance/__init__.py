"""The laws that every driver keeps: told is felt, and through every fault the truth or an error.

`python -m drivers.conformance NAME` tries them on a driver and its fake, also on those of another package. Each law is
a function that yields what breaks it; the suite of this repository uses the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from .. import catalog
from . import elsewhere, faults, lines, parts, telling
from .bench import ADAPTERS
from .observed import observed

__all__ = ["Law", "Verified", "laws_for", "observed", "verify"]

EITHER = (False, True)


@dataclass(frozen=True)
class Law:
    """One law.

    Attributes:
        says: what holds, after the driver's name.
        broken: yields what breaks it; takes the driver's name and one of each of `cases`.
        cases: argument -> the values that are tried.
    """

    says: str
    broken: Callable[..., Iterator[str]]
    cases: dict[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verified:
    """What came of one law: how many cases were tried, and what broke it."""

    law: Law
    cases: int
    problems: tuple[str, ...]


ON_A_BUS = (
    Law("says what it measures, as its fake does", telling.what_it_says_of_itself),
    Law("says nothing before it is asked", telling.quiet_until_asked),
    Law("tells what is felt, over the whole range", telling.told_is_felt),
    Law("tells nothing that is beyond its scale", telling.beyond_the_scale),
    Law("writes and reads as every adapter can", telling.plain_transfers, {"adapter": ADAPTERS}),
    Law("needs few transfers, and lets a chip work", telling.few_transfers_at_rest),
    Law("waits for a chip that is a tenth slower", faults.a_chip_a_tenth_slower),
    Law("stands one flipped bit", faults.one_flipped_bit),
    Law("stands a transfer that fails", faults.a_transfer_that_fails, {"adapter": ADAPTERS}),
    Law("stands a power blip between any two messages", faults.a_power_blip, {"adapter": ADAPTERS}),
    Law("stands being unplugged", faults.being_unplugged, {"adapter": ADAPTERS, "known": EITHER}),
    Law("takes no dead line for a chip", faults.a_dead_line, {"byte": (0x00, 0xFF), "known": EITHER}),
    Law("takes no other chip for its own", faults.another_chip, {"known": EITHER}),
    Law("does not wait for a chip that stands still", faults.a_chip_that_stands_still, {"known": EITHER}),
    Law("tells what is well when a part has failed", parts.every_part),
    Law("accepts no lie at one wrong bit in 500", lines.one_bit_in_500),
    Law("the same where written bits are wrong, too", lines.one_written_bit_in_500),
    Law("accepts few lies at one wrong bit in 100", lines.one_bit_in_100),
    Law("takes no constant line for a chip", lines.a_constant_line, {"byte": lines.BYTES, "known": EITHER}),
    Law("accepts no half frame", lines.half_frames, {"rest": (0x00, 0xFF), "known": EITHER}),
    Law("accepts no reading with cut frames", lines.a_few_cut_frames, {"rest": (0x00, 0xFF)}),
)
ELSEWHERE = (
    Law("reads its fake", elsewhere.reads_its_fake),
    Law("stands every fault of its fake", elsewhere.stands_every_fault),
)


def laws_for(name: str) -> tuple[Law, ...]:
    """Return the laws that hold for a driver: those of a bus for a chip on I2C, fewer for all others."""
    return ON_A_BUS if catalog.find(name).addresses else ELSEWHERE


def verify(name: str) -> Iterator[Verified]:
    """Try each law on a driver, in virtual time; an exception of the driver's or of its fake's breaks it, too."""
    for law in laws_for(name):
        problems: list[str] = []
        cases = [dict(zip(law.cases, values, strict=True)) for values in product(*law.cases.values())]
        for case in cases:
            shown = ", ".join(f"{key} {value}" for key, value in case.items())
            try:
                found = list(law.broken(name, **case))
            except Exception as error:  # noqa: BLE001
                found = [f"it crashed with {error!r}"]
            problems += [f"{shown}: {one}" if shown else one for one in found]
        yield Verified(law, len(cases), tuple(problems))
