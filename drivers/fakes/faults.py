"""Faults as data: what goes wrong, where, when and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from .chip import FakeChip

# "power_loss" is a blip at the beginning of the fault, however long it lasts.
KINDS = ("unplugged", "nack", "flaky", "corrupt", "wrong_chip", "frozen", "power_loss", "slow", "hang", "stuck", "bug")


@dataclass(slots=True)
class InjectedFault:
    """One fault on one bus.

    Attributes:
        kind: one of `KINDS`.
        address: the chip that has it; None: the whole bus.
        at, lasts: seconds on the bus's clock since the bus was made; None: forever.
        rate: the share of transfers that fail (`flaky`), or of whose messages read one bit arrives wrong (`corrupt`).
        delay: seconds that each transfer takes longer (`slow`).
    """

    kind: str
    address: int | None = None
    at: float = 0.0
    lasts: float | None = None
    rate: float = 1.0
    delay: float = 0.3
    begun: bool = field(default=False, init=False)  # what happens once, at its beginning, has happened
    ended: bool = field(default=False, init=False)
    lifted: bool = field(default=False, init=False)  # ended before its time

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no fault; known: {', '.join(KINDS)}")

    def active(self, now: float) -> bool:
        """Return whether the fault is there at `now`, seconds since the bus was made."""
        return not self.lifted and self.at <= now and (self.lasts is None or now < self.at + self.lasts)


class Faults:
    """The faults of one bus."""

    def __init__(self, rng: Random) -> None:
        self.all: list[InjectedFault] = []
        self.rng = rng

    def add(self, fault: InjectedFault | str, address: int | None = None, **more: float) -> InjectedFault:
        """Add a `InjectedFault`, or one made of its kind: `add("flaky", 0x76, rate=0.7)`."""
        if isinstance(fault, str):
            fault = InjectedFault(fault, address, **more)
        self.all.append(fault)
        return fault

    def remove(self, fault: InjectedFault) -> None:
        """End a fault; what was unplugged is plugged in again, what was frozen thaws."""
        fault.lifted = True
        if not fault.begun:
            self.all.remove(fault)

    def clear(self) -> None:
        """End them all."""
        for fault in list(self.all):
            self.remove(fault)

    def forget(self) -> None:
        """Drop what was ended before its time, after the kernel has seen it."""
        self.all[:] = [fault for fault in self.all if not fault.lifted]

    def at(self, now: float, address: int) -> Iterator[InjectedFault]:
        """Yield the faults that a transfer with `address` meets at `now`."""
        for fault in self.all:
            if fault.address in (None, address) and fault.active(now):
                yield fault

    def strikes(self, fault: InjectedFault) -> bool:
        """Draw whether a fault with a rate strikes this time."""
        return fault.rate >= 1.0 or self.rng.random() < fault.rate


class Stranger(FakeChip):
    """A chip in place of the right one: takes everything, answers 0x42 to everything."""

    name = "stranger"

    def on_read(self, length: int) -> bytes:
        return b"\x42" * length
