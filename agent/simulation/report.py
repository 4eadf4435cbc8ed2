"""What a rehearsal ends with: as data, and as text for people."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agent.clock import rfc3339

from .clock import TRUTH
from .ledger import DeliveryLedger
from .observations import LATER, LIVE, NEVER, Coming, Observer
from .promises import Promise
from .values import ValueJudge
from .virtual_world import VirtualWorld

if TYPE_CHECKING:
    from .rehearsal import Plan

EXAMPLES = 3  # of a broken promise


class Report:
    """The outcome of a rehearsal.

    Args:
        plan: what was rehearsed.
    """

    def __init__(
        self, plan: Plan, observer: Observer, ledger: DeliveryLedger, judge: ValueJudge, world: VirtualWorld
    ) -> None:
        self.plan, self.observer, self.ledger, self.judge, self.world = plan, observer, ledger, judge, world

    @property
    def kept(self) -> bool:
        """Whether no promise was broken."""
        return not self.ledger.findings.broken

    def document(self) -> dict[str, Any]:
        """Return the report as data."""
        return {
            "faults": [entry(one) for one in self.observer.comings],
            "sensors": {
                spec.id: {"share": round(self.share(spec.id, spec.every), 6)} for spec in self.plan.config.sensors
            },
            "promises": [
                {"promise": str(one), "kept": one not in self.ledger.findings.broken, "evidence": self.evidence(one)}
                for one in Promise
            ],
        }

    def share(self, sensor: str, every: float) -> float:
        """Return the share of a sensor's due rounds of which a measured value was delivered."""
        due = self.observer.due(every)
        return min(1.0, self.observer.delivered[sensor] / due) if due else 0.0

    def evidence(self, promise: Promise) -> str:
        """Return what speaks for or against a promise."""
        if promise in self.ledger.findings.broken:
            first = self.ledger.findings.broken[promise][:EXAMPLES]
            more = self.ledger.findings.counts[promise] - len(first)
            return "; ".join(first) + (f"; and {more} more" if more else "")
        return self._evidence(promise)

    def _evidence(self, promise: Promise) -> str:
        ledger, world = self.ledger, self.world
        ended = [clean for _, _, clean in world.boots]
        kept = {
            Promise.DELIVERED: f"of {len(ledger.accepted)} batches {len(ledger.heard)} arrived, "
            f"{len(ledger.declared - ledger.heard.keys())} were declared, {len(ledger.excused)} went with a crash",
            Promise.NUMBERED: f"{len(ended)} runs, {ledger.counts['again']} batches came twice, none as another one",
            Promise.LIVE: f"{ledger.counts['batch']} sent live, {ledger.counts['backfill']} as history",
            Promise.ORDERED: f"over {len(world.broker.sessions)} connections",
            Promise.PRESENT: f"at {len(world.broker.sessions)} connections",
            Promise.DATED: f"{ledger.counts['unsynced']} unsynced, {ledger.counts['corrected']} corrected",
            Promise.TRUE: f"{self.judge.judged} values judged, but not {self.judge.spared} that were damaged or frozen",
            Promise.DEGRADED: f"{len(ledger.accepted)} batches looked at",
            Promise.PUNCTUAL: "none late, none skipped",
            Promise.BOUNDED: f"at most {self.plan.config.outbox.max_size} bytes",
            Promise.CRASHES: f"{ended.count(False)} crashes took {len(ledger.excused)} batches along, "
            f"durability {self.plan.config.outbox.durability}",
            Promise.ENDS: f"{ended.count(True)} ends",
            Promise.RECOVERED: "all delivered, all breakers closed",
            Promise.RUNS: f"{len(ended)} runs",
        }
        return kept[promise]


def entry(one: Coming) -> dict[str, Any]:
    """Return one coming of a fault as data."""
    target, value = one.fault.target
    return {
        "kind": one.fault.kind,
        target: value,
        "began": stamp(one.began),
        "noticed": stamp(one.noticed),
        "recovered": stamp(one.recovered),
        "seen": seen(one),
    }


def seen(one: Coming) -> str:
    """Return in words what subscribers saw while a fault was there."""
    if one.sensors:
        said = ", ".join(f"{status} {number} times" for status, number in one.seen.most_common())
        return said or "nothing of it: it came and went between two readings"
    arrived = one.seen[LIVE] + one.seen[LATER]
    parts = [(LIVE, one.seen[LIVE]), (LATER, one.seen[LATER]), (NEVER, one.made - arrived)]
    said = ", ".join(f"{number} {how}" for how, number in parts if number)
    return f"{one.made} batches: {said}" if said else "nothing: no batch was made meanwhile"


def stamp(moment: float | None) -> str | None:
    """Return a moment of the rehearsal as RFC 3339; it always begins on the same day."""
    return None if moment is None or math.isinf(moment) else rfc3339(TRUTH + moment)


def text(report: Report) -> Iterator[str]:
    """Yield the report line by line, for people."""
    plan = report.plan
    yield (
        f"{duration(plan.seconds)} of {plan.config.agent.device_id}: {len(plan.config.sensors)} sensors, "
        f"{report.observer.made} batches, seed {plan.scenario.seed}"
    )
    yield ""
    rows = [("WHEN", "WHAT", "NOTICED", "OVER", "WHAT SUBSCRIBERS SAW MEANWHILE"), *map(_row, report.observer.comings)]
    yield from _table(rows)
    yield ""
    shares = [(spec.id, f"{100 * report.share(spec.id, spec.every):.2f} %") for spec in plan.config.sensors]
    yield from _table([("SENSOR", "DELIVERED OF DUE"), *shares])
    yield ""
    for one in Promise:
        mark = "BROKEN" if one in report.ledger.findings.broken else "kept"
        yield f"{mark:7}{one}: {report.evidence(one)}"
    yield ""
    broken = len(report.ledger.findings.broken)
    yield "no promise was broken" if report.kept else f"{broken} of {len(Promise)} promises were broken"


def _row(one: Coming) -> tuple[str, ...]:
    target, value = one.fault.target
    what = f"{value if isinstance(value, str) else target}: {one.fault.kind}"
    if not math.isinf(one.ends):
        what += f" for {duration(one.ends - one.began)}"
    noticed = "never" if one.noticed is None else f"after {duration(one.noticed - one.began)}"
    if one.recovered is None:
        over = "never"
    else:
        late = one.recovered - (one.began if math.isinf(one.ends) else one.ends)
        over = f"{duration(late)} later"
    return _clock(one.began), what, noticed, over, seen(one)


def _clock(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86400)
    return f"{f'{days}d ' if days else ''}{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def duration(seconds: float) -> str:
    """Return a duration as people write it: `1d`, `1h 30m`, `2.5 s`."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    parts = []
    rest = round(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2])


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
