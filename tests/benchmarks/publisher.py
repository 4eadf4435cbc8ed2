"""A backlog of 100 000 batches to a local mosquitto, with the rate limit off: batches per second, CPU, memory.

Run with: python tests/benchmarks/publisher.py [BATCHES]; needs mosquitto.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agent.broker import Address
from agent.broker.link import PahoLink
from agent.clock import Clock
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Item, Outbox
from agent.outbox.sqlite import SqliteStore
from agent.publisher import Publisher, Settings

TOPICS = Topics("limpet", "bench")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def deliver(count: int, port: int, folder: Path | None) -> None:
    clock = Clock()
    store = None if folder is None else SqliteStore(folder, 1 << 30)
    outbox = Outbox("bench", clock.now, kernel_boot=clock.kernel_boot, store=store, max_size=1 << 30)
    await outbox.open()
    for seq in range(1, count + 1):
        body = payloads.encode({"seq": seq, "clock": "synced", "faults": [], "pad": "x" * 900})
        outbox.put(Item("bench", seq, clock.now() - 60, clock.kernel_boot, body))
        if seq % 64 == 0:
            await outbox.retention.keep()
    filled = peak()
    publisher = Publisher(
        lambda will: PahoLink(Address("127.0.0.1", port, "bench")), outbox, TOPICS, clock, Settings(backfill_rate=0)
    )
    async with asyncio.TaskGroup() as group:
        publishing, keeping = group.create_task(publisher.run()), group.create_task(outbox.run())
        began, cpu = time.perf_counter(), time.process_time()
        await outbox.drained()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        await publisher.close()
        await publishing
        keeping.cancel()
    await outbox.close()
    kind = "memory" if folder is None else "sqlite"
    print(f"{kind}: {count / took:.0f} batches/s, {cpu / count * 1e6:.0f} µs CPU a batch, ", end="")
    print(f"peak RSS {filled:.0f} MB filled, {peak():.0f} MB at the end")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        sys.exit("mosquitto is not installed")
    broker = subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(deliver(count, port, Path(folder)))
        asyncio.run(deliver(count, port, None))
    finally:
        broker.kill()


if __name__ == "__main__":
    main()
