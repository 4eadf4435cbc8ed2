"""A disk in virtual time: rows that survive the agent, and a store on it that can be slow, full or failing."""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from agent.outbox import Contents, Gap, Item, Previous, Row

T = TypeVar("T")
ERRORS = {"full": errno.ENOSPC, "readonly": errno.EROFS, "failing": errno.EIO}


class Disk:
    """What is on the card.

    Attributes:
        fault: "" or what every write meets: "full", "failing" (reads, too). takes: seconds of one job.
        commits: when rows were written, on the loop's clock. met: how often a job met which fault.
    """

    def __init__(self) -> None:
        self.rows: dict[int, Item | Gap] = {}
        self.runs: list[tuple[str, int, bool]] = []
        self.fault, self.takes = "", 0.02
        self.commits: list[float] = []
        self.met: Counter[str] = Counter()

    def batches(self) -> set[tuple[str, int]]:
        """Return (boot, seq) of every batch on it."""
        return {(one.run_id, one.seq) for one in self.rows.values() if isinstance(one, Item)}

    def check(self, *, writes: bool) -> None:
        """Raise what a job meets now."""
        if self.takes > 1:
            self.met["slow_disk"] += 1
        if self.fault == "failing" or (self.fault and writes):
            self.met[self.fault] += 1
            raise OSError(ERRORS[self.fault], f"the disk is {self.fault}")


class SimStore:
    """A `Store`: jobs run one after the other, like those of a thread; no timeout stops one.

    Attributes:
        dead: the power is cut, or the process killed: nothing reaches the disk any more.
    """

    def __init__(self, disk: Disk) -> None:
        self.disk, self.dead = disk, False
        self._run_id, self._free_at = "", 0.0

    async def open(self, run_id: str) -> Contents:
        self._run_id = run_id
        return await self._job(self._open)

    async def append(self, rows: Sequence[Row]) -> None:
        await self._job(lambda: self._append(tuple(rows)))

    async def delete(self, numbers: Sequence[int]) -> None:
        await self._job(lambda: [self.disk.rows.pop(number, None) for number in tuple(numbers)])

    async def scan(self, after: int, limit: int) -> list[Row]:
        return await self._job(lambda: self._scan(after, limit), writes=False)

    async def close(self, last_seq: int | None) -> None:
        await self._job(lambda: None if last_seq is None else self._note(last_seq, True))

    # ---- the thread

    async def _job(self, work: Callable[[], T], *, writes: bool = True) -> T:
        if self.dead:
            raise OSError(errno.EIO, "no power")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._free_at = max(loop.time(), self._free_at) + self.disk.takes
        loop.call_at(self._free_at, self._run, work, writes, done)
        return await asyncio.shield(done)

    def _run(self, work: Callable[[], T], writes: bool, done: asyncio.Future[T]) -> None:
        try:
            if self.dead:
                raise OSError(errno.EIO, "no power")
            self.disk.check(writes=writes)
            done.set_result(work())
        except OSError as error:
            done.set_exception(error)

    def _open(self) -> Contents:
        disk = self.disk
        previous, earlier = None, [run for run in disk.runs if run[0] != self._run_id]
        if earlier:
            run, last, clean = earlier[-1]
            previous = Previous(run, last if last or clean else None, clean)
        if len(earlier) == len(disk.runs):
            disk.runs.append((self._run_id, 0, False))
        gaps = tuple(Row(number, one) for number, one in sorted(disk.rows.items()) if isinstance(one, Gap))
        items = [one for one in disk.rows.values() if isinstance(one, Item)]
        size = sum(len(item.body) for item in items)
        return Contents(len(items), size, max(disk.rows, default=0), gaps, previous)

    def _append(self, rows: Sequence[Row]) -> None:
        self.disk.commits.append(asyncio.get_running_loop().time())
        self.disk.rows.update(rows)
        mine = [one.seq for _, one in rows if isinstance(one, Item) and one.run_id == self._run_id]
        self._note(max(mine, default=0), False)

    def _note(self, last_seq: int, clean: bool) -> None:
        for index, (run_id, last, _) in enumerate(self.disk.runs):
            if run_id == self._run_id:
                self.disk.runs[index] = (run_id, last_seq if clean else max(last, last_seq), clean)

    def _scan(self, after: int, limit: int) -> list[Row]:
        found = [(n, one) for n, one in sorted(self.disk.rows.items()) if n > after and isinstance(one, Item)]
        return [Row(*one) for one in found[:limit]]
