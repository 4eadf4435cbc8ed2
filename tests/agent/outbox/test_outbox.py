"""The outbox: order, bounds, gaps, and what is on disk when."""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.outbox import Contents, Gap, Item, Outbox, Previous, Row
from agent.outbox.gaps import Gaps
from agent.outbox.sqlite import SqliteStore


class DictStore:
    """A store that survives as long as the test, and fails when told."""

    def __init__(self) -> None:
        self.rows: dict[int, Item | Gap] = {}
        self.fails: OSError | None = None
        self.appends: list[int] = []
        self.previous: Previous | None = None
        self.run_id = ""

    def _check(self) -> None:
        if self.fails is not None:
            raise self.fails

    async def open(self, run_id):
        self._check()
        self.run_id = run_id
        items = [one for one in self.rows.values() if isinstance(one, Item)]
        gaps = tuple(Row(number, one) for number, one in sorted(self.rows.items()) if isinstance(one, Gap))
        size = sum(len(one.body) for one in items)
        return Contents(len(items), size, max(self.rows, default=0), gaps, self.previous)

    async def append(self, rows):
        await asyncio.sleep(0)
        self._check()
        self.appends.append(len(rows))
        self.rows.update(rows)

    async def delete(self, numbers):
        await asyncio.sleep(0)
        self._check()
        for number in numbers:
            self.rows.pop(number, None)

    async def scan(self, after, limit):
        await asyncio.sleep(0)
        self._check()
        found = [Row(n, one) for n, one in sorted(self.rows.items()) if n > after and isinstance(one, Item)]
        return found[:limit]

    async def close(self, last_seq):
        self._check()
        self.previous = Previous(self.run_id, last_seq, True)

    @property
    def seqs(self) -> list[int]:
        return [one.seq for _, one in sorted(self.rows.items()) if isinstance(one, Item)]


class AtOnce(SqliteStore):
    """The true store without its thread, which knows nothing of virtual time."""

    async def _in_thread(self, work):
        return self._file.guarded(work)


class Box(Outbox):
    """An outbox with a pen: `fill` puts numbered batches of 100 bytes."""

    def __init__(self, now, run_id="boot", **options) -> None:
        super().__init__(run_id, now, kernel_boot="this", **options)
        self.numbers = itertools.count(1)

    def fill(self, count: int = 1, size: int = 100) -> None:
        for _ in range(count):
            self.put(Item(self.run_id, next(self.numbers), self.now(), "this", b"x" * size))

    def lives(self) -> list[int]:
        found = []
        while (item := self.live(self.now())) is not None:
            found.append(item)
        return found

    def told(self) -> list[tuple[int, int, str]]:
        found = []
        while (gap := self.next_gap()) is not None:
            found.append((gap.first, gap.last, gap.reason))
            self.gap_done(gap)
        return found


def seqs(items) -> list[int]:
    return [item.seq for item in items]


@pytest.fixture
def box(runner):
    return Box(runner.clock)


@pytest.fixture
def store():
    return DictStore()


class TestWhatIsFresh:
    def test_is_handed_out_once_in_order(self, box):
        box.fill(3)
        assert seqs(box.lives()) == [1, 2, 3]
        assert box.lives() == []

    def test_is_history_after_three_seconds(self, runner, box):
        box.fill(2)
        runner.clock.advance(3.1)
        box.fill(1)
        assert seqs(box.lives()) == [3]
        assert seqs(runner.run(box.history(10))) == [1, 2]

    def test_counts_from_its_arrival_however_long_its_round_took(self, runner, box):
        runner.clock.advance(20.0)
        box.put(Item("boot", 1, runner.clock() - 15.0, "this", b"x"))
        assert seqs(box.lives()) == [1]

    def test_is_history_when_it_came_back_however_young(self, runner, box):
        box.fill(2)
        for item in box.lives():
            box.back(item)
        assert box.lives() == []
        assert seqs(runner.run(box.history(10))) == [1, 2]

    def test_wakes_the_reader(self, box):
        box.ready.clear()
        box.fill()
        assert box.ready.is_set()

    def test_is_never_of_another_boot_of_the_machine(self, runner, box):
        box.put(Item("older", 7, runner.clock(), "another", b"x"))
        assert box.lives() == []
        assert seqs(runner.run(box.history(9))) == [7]


