"""The report: per device and run what was received, declared, and is missing without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .database import RunRow, accounts
from .ledger import End, Interval

# Seconds. Two runs that are live beside each other for longer are not one machine that restarted.
TWINS = 60.0
SHOWN = 20  # intervals of what is missing


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run of one device.

    Attributes:
        received, declared, undeclared: how many batches came, are missing as declared, and without a word.
        twice: how many came again.
        last_heard: RFC 3339; None: nothing came of this run itself.
        ended: None while no later run has said so.
        missing: the first intervals of what is undeclared.
        twin: another run of this device that was live at the same time.
    """

    device_id: str
    boot_id: str
    received: int
    declared: int
    undeclared: int
    twice: int
    last_heard: str | None
    ended: End | None
    simulated: bool
    missing: tuple[Interval, ...]
    twin: str | None

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints, in snake_case."""
        ended = None if self.ended is None else {"last_seq": self.ended.last_seq, "clean": self.ended.clean}
        document: dict[str, Any] = {
            "device_id": self.device_id,
            "boot_id": self.boot_id,
            "received": self.received,
            "declared": self.declared,
            "undeclared": self.undeclared,
            "twice": self.twice,
            "last_heard": self.last_heard,
            "ended": ended,
        }
        if self.simulated:
            document["simulated"] = True
        if self.twin is not None:
            document["twin"] = self.twin
        return document


def report(rows: Iterable[RunRow]) -> Iterator[RunReport]:
    """Yield the report on each run, device by device."""
    known = list(accounts(rows))
    twins = _twins([one for _, one, _ in known])
    for (device, boot), one, account in known:
        undeclared = account.undeclared
        yield RunReport(
            device,
            boot,
            account.received.count,
            account.lost.count,
            undeclared.count,
            one.twice,
            one.last_heard,
            account.end,
            bool(one.simulated),
            tuple(list(undeclared)[:SHOWN]),
            twins.get((device, boot)),
        )


def _twins(rows: Sequence[RunRow]) -> dict[tuple[str, str], str]:
    """Return for each run another one of its device that was live at the same time: two machines have one name."""
    found = {}
    for number, one in enumerate(rows):
        for other in rows[number + 1 :]:
            # Ordered by their beginnings.
            if other.device_id != one.device_id or _after(other, one):
                break
            if _overlap(one, other) > TWINS:
                found[one.device_id, one.boot_id] = other.boot_id
                found[one.device_id, other.boot_id] = one.boot_id
    return found


def _after(other: RunRow, one: RunRow) -> bool:
    """Return whether a run began after another one had ended."""
    return None not in (other.first_live, one.last_live) and str(other.first_live) > str(one.last_live)


def _overlap(one: RunRow, other: RunRow) -> float:
    """Return for how many seconds both were live."""
    if not (one.first_live and one.last_live and other.first_live and other.last_live):
        return 0.0
    return _wall(min(one.last_live, other.last_live)) - _wall(max(one.first_live, other.first_live))


def _wall(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
