"""Bytes that a batch of 1 KiB writes to the card: python tests/benchmarks/card.py [SECONDS]

Counted at the block device below a loop-mounted ext4 (4 KiB blocks, noatime), at one batch a second, as the kernel
writes back. Needs root and mkfs.ext4. What an SD card's own erase blocks add cannot be seen from here.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from agent.outbox.sqlite import SqliteStore
from agent.outbox.store import Item, Row

BUDGETS = {"always": (1, 40.0), "outage": (10, 7.0)}  # batches in one commit, KiB a batch
SECTOR = 512


@contextmanager
def card() -> Iterator[tuple[Path, Path]]:
    """Yield a mounted folder and the statistics of the block device below it."""
    with tempfile.TemporaryDirectory() as folder:
        image, mount = Path(folder, "card.img"), Path(folder, "card")
        mount.mkdir()
        with image.open("wb") as file:
            file.truncate(96 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", image], check=True)
        subprocess.run(["mount", "-o", "loop,noatime", image, mount], check=True)
        try:
            device = subprocess.run(
                ["findmnt", "-no", "SOURCE", mount], check=True, capture_output=True, text=True
            ).stdout.strip()
            yield mount, Path("/sys/block", Path(device).name, "stat")
        finally:
            subprocess.run(["umount", mount], check=True)


def written(stat: Path) -> int:
    """Return the bytes that the device has written so far."""
    return int(stat.read_text().split()[6]) * SECTOR


async def story(folder: Path, stat: Path, seconds: int, group: int) -> float:
    """Store a batch a second, `group` of them in one commit; return KiB a batch."""
    store = SqliteStore(folder, 64_000_000)
    await store.open("boot")
    await asyncio.sleep(6.0)  # what making the file wrote
    before, waiting = written(stat), []
    began = time.monotonic()
    for number in range(1, seconds + 1):
        waiting.append(Row(number, Item("boot", number, float(number), "machine", b"x" * 1024)))
        if len(waiting) == group:
            await store.append(waiting)
            waiting = []
        await asyncio.sleep(max(0.0, began + number - time.monotonic()))
    await asyncio.sleep(6.0)
    kib = (written(stat) - before) / 1024 / seconds
    await store.close(seconds)
    return kib


def main() -> int:
    """Print the rows; return 1 if a budget is missed."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    missed = False
    for durability, (group, budget) in BUDGETS.items():
        with card() as (folder, stat):
            kib = asyncio.run(story(folder, stat, seconds, group))
        missed |= kib > budget
        print(f"{durability:8} {group:2} batches a commit: {kib:5.1f} KiB of card a batch of 1 KiB (budget {budget:g})")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
