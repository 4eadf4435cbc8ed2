"""What every store promises: SQLite's on a real file, the simulated disk's, and the one that keeps nothing."""

from __future__ import annotations

import random

import pytest

from agent.outbox import Contents, Gap, Item, NullStore, Previous, Row
from agent.outbox import sqlite_file as module
from agent.outbox.sqlite import SqliteStore
from agent.simulation.disk import Disk, SimStore


def item(seq: int, run_id: str = "run-a", size: int = 30) -> Item:
    return Item(run_id, seq, 100.0 + seq, "kernel-1", random.Random(seq).randbytes(size))


def rows(first: int, last: int) -> list[Row]:
    return [Row(number, item(number)) for number in range(first, last + 1)]


HOLE = Row(9, Gap("run-a", 4, 8, "full"))


class OnSqlite:
    """Stores on one file."""

    def __init__(self, folder, monkeypatch) -> None:
        self.folder, self.monkeypatch, self.free = folder, monkeypatch, 1 << 40
        monkeypatch.setattr(module.files, "free", lambda folder: self.free)

    def store(self):
        return SqliteStore(self.folder, 1_000_000)

    async def crash(self, store) -> None:
        await store._in_thread(store._file.shut)

    def fill_up(self, full: bool) -> None:
        self.free = 0 if full else 1 << 40


class OnSimulatedDisk:
    """Stores on one simulated disk."""

    def __init__(self) -> None:
        self.disk = Disk()

    def store(self):
        return SimStore(self.disk)

    async def crash(self, store) -> None:
        store.dead = True

    def fill_up(self, full: bool) -> None:
        self.disk.fault = "full" if full else ""


class OnNothing:
    """The store of an outbox that has no disk."""

    def store(self):
        return NullStore()

    async def crash(self, store) -> None: ...

    def fill_up(self, full: bool) -> None: ...


@pytest.fixture
def place(request, tmp_path, monkeypatch):
    if request.param == "sqlite":
        return OnSqlite(tmp_path, monkeypatch)
    return OnSimulatedDisk() if request.param == "simulated" else OnNothing()


@pytest.fixture
def run(runner, place):
    """Return a function that tells a story of one run on the place, which then crashes, or closes with `last`."""

    def told(story, run_id="run-a", last=None):
        async def scene():
            store = place.store()
            contents = await store.open(run_id)
            result = await story(store, contents)
            await (place.crash(store) if last is None else store.close(last))
            return result

        return runner.run(scene())

    return told


async def everything(store, _contents):
    return await store.scan(0, 1000)


async def opened(_store, contents):
    return contents


@pytest.mark.parametrize("place", ["sqlite", "simulated", "none"], indirect=True)
class TestAnyStore:
    def test_is_empty_at_first(self, run):
        assert run(opened) == Contents()
        assert run(everything, "run-b") == []

    def test_takes_rows_forgets_them_and_minds_no_stranger(self, run):
        async def story(store, _):
            await store.append([*rows(1, 5), HOLE])
            await store.delete([*range(1, 10), 77])
            await store.delete([])
            await store.append([])
            return await store.scan(0, 10)

        assert run(story) == []
        contents = run(opened, "run-b")
        assert (contents.rows, contents.size, contents.gaps) == (0, 0, ())

    def test_can_be_closed_without_a_batch(self, run):
        run(opened, last=0)


@pytest.mark.parametrize("place", ["sqlite", "simulated"], indirect=True)
class TestAStoreThatKeeps:
    def test_gives_back_rows_in_the_order_of_their_numbers(self, run):
        async def story(store, _):
            await store.append(rows(6, 9))
            await store.append(rows(1, 5))
            return await store.scan(0, 1000)

        assert run(story) == rows(1, 9)
        assert run(everything, "run-b") == rows(1, 9)

    def test_scans_from_anywhere_in_steps(self, run):
        async def story(store, _):
            await store.append(rows(1, 9))
            return [row.number for row in (*await store.scan(3, 2), *await store.scan(8, 5), *await store.scan(9, 5))]

        assert run(story) == [4, 5, 9]

    def test_replaces_a_row_that_it_knows(self, run):
        async def story(store, _):
            await store.append(rows(1, 3))
            await store.append([Row(2, item(20))])
            return await store.scan(0, 10)

        assert run(story) == [Row(1, item(1)), Row(2, item(20)), Row(3, item(3))]

    def test_tells_of_gaps_at_the_opening_and_never_in_a_scan(self, run):
        async def story(store, _):
            await store.append([*rows(1, 3), HOLE])
            return await store.scan(0, 10)

        assert run(story) == rows(1, 3)
        contents = run(opened, "run-b")
        assert (contents.rows, contents.size, contents.last, contents.gaps) == (3, 90, 9, (HOLE,))

    def test_keeps_all_rows_of_a_call_or_none(self, place, run):
        async def story(store, _):
            await store.append(rows(1, 2))
            place.fill_up(True)
            with pytest.raises(OSError, match=r"free|full"):
                await store.append(rows(2, 9))
            found = await store.scan(0, 10)
            place.fill_up(False)
            await store.append(rows(3, 4))
            return found

        assert run(story) == rows(1, 2)
        assert run(everything, "run-b") == rows(1, 4)


@pytest.mark.parametrize("place", ["sqlite", "simulated"], indirect=True)
class TestTheRunBefore:
    @pytest.fixture
    def previous(self, run):
        """Return a function that tells how the run before ended."""
        return lambda: run(opened, "run-later").previous

    def test_ended_cleanly_with_the_number_that_it_said(self, run, previous):
        async def story(store, _):
            await store.append(rows(1, 3))

        run(story, last=17)
        assert previous() == Previous("run-a", 17, True)

    def test_crashed_after_the_last_number_that_was_stored(self, run, previous):
        async def story(store, _):
            await store.append(rows(4, 9))
            await store.append(rows(1, 3))
            await store.delete(range(1, 10))

        run(story)
        assert previous() == Previous("run-a", 9, False)

    def test_crashed_without_a_batch_so_that_no_number_is_known(self, run, previous):
        run(opened)
        assert previous() == Previous("run-a", None, False)

    def test_is_not_judged_by_batches_of_the_run_before_it(self, run, previous):
        async def story(store, _):
            await store.append([Row(5, item(50, "run-older"))])

        run(story)
        assert previous() == Previous("run-a", None, False)
