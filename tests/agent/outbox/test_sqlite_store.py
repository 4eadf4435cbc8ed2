"""The SQLite store: it always opens, keeps what it promised, and tells what is damaged."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.outbox import Gap, Item, Previous, Row, witness
from agent.outbox import sqlite_file as module
from agent.outbox.reader import OutboxReader
from agent.outbox.sqlite import SqliteStore


def item(seq: int, run_id: str = "boot-a", size: int = 300) -> Item:
    return Item(run_id, seq, 100.0 + seq, "machine-1", random.Random(seq).randbytes(size))


def rows(first: int, last: int) -> list[Row]:
    return [Row(n, item(n)) for n in range(first, last + 1)]


def use(folder: Path, story, run_id: str = "boot-a"):
    """Open a store, tell it a story, close its connection as a crash would; return what the story returns."""

    async def scene():
        store = SqliteStore(folder, 1_000_000)
        contents = await store.open(run_id)
        try:
            return await story(store, contents)
        finally:
            await store._in_thread(store._file.shut)

    return asyncio.run(scene())


async def everything(store, _contents):
    return await store.scan(0, 10_000)


async def opened(_store, contents):
    return contents


def fill(folder: Path, count: int = 40, *, last: int | None = None) -> None:
    """Store so many batches; with `last` the run ends cleanly with that number."""

    async def story(store, _):
        await store.append(rows(1, count))
        if last is not None:
            await store.close(last)

    use(folder, story)


class TestAStore:
    def test_gives_back_what_it_was_given_in_order(self, tmp_path):
        fill(tmp_path)
        assert use(tmp_path, everything) == rows(1, 40)

    def test_scans_from_anywhere_in_steps(self, tmp_path):
        fill(tmp_path)

        async def story(store, _):
            return await store.scan(10, 3)

        assert [row.number for row in use(tmp_path, story)] == [11, 12, 13]

    def test_forgets_what_was_acknowledged_and_minds_no_stranger(self, tmp_path):
        async def story(store, _):
            await store.append(rows(1, 5))
            await store.delete([1, 2, 77])
            return await store.scan(0, 10)

        assert [row.number for row in use(tmp_path, story)] == [3, 4, 5]

    def test_keeps_gaps_apart_and_counts_what_it_holds(self, tmp_path):
        async def story(store, _):
            await store.append([*rows(1, 3), Row(9, Gap("boot-a", 4, 8, "full"))])

        use(tmp_path, story)
        contents = use(tmp_path, opened)
        assert (contents.rows, contents.size, contents.last) == (3, 900, 9)
        assert contents.gaps == (Row(9, Gap("boot-a", 4, 8, "full")),)
        assert [row.number for row in use(tmp_path, everything)] == [1, 2, 3]

    def test_tells_how_the_previous_run_ended(self, tmp_path):
        async def clean(store, contents):
            await store.close(17)
            return contents.previous

        async def crash(store, contents):
            await store.append([Row(50, item(5, "boot-b"))])
            return contents.previous

        assert use(tmp_path, clean, "boot-a") is None
        assert use(tmp_path, crash, "boot-b") == Previous("boot-a", 17, True)
        assert use(tmp_path, opened, "boot-c").previous == Previous("boot-b", 5, False)

    def test_knows_no_last_number_of_a_run_that_stored_nothing_and_did_not_end(self, tmp_path):
        async def clean(store, _):
            await store.close(0)

        use(tmp_path, opened, "boot-a")
        use(tmp_path, clean, "boot-b")
        assert use(tmp_path, opened, "boot-c").previous == Previous("boot-b", 0, True)
        assert use(tmp_path, opened, "boot-d").previous == Previous("boot-c", None, False)

    def test_never_lets_the_last_number_of_a_run_go_back(self, tmp_path):
        async def story(store, _):
            await store.append([Row(1, item(9))])
            await store.append([Row(2, item(3))])
            await store.delete([1, 2])

        use(tmp_path, story, "boot-a")
        assert use(tmp_path, opened, "boot-b").previous.last_seq == 9

    def test_has_a_commit_on_the_card_before_it_returns(self, tmp_path):
        async def story(store, _):
            return await store._in_thread(lambda: store._file._connection().execute("PRAGMA synchronous").fetchone())

        full = (2,)
        assert use(tmp_path, story) == full

    def test_has_a_new_file_in_its_folder_for_good(self, tmp_path, mocker):
        synced = mocker.spy(witness, "sync_folder")
        fsync = mocker.spy(os, "fsync")
        use(tmp_path, opened)
        assert synced.call_count == 1
        assert fsync.call_count >= 1

    def test_shows_other_programs_at_once_what_was_deleted(self, tmp_path):
        async def story(store, _):
            await store.append(rows(1, 2))
            await store.delete([1])
            with OutboxReader(tmp_path / "outbox.db") as reader:
                return reader.summary().number

        assert use(tmp_path, story) == 1

    def test_does_not_wait_long_for_somebody_elses_lock(self, tmp_path):
        fill(tmp_path)
        lock = sqlite3.connect(tmp_path / "outbox.db")
        lock.execute("PRAGMA locking_mode = EXCLUSIVE")
        lock.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(OSError, match="locked"):
            use(tmp_path, opened)
        assert time.monotonic() - began < 3
        lock.close()
        assert len(use(tmp_path, everything)) == 40

    def test_works_in_one_thread_that_nobody_waits_for(self, tmp_path):
        async def story(store, _):
            await store.append(rows(1, 2))
            return [t for t in threading.enumerate() if t.name == "outbox"]

        threads = use(tmp_path, story)
        assert threads[-1].daemon


DAMAGES = {
    "empty": lambda file: file.write_bytes(b""),
    "of text": lambda file: file.write_text("this is no database\n" * 50),
    "of zeros": lambda file: file.write_bytes(bytes(8192)),
    "cut in half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "of a newer schema": lambda file: _execute(file, "PRAGMA user_version = 99"),
    "without its table": lambda file: _execute(file, "DROP TABLE batch"),
    "of another program": lambda file: (file.unlink(), _execute(file, RECIPES)),
}
OURS = {f"outbox.db{suffix}" for suffix in ("", "-wal", "-shm", "-witness", "-witness2")}
RECIPES = "CREATE TABLE recipe (cake TEXT)"


def _execute(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as database:
        database.execute(statement)
    database.close()


class TestADamagedFile:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_is_set_aside_and_the_store_opens(self, tmp_path, damage, logged):
        fill(tmp_path)
        DAMAGES[damage](tmp_path / "outbox.db")

        async def story(store, _):
            await store.append(rows(100, 101))
            return [row.number for row in await store.scan(99, 10)]

        assert use(tmp_path, story, "boot-b") == [100, 101]
        (aside,) = tmp_path.glob("outbox.corrupt-*.db")
        assert [one.message for one in logged("limpet.outbox")] == ["outbox was damaged"]
        assert {one.name for one in tmp_path.iterdir()} <= OURS | {aside.name}
        assert use(tmp_path, opened, "boot-c").previous.run_id == "boot-b"

    @pytest.mark.parametrize("replaced", [False, True])
    def test_that_is_removed_while_it_is_open_takes_no_more_rows(self, tmp_path, replaced):
        async def story(store, _):
            await store.append(rows(1, 2))
            for file in tmp_path.glob("outbox.db*"):
                file.unlink()
            if replaced:
                _execute(tmp_path / "outbox.db", RECIPES)
            with pytest.raises(OSError, match="gone"):
                await store.append(rows(3, 4))
            await store.open("boot-a")
            await store.append(rows(3, 4))

        async def found(store, _):
            await store.open("boot-b")
            return [row.number for row in await store.scan(0, 10)]

        use(tmp_path, story, "boot-a")
        assert use(tmp_path, found, "boot-b") == [3, 4]

    def test_of_another_program_is_not_changed(self, tmp_path):
        _execute(tmp_path / "outbox.db", RECIPES)
        before = (tmp_path / "outbox.db").read_bytes()
        use(tmp_path, opened)
        (aside,) = tmp_path.glob("outbox.corrupt-*.db")
        assert aside.read_bytes() == before

    def test_whose_first_bytes_are_wrong_yields_everything(self, tmp_path):
        fill(tmp_path, 400, last=401)
        file = tmp_path / "outbox.db"
        file.write_bytes(b"X" * 16 + file.read_bytes()[16:])
        assert use(tmp_path, opened, "boot-b").previous == Previous("boot-a", 401, True)
        assert use(tmp_path, everything, "boot-c") == rows(1, 400)

    def test_that_is_empty_beside_its_log_yields_everything(self, tmp_path):
        source = tmp_path / "source"

        async def story(store, _):
            await store.append(rows(1, 40))
            for one in source.iterdir():
                (tmp_path / one.name).write_bytes(b"" if one.name == "outbox.db" else one.read_bytes())

        use(source, story)
        assert use(tmp_path, everything) == rows(1, 40)

    def test_cut_in_half_yields_all_that_is_left(self, tmp_path):
        fill(tmp_path, 400, last=401)
        DAMAGES["cut in half"](tmp_path / "outbox.db")
        left = (tmp_path / "outbox.db").read_bytes()
        there = [row for row in rows(1, 400) if row.record.body in left]
        assert use(tmp_path, opened, "boot-b").previous == Previous("boot-a", 401, True)
        assert use(tmp_path, everything, "boot-c") == there
        assert len(there) > 160

    @pytest.mark.parametrize("size", [300, 4020, 4030, 6000, 20_000])
    def test_whose_tables_are_lost_still_yields_its_batches_and_the_run_before(self, tmp_path, size):
        batches = [Row(n, item(n, size=size)) for n in range(1, 101)]
        use(tmp_path, lambda store, _: store.append(batches))
        file = tmp_path / "outbox.db"
        content = bytearray(file.read_bytes())
        content[:4096] = os.urandom(4096)
        file.write_bytes(content)
        assert use(tmp_path, opened, "boot-b").previous == Previous("boot-a", 100, False)
        assert use(tmp_path, everything, "boot-c") == batches

    def test_of_another_version_keeps_how_the_runs_ended(self, tmp_path):
        fill(tmp_path, last=41)
        _execute(tmp_path / "outbox.db", "PRAGMA user_version = 99")
        assert use(tmp_path, opened, "boot-b").previous == Previous("boot-a", 41, True)

    def test_does_not_bring_back_what_was_acknowledged(self, tmp_path):
        fill(tmp_path, 400)
        with sqlite3.connect(tmp_path / "outbox.db") as database:
            database.execute("PRAGMA secure_delete = OFF")
            database.execute("DELETE FROM batch WHERE number <= 380")
        database.close()
        content = (tmp_path / "outbox.db").read_bytes()
        assert any(item(n).body in content for n in range(1, 381))
        (tmp_path / "outbox.db").write_bytes(b"X" * 16 + content[16:])
        assert use(tmp_path, everything, "boot-b") == rows(381, 400)

    def test_that_is_a_folder_is_set_aside_too(self, tmp_path):
        (tmp_path / "outbox.db").mkdir()
        assert use(tmp_path, opened).rows == 0

    def test_with_an_overwritten_page_yields_all_other_rows(self, tmp_path):
        fill(tmp_path, 400)
        file = tmp_path / "outbox.db"
        content = bytearray(file.read_bytes())
        page = len(content) // 8192 * 4096
        content[page : page + 4096] = os.urandom(4096)
        file.write_bytes(content)
        saved = use(tmp_path, everything)
        good = [row for row in saved if isinstance(row.record, Item)]
        assert 385 <= len(good) < 400
        assert all(row.record == item(row.number) for row in good)
        assert list(tmp_path.glob("outbox.corrupt-*.db"))

    def test_with_a_flipped_bit_in_a_batch_tells_that_batch_as_a_gap(self, tmp_path):
        fill(tmp_path, 3)
        file = tmp_path / "outbox.db"
        content = bytearray(file.read_bytes())
        at = content.index(item(2).body[:40])
        content[at + 7] ^= 4
        file.write_bytes(content)
        found = use(tmp_path, everything)
        assert [type(row.record) for row in found] == [Item, Gap, Item]
        assert found[1].record == Gap("boot-a", 2, 2, "corrupt")

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 10**9))
    def test_however_damaged_opens_and_never_gives_a_wrong_batch(self, tmp_path_factory, seed):
        folder, dice = tmp_path_factory.mktemp("torn"), random.Random(seed)
        fill(folder, 60)
        file = folder / "outbox.db"
        content = bytearray(file.read_bytes())
        for _ in range(dice.randrange(1, 40)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        if dice.random() < 0.3:
            del content[dice.randrange(len(content)) :]
        file.write_bytes(content)

        async def story(store, _):
            await store.append(rows(1000, 1001))
            return await store.scan(0, 10_000)

        found = use(folder, story)
        assert all(row.record == item(row.number) for row in found if isinstance(row.record, Item))
        assert {1000, 1001} <= {row.number for row in found}

    def test_declares_the_batches_that_are_missing_among_those_it_saves(self, tmp_path):
        fill(tmp_path, 400)
        file = tmp_path / "outbox.db"
        content = bytearray(file.read_bytes())
        page = len(content) // 8192 * 4096
        content[page : page + 4096] = os.urandom(4096)
        file.write_bytes(content)

        async def story(store, contents):
            return contents, await store.scan(0, 1000)

        contents, saved = use(tmp_path, story)
        there = {row.record.seq for row in saved if isinstance(row.record, Item)}
        declared = [n for row in contents.gaps for n in range(row.record.first, row.record.last + 1)]
        assert set(declared) == set(range(1, 401)) - there
        assert contents.lost == len(declared) > 0
        assert contents.last >= max(row.number for row in contents.gaps)
        assert {row.record.reason for row in contents.gaps} == {"corrupt"}
        assert use(tmp_path, opened).lost == 0, "told once"

    def test_declares_the_tail_that_the_damage_took(self, tmp_path):
        async def story(store, _):
            await store.append(rows(1, 30))
            await store.delete(range(21, 31))

        use(tmp_path, story)
        file = tmp_path / "outbox.db"
        content = bytearray(file.read_bytes())
        content[:16] = b"\0" * 16
        file.write_bytes(content)
        gaps = use(tmp_path, opened, "boot-b").gaps
        assert [(row.record.first, row.record.last) for row in gaps] == [(21, 30)]

    def test_that_is_damaged_while_it_is_open_is_saved_at_the_next_call(self, tmp_path):
        fill(tmp_path, 400)
        file = tmp_path / "outbox.db"
        with sqlite3.connect(file) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()

        async def story(store, _):
            content = bytearray(file.read_bytes())
            for page in range(2 * 4096, len(content) - 4096, 4096):
                content[page : page + 200] = b"\xff" * 200
            with file.open("r+b") as there:
                there.write(content)
            # without its cache SQLite reads the file again
            await store._in_thread(lambda: store._file._connection().execute("PRAGMA shrink_memory").fetchall())
            with pytest.raises(OSError, match=r"malformed|corrupt"):
                await store.scan(0, 1000)
            with pytest.raises(OSError, match="begun again"):
                await store.append([Row(5000, item(5000))])
            contents = await store.open("boot-a")
            await store.append([Row(5000, item(5000))])
            declared = sum(row.record.last - row.record.first + 1 for row in contents.gaps)
            return contents.rows + declared, [row.number for row in await store.scan(4999, 10)]

        assert use(tmp_path, story) == (400, [5000])


class FailingNth(sqlite3.Connection):
    """Fails its n-th statement, and every one after it while `broken`."""

    left = 10**9
    error = "SQLITE_FULL"

    def execute(self, *args):
        FailingNth.count()
        return super().execute(*args)

    def executemany(self, *args):
        FailingNth.count()
        return super().executemany(*args)

    @classmethod
    def count(cls):
        cls.left -= 1
        if cls.left == 0:
            error = sqlite3.OperationalError(cls.error)
            error.sqlite_errorname = cls.error
            raise error


@pytest.fixture
def failing(monkeypatch):
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda file, **more: real(file, factory=FailingNth, **more))
    FailingNth.left = 10**9
    return FailingNth


class TestAFailingDisk:
    @pytest.mark.parametrize("error", ["SQLITE_FULL", "SQLITE_IOERR_FSYNC", "SQLITE_READONLY"])
    def test_at_the_nth_statement_for_every_n_loses_nothing_that_was_promised(self, tmp_path, failing, error):
        failing.error = error
        for n in range(1, 40):
            folder = tmp_path / f"{n}"
            failing.left = n
            promised: set[int] = set()
            failed = 0

            async def story(store=None):
                nonlocal failed
                store = SqliteStore(folder, 1_000_000)  # noqa: B023
                for attempt in (
                    lambda: store.open("boot-a"),
                    *(lambda k=k: store.append([Row(k, item(k))]) for k in range(1, 8)),
                ):
                    try:
                        await attempt()
                    except OSError:
                        failed += 1
                    else:
                        if attempt.__defaults__:
                            promised.add(attempt.__defaults__[0])  # noqa: B023
                await store._in_thread(store._file.shut)

            asyncio.run(story())
            failing.left = 10**9
            found = {row.number for row in use(folder, everything) if isinstance(row.record, Item)}
            assert promised <= found
            assert failed <= 1

    def test_that_is_nearly_full_is_not_filled_up(self, tmp_path, mocker):
        mocker.patch.object(module.files, "free", return_value=1000)

        async def story(store, _):
            with pytest.raises(OSError, match="free"):
                await store.append(rows(1, 1))

        use(tmp_path, story)

    def test_that_nobody_may_write_is_an_oserror(self, tmp_path):
        (tmp_path / "file").write_text("no folder")

        async def story():
            with pytest.raises(OSError, match=r"file|Not a directory"):
                await SqliteStore(tmp_path / "file", 1000).open("boot-a")

        asyncio.run(story())


WRITER = """
import asyncio, sys
from pathlib import Path
from test_sqlite_store import Row, SqliteStore, item
async def main():
    store = SqliteStore(Path(sys.argv[1]), 1_000_000)
    await store.open("boot-a")
    n = 0
    while True:
        await store.append([Row(k, item(k)) for k in range(n + 1, n + 4)])
        n += 3
        print(n, flush=True)
asyncio.run(main())
"""


def test_a_killed_process_has_kept_all_that_it_promised(tmp_path):
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": f"{here.parent}:{here.parents[2]}"}
    for turn in range(3):
        folder = tmp_path / str(turn)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True, env=environment
        ) as writer:
            promised = [int(writer.stdout.readline()) for _ in range(5 + 7 * turn)][-1]
            writer.send_signal(signal.SIGKILL)
            promised = max([promised, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
        found = use(folder, everything)
        assert [row.number for row in found][:promised] == list(range(1, promised + 1))
        assert all(row.record == item(row.number) for row in found)
