"""Rows about the same work done by the limit and by us: CPU, memory, threads, latency, start, speed."""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cheap
from rows import Row, percentile, ratio
from stage import PROGRAMS, SETTLE, Process, Stage, in_batch, readings

BUDGETS = {5: (1.5, 0.15), 50: (1.5, 0.2), 500: (1.8, 0.35)}  # CPU against the limit, seconds to the first batch
MEMORY = {50: 30.0, 500: 34.0}
LATENCY = {5: (1.0, 5.0), 50: (1.2, 6.0)}
FAST = 0.005  # seconds between two rounds of 50 sensors: 10,000 readings a second
WIRE = 400_000.0  # hertz
Figures = dict[str, float]
Sample = dict[str, Figures]


def rows(stage: Stage, runs: int, seconds: float) -> Iterator[Row]:
    """Measure and yield the rows."""
    yield from _starts(stage, runs)
    for count in BUDGETS:
        yield from _steady(stage, count, runs, seconds)
    fast = [alternately(stage, PROGRAMS, 50, FAST, seconds / 2) for _ in range(runs)]
    ours, limit = median(fast, "ours"), median(fast, "limit")
    yield ratio("CPU per 1000 readings, 10,000 a second", "ms", ours["ms"], limit["ms"], 1.5)
    yield Row("  of them kept", 100 * ours["complete"], "%", 100, at_least=True)
    free = [alternately(stage, PROGRAMS, 50, 0.0, seconds / 2) for _ in range(runs)]
    ours, limit = median(free, "ours"), median(free, "limit")
    yield ratio("readings a second, as fast as it can, N=50", "", ours["rate"], limit["rate"], 0.4, at_least=True)
    wired = [alternately(stage, PROGRAMS, 50, 0.0, seconds / 2, hertz=WIRE) for _ in range(runs)]
    ours, limit = median(wired, "ours"), median(wired, "limit")
    yield ratio("the same, four buses at 400 kHz", "", ours["rate"], limit["rate"], 0.9, at_least=True)


def _starts(stage: Stage, runs: int) -> Iterator[Row]:
    for count, (_, budget) in BUDGETS.items():
        took: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        for _ in range(runs + 1):
            for name in PROGRAMS:
                with stage.running(name, count, 1.0, wait=False) as process:
                    took[name].append(process.first(str(stage.folder / f"{name}.log")))
        ours, limit = (statistics.median(took[name][1:]) for name in ("ours", "limit"))  # the first one compiles
        yield Row(f"start to first batch, N={count}", ours, "s", budget, limit)


def _steady(stage: Stage, count: int, runs: int, seconds: float) -> Iterator[Row]:
    """Both at the same time, once a second: there is room for both."""
    samples = [together(stage, PROGRAMS, count, 1.0, seconds) for _ in range(runs)]
    ours, limit = median(samples, "ours"), median(samples, "limit")
    yield ratio(f"CPU per 1000 readings, N={count} @ 1 Hz", "ms", ours["ms"], limit["ms"], BUDGETS[count][0])
    if count in MEMORY:
        yield Row(f"resident, N={count}", ours["rss"], "MB", MEMORY[count], limit["rss"])
    yield Row(f"threads beyond the buses, N={count}", ours["threads"] - cheap.buses(count), "", 3)
    if count in LATENCY:
        for percent, budget in zip(("p50", "p99"), LATENCY[count], strict=True):
            yield Row(f"read to subscriber, N={count}, {percent}", ours[percent], "ms", budget, limit[percent])


def together(stage: Stage, names: Sequence[str], count: int, every: float, seconds: float, **more: Any) -> Sample:
    """Return the figures of programs that run at the same time."""
    with contextlib.ExitStack() as stack:
        all_of_them = [stack.enter_context(stage.running(name, count, every, **more)) for name in names]
        ends = [_begin(stage, process, count) for process in all_of_them]
        time.sleep(SETTLE + seconds)
        return {process.name: end() for process, end in zip(all_of_them, ends, strict=True)}


def alternately(stage: Stage, names: Sequence[str], count: int, every: float, seconds: float, **more: Any) -> Sample:
    """Return the figures of programs that run one after the other: each has the machine for itself."""
    figures = {}
    for name in names:
        with stage.running(name, count, every, **more) as process:
            end = _begin(stage, process, count)
            time.sleep(SETTLE + seconds)
            figures[name] = end()
    return figures


def _begin(stage: Stage, process: Process, count: int) -> Any:
    """Return what yields the figures of a program from now on."""
    ages: list[float] = []
    places = cheap.places(count)

    def arrived(at: float, payload: bytes) -> None:
        page = stage.page[process.name]
        ages.extend(1e3 * (at - page.read_at(place[1:])) for place in places)

    process.listen(arrived)
    seen, cpu, at = len(process.arrivals), process.cpu(), time.monotonic()

    def end() -> Figures:
        spent, took, news = process.cpu() - cpu, time.monotonic() - at, process.arrivals[seen:]
        count_of = readings(news)
        whole = sum(in_batch(payload) == count for _, payload in news) / max(1, len(news))
        return {"ms": 1e6 * spent / max(1, count_of), "rate": count_of / took, "complete": whole,
                "rss": process.rss(), "threads": process.threads(),
                "p50": percentile(ages, 50), "p99": percentile(ages, 99)}  # fmt: skip

    return end


def median(samples: list[Sample], name: str) -> Figures:
    return {key: statistics.median(one[name][key] for one in samples) for key in samples[0][name]}


def health(state: str) -> dict[str, Any]:
    """Return what the agent says of itself."""
    with Path(state, "health.json").open(encoding="utf-8") as file:
        document: dict[str, Any] = json.load(file)
    return document
