"""Rows about the same work on buses that answer in C, beside the leanest limit; the budgets of PERFORMANCE.

`load` has the same rows with buses in Python below both columns, which take more than all that stands above them.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import bus_in_c
from load import alternately, median, together
from rows import Row, ratio
from stage import IN_C, Stage

# CPU against the limit at so many sensors.
CPU = {5: 1.5, 50: 2.0, 500: 2.0}
FASTEST, CPU_AT_FASTEST = 0.35, 3.0
# Times the limit's.
LATENCY = 2.0
# Seconds beyond the limit's start.
START = 0.2


def rows(stage: Stage, runs: int, seconds: float) -> Iterator[Row]:
    """Measure and yield the rows; none without a C compiler."""
    library = bus_in_c.build(stage.folder)
    if library is None:
        print("kernel: no C compiler, so no buses in C", file=sys.stderr)
        return
    for count in CPU:
        yield from _steady(stage, library, count, runs, seconds)
    free = [alternately(stage, IN_C, 50, 0.0, seconds / 2, library=library) for _ in range(runs)]
    ours, bare = median(free, "ours"), median(free, "bare")
    name = "in C: readings a second, as fast as it can, N=50"
    yield ratio(name, "", ours["rate"], bare["rate"], FASTEST, at_least=True)
    yield ratio("  CPU per 1000 readings", "ms", ours["ms"], bare["ms"], CPU_AT_FASTEST)
    yield Row("  of them kept", 100 * ours["complete"], "%", 100, at_least=True)
    yield from _starts(stage, library, runs)


def _steady(stage: Stage, library: Path, count: int, runs: int, seconds: float) -> Iterator[Row]:
    samples = [together(stage, IN_C, count, 1.0, seconds, library=library) for _ in range(runs)]
    ours, bare = median(samples, "ours"), median(samples, "bare")
    yield ratio(f"in C: CPU per 1000 readings, N={count} @ 1 Hz", "ms", ours["ms"], bare["ms"], CPU[count])
    for percent in ("p50", "p99"):
        yield ratio(f"in C: read to subscriber, N={count}, {percent}", "ms", ours[percent], bare[percent], LATENCY)


def _starts(stage: Stage, library: Path, runs: int) -> Iterator[Row]:
    for count in CPU:
        took: dict[str, list[float]] = {name: [] for name in IN_C}
        for _ in range(runs + 1):
            for name in IN_C:
                with stage.running(name, count, 1.0, wait=False, library=library) as process:
                    took[name].append(process.first(str(stage.folder / f"{name}.log")))
        # The first one compiles.
        ours, bare = (statistics.median(took[name][1:]) for name in ("ours", "bare"))
        yield Row(f"in C: start to first batch, N={count}", ours, "s", bare + START, bare)
