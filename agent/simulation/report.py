"""What a rehearsal, or a simulated run, ends with: as data, and as text for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.clock import rfc3339
from agent.config import Config

from .observations import LATER, LIVE, NEVER, Coming, Observer
from .promises import Findings, Promise

EXAMPLES = 3  # of a broken promise
AT_ONCE = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class FaultReport:
    """The outcome of a run.

    Attributes:
        began: the wall time at which it began. seconds: how long it took.
        good: what speaks for each promise that was looked at, if nothing speaks against it.
    """

    config: Config
    seed: int
    began: float
    seconds: float
    observer: Observer
    findings: Findings
    good: Mapping[Promise, str]

    @property
    def kept(self) -> bool:
        """Whether no promise was broken."""
        return not self.findings.broken

    @property
    def promises(self) -> list[Promise]:
        """The promises that were looked at."""
        return [one for one in Promise if one in self.good or one in self.findings.broken]

    def document(self) -> dict[str, Any]:
        """Return the report as data."""
        return {
            "faults": [self._entry(one) for one in self.observer.comings],
            "sensors": {spec.id: {"share": round(self.share(spec.id, spec.every), 6)} for spec in self.config.sensors},
            "promises": [
                {"promise": str(one), "kept": one not in self.findings.broken, "evidence": self.evidence(one)}
                for one in self.promises
            ],
        }

    def share(self, sensor: str, every: float) -> float:
        """Return the share of a sensor's due rounds of which a measured value was delivered."""
        due = self.observer.due(every)
        return min(1.0, self.observer.delivered[sensor] / due) if due else 0.0

    def evidence(self, promise: Promise) -> str:
        """Return what speaks for or against a promise."""
        if promise not in self.findings.broken:
            return self.good[promise]
        first = self.findings.broken[promise][:EXAMPLES]
        more = self.findings.counts[promise] - len(first)
        return "; ".join(first) + (f"; and {more} more" if more else "")

    def _entry(self, one: Coming) -> dict[str, Any]:
        """Return one coming of a fault as data."""
        target, value = one.fault.target
        return {
            "kind": one.fault.kind,
            target: value,
            "began": self._stamp(one.began),
            "noticed": self._stamp(one.noticed),
            "recovered": self._stamp(one.recovered),
            "seen": seen(one),
        }

    def _stamp(self, moment: float | None) -> str | None:
        return None if moment is None else rfc3339(self.began + moment)


def seen(one: Coming) -> str:
    """Return in words what subscribers saw while a fault was there."""
    if one.sensors:
        said = ", ".join(f"{status} {number} times" for status, number in one.seen.most_common())
        nothing = "none of the batches arrived" if one.made else "it came and went between two readings"
        return said or f"nothing: {nothing}"
    arrived = one.seen[LIVE] + one.seen[LATER]
    parts = [(LIVE, one.seen[LIVE]), (LATER, one.seen[LATER]), (NEVER, one.made - arrived)]
    said = ", ".join(f"{number} {how}" for how, number in parts if number)
    return f"{one.made} batches: {said}" if said else "nothing: no batch was made meanwhile"


def text(report: FaultReport) -> Iterator[str]:
    """Yield the report line by line, for people."""
    yield (
        f"{duration(report.seconds)} of {report.config.agent.device_id}: {len(report.config.sensors)} sensors, "
        f"{report.observer.made} batches, seed {report.seed}"
    )
    yield ""
    rows = [("WHEN", "WHAT", "NOTICED", "OVER", "WHAT SUBSCRIBERS SAW MEANWHILE"), *map(_row, report.observer.comings)]
    yield from _table(rows)
    yield ""
    shares = [(spec.id, f"{100 * report.share(spec.id, spec.every):.2f} %") for spec in report.config.sensors]
    yield from _table([("SENSOR", "DELIVERED OF DUE"), *shares])
    yield ""
    for one in report.promises:
        mark = "BROKEN" if one in report.findings.broken else "kept"
        yield f"{mark:7}{one}: {report.evidence(one)}"
    yield ""
    broken, looked_at = len(report.findings.broken), len(report.promises)
    yield "no promise was broken" if report.kept else f"{broken} of {looked_at} promises were broken"


def _row(one: Coming) -> tuple[str, ...]:
    target, value = one.fault.target
    what = f"{value if isinstance(value, str) else target}: {one.fault.kind}"
    if one.fault.lasts is not None:
        what += f" for {duration(one.ends - one.began)}"
    noticed = "never" if one.noticed is None else _after(one.noticed - one.began)
    if one.recovered is None:
        over = "never"
    else:
        late = one.recovered - (one.began if math.isinf(one.ends) else one.ends)
        over = _after(late)
    return _clock(one.began), what, noticed, over, seen(one)


def _after(seconds: float) -> str:
    return "at once" if seconds < AT_ONCE else f"after {duration(seconds)}"


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
