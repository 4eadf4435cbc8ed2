"""Rows about size: as many sensors as eight buses hold, an interval of 10 ms, a slow processor with little memory.

The small machine is a control group, so it needs root: a tenth of one processor and 64 MB, for 50 sensors at 1 Hz.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import bus_in_c
from load import alternately, median
from rows import Row, percentile
from stage import SETTLE, Process, Stage, in_batch

MANY = 896
SHORT, FEW = 0.01, 8
SHARE, MEMORY = 0.10, 64 << 20
GROUPS = Path("/sys/fs/cgroup")
SMALL = 50


def rows(stage: Stage, runs: int, seconds: float) -> Iterator[Row]:
    """Measure and yield the rows."""
    library = bus_in_c.build(stage.folder)
    if library is None:
        print("scale: no C compiler, so no buses in C", file=sys.stderr)
        return
    many, some = (
        median([alternately(stage, ("ours",), count, 1.0, seconds, library=library) for _ in range(runs)], "ours")
        for count in (MANY, 50)
    )
    yield Row(f"CPU per reading, N={MANY} on 8 buses, against N=50", many["ms"] / some["ms"], "x", 1.0)
    yield Row(f"resident, N={MANY}", many["rss"], "MB", 40.0)
    fast = median([alternately(stage, ("ours",), FEW, SHORT, seconds, library=library) for _ in range(runs)], "ours")
    yield Row("rounds of 10 ms that arrive, of 100 a second", 100 * fast["rate"] * SHORT / FEW, "%", 99, at_least=True)
    yield Row("  of them kept", 100 * fast["complete"], "%", 100, at_least=True)
    with _small_machine() as wrapper:
        if not wrapper:
            print("scale: no control groups may be made here, so no small machine", file=sys.stderr)
            return
        with stage.running("ours", SMALL, 1.0, library=library, wrapper=wrapper) as process:
            time.sleep(3 * SETTLE)
            yield from _on_time(process, seconds)


def _on_time(process: Process, seconds: float) -> Iterator[Row]:
    seen = len(process.arrivals)
    time.sleep(2 * seconds)
    news = process.arrivals[seen:]
    apart = [after - before for (before, _), (after, _) in pairwise(news)]
    kept = sum(in_batch(payload) == SMALL for _, payload in news)
    name = f"a tenth of a processor and 64 MB, N={SMALL} @ 1 Hz:"
    yield Row(f"{name} kept", 100 * kept / (2 * seconds), "%", 99 - 100 / seconds, at_least=True)
    yield Row("  longest time between two batches", percentile(apart, 100), "s", 1.1)
    yield Row("  resident", process.rss(), "MB", 40.0)


@contextlib.contextmanager
def _small_machine() -> Iterator[list[str]]:
    """A command that runs another one on a small machine; empty where none can be made."""
    quota = str(int(100_000 * SHARE))
    if (GROUPS / "cgroup.controllers").exists():
        limits = {GROUPS: {"cpu.max": f"{quota} 100000", "memory.max": str(MEMORY)}}
    else:
        limits = {
            GROUPS / "cpu": {"cpu.cfs_quota_us": quota},
            GROUPS / "memory": {"memory.limit_in_bytes": str(MEMORY)},
        }
    groups = {parent / f"limpet-benchmark-{os.getpid()}": its for parent, its in limits.items()}
    try:
        for group, its in groups.items():
            group.mkdir()
            for file, value in its.items():
                (group / file).write_text(value)
        joining = "; ".join(f"echo $$ > {group}/cgroup.procs" for group in groups)
        yield ["sh", "-c", f'{joining}; exec "$@"', "sh"]
    except OSError:
        yield []
    finally:
        for group in groups:
            with contextlib.suppress(OSError):
                group.rmdir()