class TestWhatIsDone:
    def test_is_gone_and_can_be_sent_again(self, runner, box):
        box.fill(5)
        for item in box.lives():
            box.done(item)
        assert (box.waiting, box.size) == (0, 0)
        assert box.again(box.recent("boot", 2, 3)) == 2
        again = runner.run(box.history(9))
        assert seqs(again) == [2, 3]
        box.refuse(again[0], "refused")
        assert box.told() == []  # it was delivered once

    def test_is_forgotten_after_a_quarter_of_an_hour_or_a_mebibyte(self, runner, box):
        box.fill(2000, size=1024)
        for item in box.lives():
            box.done(item)
        kept = seqs(box.recent("boot", 1, 5000))
        assert kept == list(range(2000 - 1023, 2001))
        runner.clock.advance(901)
        assert box.recent("boot", 1, 5000) == []

    def test_twice_is_no_error(self, box):
        box.fill()
        (item,) = box.lives()
        box.done(item)
        box.done(item)
        box.back(item)
        assert box.waiting == 0


class TestAFullOutbox:
    def test_drops_the_oldest_and_declares_one_range(self, runner):
        box = Box(runner.clock, max_size=1000)
        box.fill(25)
        assert box.waiting == 10
        assert box.told() == [(1, 15, "full")]
        assert box.stats().dropped == 15

    def test_drops_the_newest_if_so_configured(self, runner):
        box = Box(runner.clock, max_size=1000, when_full="drop_newest")
        box.fill(25)
        assert seqs(box.lives()) == list(range(1, 11))
        assert box.told() == [(11, 25, "full")]

    def test_thins_its_older_half_if_so_configured(self, runner):
        box = Box(runner.clock, max_size=1000, when_full="thin")
        for _ in range(10):
            box.fill()
            runner.clock.advance(4)
        box.fill()
        kept = seqs(runner.run(box.history(99))) + seqs(box.lives())
        assert kept == [1, 3, 5, 6, 7, 8, 9, 10, 11]
        assert box.told() == [(2, 2, "full"), (4, 4, "full")]

    def test_never_drops_what_is_in_flight(self, runner):
        box = Box(runner.clock, max_size=1000)
        box.fill(10)
        flying = box.lives()
        box.fill(10)
        for item in flying:
            box.done(item)
        assert box.told() == [(11, 19, "full")]

    def test_drops_what_is_too_old(self, runner):
        box = Box(runner.clock, max_age=60)
        box.fill(3)
        runner.clock.advance(40)
        box.fill(3)
        runner.clock.advance(30)
        runner.run(box.retention.keep())
        assert box.told() == [(1, 3, "too_old")]
        assert seqs(runner.run(box.history(9))) == [4, 5, 6]

    def test_dates_what_another_boot_of_the_machine_took_from_this_start(self, runner):
        runner.clock.advance(5000)
        box = Box(runner.clock, max_age=60)
        box.put(Item("older", 7, 10.0, "another", b"x"))
        runner.run(box.retention.keep())
        assert box.told() == []
        runner.clock.advance(61)
        runner.run(box.retention.keep())
        assert box.told() == [(7, 7, "too_old")]

    def test_declares_neighbours_given_up_for_different_reasons_as_two_gaps(self):
        gaps = Gaps(itertools.count(1).__next__)
        gaps.declare(Gap("boot", 1, 1, "full"))
        gaps.declare(Gap("boot", 2, 2, "too_old"))
        assert len(gaps) == 2

    def test_a_gap_that_is_being_told_grows_no_more(self, runner):
        box = Box(runner.clock, max_size=1000)
        box.fill(11)
        gap = box.next_gap()
        box.fill(5)
        box.gap_done(gap)
        assert (gap.first, gap.last) == (1, 1)
        assert box.told() == [(2, 6, "full")]


