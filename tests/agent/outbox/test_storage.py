"""The store that fails or hangs: everything goes on in memory, and the store is tried again every five seconds."""

from __future__ import annotations

import asyncio
import logging

import pytest
from test_outbox import Box, DictStore, seqs

from agent.outbox import Gap, Item, Previous


class HangingStore(DictStore):
    """A store whose calls never return while it `hangs`; `asked` counts them, `ended` is what it was closed with."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.asked, self.ended = False, 0, -1

    async def _answer(self, call):
        self.asked += 1
        if self.hangs:
            call.close()
            await asyncio.Event().wait()
        return await call

    async def open(self, run_id):
        return await self._answer(super().open(run_id))

    async def append(self, rows):
        await self._answer(super().append(rows))

    async def delete(self, numbers):
        await self._answer(super().delete(numbers))

    async def scan(self, after, limit):
        return await self._answer(super().scan(after, limit))

    async def close(self, last_seq):
        await self._answer(super().close(last_seq))
        self.ended = last_seq


@pytest.fixture
def store():
    return HangingStore()


@pytest.fixture
def news():
    return []


@pytest.fixture
def box(runner, store, news):
    box = Box(runner.clock, store=store, storage_changed=lambda: news.append((runner.clock(), box.stats().storage)))
    return box


class TestADiskThatHangsAtTheStart:
    def test_delays_the_start_by_less_than_three_seconds(self, runner, store, box):
        store.hangs = True
        runner.run(box.open())
        assert runner.clock() < 3
        assert box.stats().storage == "degraded"

    def test_is_told_of_at_once_and_so_is_its_recovery(self, runner, store, box, news):
        async def story():
            store.hangs = True
            await box.open()
            keeping = asyncio.create_task(box.run())
            await asyncio.sleep(60)
            store.hangs = False
            await asyncio.sleep(15)
            keeping.cancel()

        runner.run(story())
        assert [state for _, state in news] == ["degraded", "degraded", "ok"], "it opened, then all was stored"
        assert news[0][0] < 3
        assert 62 < news[-1][0] < 75

    def test_lets_the_earlier_run_be_unknown_until_it_answers(self, runner, store, box):
        store.previous = Previous("older", 9, True)
        store.rows = {7: Item("older", 9, 0.0, "another", b"x"), 8: Gap("older", 1, 2, "full")}

        async def story():
            store.hangs = True
            await box.open()
            assert box.previous == Previous(None, None, False)
            box.fill(2)
            store.hangs = False
            runner.clock.advance(6)
            await box.retention.keep()
            assert box.previous == Previous("older", 9, True)
            return [item.seq for item in await box.history(9)]

        assert runner.run(story()) == [9, 1, 2]
        assert box.told() == [(1, 2, "full")]

    def test_ends_in_time_however_long_it_hangs(self, runner, store, box):
        async def story():
            store.hangs = True
            await box.open()
            box.fill(2)
            await asyncio.wait_for(box.close(), 30)

        runner.run(story())


class TestADiskThatHangsLater:
    def test_is_left_alone_and_tried_again_every_five_seconds(self, runner, store, box):
        async def story():
            await box.open()
            keeping = asyncio.create_task(box.run())
            box.fill(1)
            await asyncio.sleep(30)
            store.hangs, store.asked = True, 0
            box.fill(1)
            await asyncio.sleep(120)
            asked = store.asked
            store.hangs = False
            await asyncio.sleep(16)
            keeping.cancel()
            return asked

        assert 5 <= runner.run(story()) <= 25
        assert store.seqs == [1, 2]
        assert box.stats().storage == "ok"

    def test_never_holds_what_is_in_memory_back(self, runner, store, box):
        async def story():
            await box.open()
            box.fill(600)
            runner.clock.advance(4)
            await box.flush()
            store.hangs = True
            box.fill(5)
            began = runner.clock()
            assert len(box.lives()) == 5
            there = len(box.index.history())
            left = [item.seq for _ in range(9) for item in await box.history(64)]
            assert len(left) == there > 64
            assert runner.clock() - began < 6
            assert not box.has_history, "what only the disk has cannot be had"

        runner.run(story())

    def test_gives_everything_back_once_it_answers(self, runner, store, box):
        async def story():
            await box.open()
            box.fill(600)
            runner.clock.advance(4)
            await box.flush()
            store.hangs = True
            first = await box.history(64)
            for item in first:
                box.done(item)
            box.fill(50)
            store.hangs = False
            runner.clock.advance(6)
            await box.retention.keep()
            assert box.waiting == 650 - len(first)
            left = seqs(first)
            while box.has_history:
                for item in await box.history(64):
                    left.append(item.seq)
                    box.done(item)
            return left

        assert sorted(runner.run(story())) == list(range(1, 651))
        assert box.waiting == 0


class TestAStoreThatLostWhatItHeld:
    """After an error it was begun again, and has only a part of its rows: damage that was met while it was open."""

    def test_gets_again_what_is_in_memory_and_counts_what_is_left(self, runner, store, box):
        async def story():
            await box.open()
            box.fill(600)
            runner.clock.advance(4)
            await box.flush()
            for number in [*range(100, 120), *range(590, 601)]:
                del store.rows[number]
            store.rows[-1] = Gap("boot", 100, 119, "corrupt")
            store.fails = OSError(116, "it has been begun again")
            box.fill(5)
            assert not await box.flush()
            store.fails = None
            runner.clock.advance(6)
            await box.retention.keep()
            assert box.waiting == 585
            left = []
            while box.has_history:
                for item in await box.history(64):
                    left.append(item.seq)
                    box.done(item)
            return left

        left = runner.run(story())
        assert sorted(left) == [seq for seq in range(1, 606) if not 100 <= seq < 120]
        assert box.told() == [(100, 119, "corrupt")]
        assert box.waiting == 0


class TestTheEnd:
    def test_is_clean_when_everything_is_stored(self, runner, store, box):
        async def story():
            await box.open()
            box.fill(3)
            await box.close()

        runner.run(story())
        assert store.ended == 3

    def test_is_not_called_clean_when_something_could_not_be_stored(self, runner, store, box):
        async def full(rows):
            raise OSError(28, "No space left on device")

        async def story():
            await box.open()
            box.fill(3)
            await box.flush()
            box.fill(2)
            store.append = full
            await box.close()

        runner.run(story())
        assert store.ended is None


def test_a_disk_that_fails_is_logged_once_and_once_when_it_is_back(runner, store, box, caplog):
    caplog.set_level(logging.INFO, "agent.outbox")

    async def story():
        await box.open()
        keeping = asyncio.create_task(box.run())
        store.fails = OSError(30, "Read-only file system")
        for _ in range(60):
            box.fill()
            await asyncio.sleep(1)
        store.fails = None
        await asyncio.sleep(12)
        keeping.cancel()

    runner.run(story())
    messages = [one.message for one in caplog.records if one.name.startswith("agent.outbox")]
    assert messages == ["outbox goes on in memory", "outbox is on disk again"]
