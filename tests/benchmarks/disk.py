"""Rows about the outbox: bytes that reach the disk, and how fast a backlog goes out."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rows import Row
from stage import SETTLE, Stage

from agent.outbox.sqlite import SqliteStore
from agent.outbox.store import Item
from agent.outbox.store import Row as Record

BACKLOG, BODY = 100_000, 1024
CADENCE = 1.0
ONE_KIB = 9  # sensors: about 1 KiB a batch


def rows(stage: Stage, runs: int, seconds: float) -> Iterator[Row]:
    """Measure and yield the rows."""
    for durability, budget in (("outage", 0.0), ("always", 40.0)):
        with stage.running("ours", ONE_KIB, CADENCE, config={"durability": durability}) as process:
            time.sleep(2 * SETTLE)
            seen, written = len(process.arrivals), process.written()
            time.sleep(2 * seconds)
            kib = (process.written() - written) / 1024 / (len(process.arrivals) - seen)
        yield Row(f"disk per batch of 1 KiB, {durability}, broker there", kib, "KiB", budget)
    yield Row("disk per batch of 1 KiB, outage, broker away", _away(stage, 6 * seconds), "KiB", 7)
    yield from _backlog(stage, BACKLOG if runs > 1 else BACKLOG // 10)


def _away(stage: Stage, seconds: float) -> float:
    """Return KiB written per batch while there is no broker."""
    config = {"durability": "outage"}
    with stage.running("ours", ONE_KIB, CADENCE, wait=False, nowhere=True, config=config) as process:
        time.sleep(20.0)  # the first group
        written = process.written()
        time.sleep(seconds)
        return (process.written() - written) / 1024 / (seconds / CADENCE)


def _backlog(stage: Stage, count: int) -> Iterator[Row]:
    state = tempfile.mkdtemp(dir=stage.folder)
    asyncio.run(_fill(Path(state), count))
    more = {"backfill_rate": 1e6, "max_size": "1GB", "max_age": "365d"}
    with stage.running("ours", 5, 10.0, state_dir=state, config=more) as process:
        first = process.rss()
        most, began = first, time.monotonic()
        while len(process.arrivals) < count and time.monotonic() - began < 300:
            time.sleep(0.2)
            most = max(most, process.rss())
        times = [at for at, _ in process.arrivals]
    rate = (len(times) - 1) / (times[-1] - times[0])
    yield Row(f"backlog of {count} batches to a local broker", rate, "/s", 2000, at_least=True)
    yield Row("  resident meanwhile", most, "MB", 45)


async def _fill(folder: Path, count: int) -> None:
    store = SqliteStore(folder, 10**9)
    await store.open("an-earlier-run")
    body = b'{"schema":1,"readings":[],"padding":"' + b"x" * BODY + b'"}'
    for first in range(0, count, 5000):
        numbers = range(first + 1, min(count, first + 5000) + 1)
        await store.append([Record(n, Item("an-earlier-run", n, 1.0, "another", body)) for n in numbers])
    await store.close(count)