class TestOnDisk:
    def test_nothing_is_written_while_the_broker_acknowledges(self, runner, store):
        box = Box(runner.clock, store=store)

        async def story():
            keeping = asyncio.create_task(box.run())
            for _ in range(600):
                box.fill()
                for item in box.lives():
                    box.done(item)
                await asyncio.sleep(1)
            keeping.cancel()

        runner.run(story())
        assert store.appends == []

    def test_an_outage_is_written_in_groups_and_at_most_ten_seconds_late(self, runner, store):
        box = Box(runner.clock, store=store)

        async def story():
            keeping = asyncio.create_task(box.run())
            for second in range(600):
                box.fill()
                await asyncio.sleep(1)
                if second > 10:
                    assert len(store.rows) >= second - 10
            keeping.cancel()

        runner.run(story())
        assert len(store.appends) <= 125

    def test_always_means_stored_before_it_is_handed_out(self, runner, store):
        box = Box(runner.clock, store=store, durability="always")

        async def story():
            keeping = asyncio.create_task(box.run())
            box.fill(3)
            assert box.lives() == []
            await asyncio.sleep(0.1)
            assert store.seqs == [1, 2, 3]
            assert seqs(box.lives()) == [1, 2, 3]
            keeping.cancel()

        runner.run(story())

    def test_memory_means_never_stored(self, runner, store):
        box = Box(runner.clock, store=store, durability="memory")

        async def story():
            box.fill(1000)
            await box.close()

        runner.run(story())
        assert store.appends == []

    def test_other_bounds_and_another_durability_count_at_once(self, runner, store):
        bounds = {"max_size": 1000, "max_age": 60.0, "when_full": "drop_oldest"}
        assert not Box(runner.clock).adjust(durability="always", **bounds)
        box = Box(runner.clock, store=store, durability="memory")

        async def story():
            await box.open()
            assert box.adjust(durability="always", **bounds)
            box.fill(3)
            assert box.lives() == [], "not before it is stored"
            await box.flush()
            return seqs(box.lives())

        assert runner.run(story()) == [1, 2, 3]

    def test_a_long_outage_stays_out_of_memory_and_leaves_in_order(self, runner, store):
        box = Box(runner.clock, store=store)

        async def story():
            keeping = asyncio.create_task(box.run())
            for _ in range(3000):
                box.fill()
                await asyncio.sleep(1)
            assert len(box.index.memory) <= 330
            assert box.waiting == 3000
            await asyncio.sleep(4)
            delivered = []
            while box.waiting:
                for index, item in enumerate(await box.history(64)):
                    if index == 40 and len(delivered) % 3 == 0:
                        box.back(item)
                        continue
                    delivered.append(item.seq)
                    box.done(item)
            await asyncio.sleep(11)
            keeping.cancel()
            return delivered

        delivered = runner.run(story())
        assert sorted(delivered) == list(range(1, 3001))
        assert store.rows == {}

    @pytest.mark.parametrize("real", [False, True])
    def test_what_was_read_and_came_back_is_read_again(self, runner, store, tmp_path, real):
        """A session takes history from the disk, ends, and new batches push it out of memory once more."""
        box = Box(runner.clock, store=AtOnce(tmp_path, 1_000_000) if real else store)

        async def story():
            await box.open()
            keeping = asyncio.create_task(box.run())
            for turn in range(3):
                box.fill(400)
                runner.clock.advance(4)
                await box.flush()
                for item in await box.history(300 + turn):
                    box.back(item)
                box.fill(200)
                runner.clock.advance(4)
                await box.flush()
                await asyncio.sleep(11)
            assert len(box.index.memory) <= 330
            delivered = []
            while box.waiting:
                for item in await box.history(64):
                    delivered.append(item.seq)
                    box.done(item)
            keeping.cancel()
            await box.close()
            return delivered

        assert runner.run(story()) == list(range(1, 1801))

    def test_the_next_run_delivers_what_this_one_stored(self, runner, store):
        box = Box(runner.clock, store=store, max_size=10_000)

        async def story():
            await box.open()
            box.fill(150)
            assert await box.flush()
            await box.close()
            later = Box(runner.clock, run_id="later", store=store)
            await later.open()
            assert later.previous == Previous("boot", 150, True)
            later.fill()
            assert later.told() == [(1, 50, "full")]
            assert seqs(later.lives()) == [1]
            return [(item.run_id, item.seq) for _ in range(3) for item in await later.history(64)]

        assert runner.run(story()) == [("boot", seq) for seq in range(51, 151)]

    def test_damaged_rows_are_declared_counted_and_told_once(self, runner, tmp_path, logged):
        async def story():
            box = Box(runner.clock, store=AtOnce(tmp_path, 1_000_000))
            await box.open()
            box.fill(200)
            await box.close()
            with sqlite3.connect(tmp_path / "outbox.db") as database:
                database.execute("UPDATE batch SET crc = crc + 1 WHERE seq IN (10, 11, 150)")
            database.close()
            later = Box(runner.clock, run_id="later", store=AtOnce(tmp_path, 1_000_000))
            await later.open()
            left = [item.seq for _ in range(9) for item in await later.history(64)]
            assert left == [seq for seq in range(1, 201) if seq not in (10, 11, 150)]
            assert later.told() == [(10, 11, "corrupt"), (150, 150, "corrupt")]
            assert later.stats().dropped == 3
            await later.close()

        runner.run(story())
        assert [(one.levelname, one.message) for one in logged("agent.outbox", "limpet.outbox")] == [
            ("WARNING", "stored batch was damaged")
        ]

    @pytest.mark.parametrize("when_full", ["drop_oldest", "thin"])
    def test_a_full_disk_store_gives_up_and_declares(self, runner, store, when_full):
        box = Box(runner.clock, store=store, max_size=100_000, when_full=when_full)

        async def story():
            keeping = asyncio.create_task(box.run())
            for _ in range(2000):
                box.fill()
                await asyncio.sleep(1)
                assert box.size <= 101_000
            await asyncio.sleep(4)
            kept = [item.seq for _ in range(99) for item in await box.history(64)]
            keeping.cancel()
            return kept

        kept = runner.run(story())
        declared = [seq for first, last, _ in box.told() for seq in range(first, last + 1)]
        assert sorted(kept + declared) == list(range(1, 2001))
        assert kept == sorted(kept)
        assert len(kept) >= 700

    def test_a_store_that_fails_never_stops_anything_and_is_tried_again(self, runner, store, logged):
        box = Box(runner.clock, store=store)

        async def story():
            keeping = asyncio.create_task(box.run())
            store.fails = OSError(28, "No space left on device")
            for _ in range(600):
                box.fill()
                await asyncio.sleep(1)
            assert box.stats().storage == "degraded"
            store.fails = None
            await asyncio.sleep(70)
            assert box.stats().storage == "ok"
            kept = [item.seq for _ in range(99) for item in await box.history(64)]
            keeping.cancel()
            return kept

        assert runner.run(story()) == list(range(1, 601))
        assert len(logged("agent.outbox", "limpet.outbox")) == 1

    def test_what_is_in_memory_leaves_though_the_store_cannot_be_read(self, runner, store):
        box = Box(runner.clock, store=store)

        async def story():
            for count in (600, 5):
                box.fill(count)
                runner.clock.advance(4)
                await box.flush()
            store.fails = OSError(5, "Input/output error")
            handed_out = []
            for _ in range(2):
                assert box.index.disk.items
                box.fill(5)
                runner.clock.advance(4)
                handed_out.append(bool(await box.history(64)))
            return handed_out

        assert runner.run(story()) == [True, True], "at the error, and as long as it lasts"

    def test_what_came_before_a_late_opening_leaves_after_it(self, runner, store):
        store.rows = {5: Gap("older", 1, 1, "full")}
        store.fails = OSError(28, "No space left on device")
        box = Box(runner.clock, store=store)

        async def story():
            await box.open()
            box.fill(3)
            runner.clock.advance(70)
            assert box.has_history
            store.fails = None
            await box.retention.keep()
            return [(one.run_id, one.seq) for _ in range(9) for one in await box.history(64)]

        assert runner.run(story()) == [("boot", 1), ("boot", 2), ("boot", 3)]

    def test_gaps_merged_before_a_late_opening_cost_no_row_of_an_earlier_run(self, runner, store):
        store.rows = {n: Item("older", n, 0.0, "another", b"x") for n in range(1, 6)}
        store.fails = OSError(28, "No space left on device")
        box = Box(runner.clock, store=store, max_size=300)

        async def story():
            await box.open()
            box.fill(10)
            store.fails = None
            await box.flush()
            return len(store.rows), box.waiting

        assert runner.run(story()) == (5 + 3 + 1, 5 + 3)

    def test_a_degraded_outbox_is_bounded_in_memory(self, runner, store):
        store.fails = OSError(30, "Read-only file system")
        box = Box(runner.clock, store=store)

        async def story():
            await box.open()
            box.fill(3000, size=10_000)

        runner.run(story())
        assert box.size <= 8 * 1024 * 1024
        assert box.told() == [(1, 3000 - box.waiting, "full")]


OLD = frozenset({"limpet/old"})


def of_two_devices(count: int, size: int = 100) -> dict[int, Item]:
    """Return what an earlier run left: first batches of another device, then of this one."""
    topics = ["limpet/old"] * count + ["limpet/new"] * count
    return {n: Item("older", n, 0.0, "another", b"x" * size, topic) for n, topic in enumerate(topics, 1)}


class TestATopicThatIsLeftOut:
    def test_holds_nothing_else_back_however_much_of_it_lies_first(self, runner, store):
        store.rows = of_two_devices(1000)
        box = Box(runner.clock, store=store)

        async def story():
            await box.open()
            left = []
            while box.has_history:
                for item in await box.history(64, OLD):
                    left.append(item.seq)
                    box.done(item)
            return left

        assert runner.run(story()) == list(range(1001, 2001))
        assert box.waiting == 1000

    def test_leaves_in_order_once_it_is_wanted_again(self, runner, store):
        store.rows = of_two_devices(100)
        box = Box(runner.clock, store=store)

        async def story():
            await box.open()
            for item in await box.history(64, OLD):
                box.back(item)
            left = []
            while box.has_history:
                left += [item.seq for item in await box.history(64)]
            return left

        assert runner.run(story()) == list(range(1, 201))

    @pytest.mark.parametrize("bounds", [{"max_size": 15_000}, {"max_size": 5000}, {"max_age": 60.0}])
    def test_is_given_up_first_all_the_same(self, runner, store, bounds):
        store.rows = of_two_devices(100)
        box = Box(runner.clock, store=store, **bounds)

        async def story():
            await box.open()
            for item in await box.history(1, OLD):
                box.back(item)
            runner.clock.advance(70)
            await box.retention.keep()
            return [item async for item in drain(box, OLD)]

        left = runner.run(story())
        (first, last, _), *_ = box.told()
        assert first == 1
        assert len(left) == min(100, 200 - last)

    @settings(max_examples=60, deadline=None)
    @given(steps=st.lists(st.sampled_from(["put", "some", "all", "done", "back", "flush"]), max_size=60))
    @example(steps=["some", "back", "flush"])
    def test_is_not_handed_out_and_everything_leaves_in_the_end(self, steps):
        now = [0.0]
        store = DictStore()
        store.rows = dict(enumerate(random.Random(1).sample(list(of_two_devices(15).values()), 30), 1))
        box = Box(lambda: now[0], store=store)
        done, flying, topics = [], [], itertools.cycle(["limpet/old", "limpet/new"])

        async def story():
            await box.open()
            for step in steps:
                now[0] += 4.0
                if step == "put":
                    for seq in range(next(box.numbers) * 10, next(box.numbers) * 10):
                        box.put(Item("boot", seq, now[0], "this", b"x", next(topics)))
                elif step in ("some", "all"):
                    items = await box.history(7, OLD if step == "some" else frozenset())
                    assert step == "all" or all(item.topic not in OLD for item in items)
                    flying.extend(items)
                elif step == "flush":
                    await box.flush()
                    box.index.evict(1, 100)
                elif step == "back":
                    while flying:
                        box.back(flying.pop())
                elif flying:
                    done.append(flying.pop())
                    box.done(done[-1])
            waiting = box.waiting
            now[0] += 4.0
            for item in flying:
                box.back(item)
            left = [item async for item in drain(box, OLD)]
            assert not box.has_history
            assert box.waiting == waiting - len(left)
            rest = [item async for item in drain(box)]
            assert all(item.topic == "limpet/old" for item in rest)
            left += rest
            assert len(left) == len(set(left)) == waiting
            assert not set(left) & set(done)

        asyncio.run(story())


async def drain(box, leave_out=frozenset()):
    while items := await box.history(64, leave_out):
        for item in items:
            box.done(item)
            yield item


STEPS = ["put", "live", "history", "done", "back", "refuse", "wait", "keep"]


class TestTheLaw:
    @settings(max_examples=60, deadline=None)
    @given(
        steps=st.lists(st.sampled_from(STEPS), max_size=120),
        durability=st.sampled_from(["always", "outage", "memory"]),
        when_full=st.sampled_from(["drop_oldest", "drop_newest", "thin"]),
    )
    def test_every_batch_waits_is_done_or_is_declared(self, steps, durability, when_full):
        now = [0.0]
        box = Box(lambda: now[0], store=DictStore(), durability=durability, max_size=2000, when_full=when_full)
        done, flying = [], []

        async def story():
            for step in steps:
                if step == "put":
                    box.fill(7)
                elif step == "live":
                    flying.extend(box.lives())
                elif step == "history":
                    flying.extend(await box.history(5))
                elif step == "wait":
                    now[0] += 2.0
                elif step == "keep":
                    await box.retention.keep(everything=True)
                elif flying:
                    item = flying.pop(0)
                    getattr(box, step)(item, *(["refused"] if step == "refuse" else []))
                    done.extend([item.seq] if step == "done" else [])
            now[0] += 4.0
            waiting = seqs(flying)
            while items := await box.history(64):
                waiting += seqs(items)
            return waiting

        waiting = asyncio.run(story())
        declared = [seq for first, last, _ in box.told() for seq in range(first, last + 1)]
        assert sorted(waiting + done + declared) == list(range(1, next(box.numbers)))
        assert box.waiting == len(waiting)
