"""The files in the outbox's folder: who may read them, how many are kept, and what is in their way."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import threading

import pytest
from test_sqlite_store import fill, item, opened, rows, use

from agent.outbox import Gap, Previous, files
from agent.outbox.runs import RunRecord
from agent.outbox.sqlite import SqliteStore
from agent.outbox.witness import Witness


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestFilesThatHoldData:
    def test_are_for_owner_and_group_only_whatever_the_umask(self, tmp_path, umask):
        folder = tmp_path / "state"

        async def story(store, _):
            await store.append(rows(1, 3))
            return {one.name: mode(one) for one in folder.iterdir()}

        modes = use(folder, story)
        assert len(modes) == 5, modes
        assert set(modes.values()) == {0o640}
        assert mode(folder) == 0o750

    def test_are_closed_to_others_where_they_were_open(self, tmp_path):
        fill(tmp_path)
        for file in tmp_path.iterdir():
            file.chmod(0o666)
        use(tmp_path, opened)
        assert {mode(file) for file in tmp_path.iterdir()} == {0o640}

    def test_are_opened_to_the_owner_who_had_lost_them(self, tmp_path):
        fill(tmp_path, 40)
        (tmp_path / "outbox.db").chmod(0)
        assert use(tmp_path, opened).rows == 40

    def test_are_closed_to_others_when_they_are_set_aside(self, tmp_path, umask):
        fill(tmp_path, 40)
        (tmp_path / "outbox.db").write_bytes(b"no database")
        use(tmp_path, opened)
        assert {mode(file) for file in tmp_path.glob("outbox.*")} == {0o640}

    def test_lie_in_a_folder_that_keeps_its_mode_if_it_was_there(self, tmp_path):
        tmp_path.chmod(0o755)
        use(tmp_path, opened)
        assert mode(tmp_path) == 0o755


class TestWhatIsSetAside:
    def test_is_kept_five_times_at_most(self, tmp_path):
        for turn in range(9):
            (tmp_path / "outbox.db").write_bytes(b"no database %d" % turn)
            use(tmp_path, opened, f"run-{turn}")
        kept = sorted(file.read_bytes() for file in tmp_path.glob("outbox.corrupt-*.db"))
        assert kept == [b"no database %d" % turn for turn in range(4, 9)]

    def test_is_kept_as_long_as_it_is_small_but_the_newest_always(self, tmp_path):
        for turn in range(4):
            (tmp_path / "outbox.db").write_bytes(bytes([65 + turn]) * 900_000)
            use(tmp_path, opened, f"run-{turn}")
        kept = sorted(file.read_bytes()[:1] for file in tmp_path.glob("outbox.corrupt-*.db"))
        assert kept == [b"C", b"D"]

    def test_takes_its_folders_and_logs_along(self, tmp_path):
        for turn in range(9):
            use(tmp_path, opened, f"run-{turn}")
            for suffix in ("-wal", "-shm"):
                (tmp_path / f"outbox.db{suffix}").unlink(missing_ok=True)
                (tmp_path / f"outbox.db{suffix}").mkdir()
                (tmp_path / f"outbox.db{suffix}" / "something").write_text("in it")
        assert len(list(tmp_path.glob("outbox.corrupt-*-wal"))) == 5

    def test_twice_in_a_run_is_kept_twice(self, tmp_path):
        for _ in range(2):
            (tmp_path / "outbox.db").write_bytes(b"no database")
            use(tmp_path, opened, "the-run")
        assert len(list(tmp_path.glob("outbox.corrupt-*.db"))) == 2


class TestWhatIsInTheWay:
    @pytest.mark.parametrize("name", ["outbox.db-witness", "outbox.db-witness2", "outbox.db-witness.new"])
    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_of_the_witness_is_replaced(self, tmp_path, name, make):
        make(tmp_path / name)
        use(tmp_path, opened)
        assert use(tmp_path, opened, "boot-b").previous == Previous("boot-a", None, False)
        assert Witness(tmp_path / "outbox.db").read()[-1] == RunRecord("boot-b")

    @pytest.mark.parametrize("name", ["outbox.new.db", "outbox.salvage.db", "outbox.probe-1"])
    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_of_a_recovery_is_removed(self, tmp_path, name, make):
        fill(tmp_path, 40)
        file = tmp_path / "outbox.db"
        file.write_bytes(b"X" * 16 + file.read_bytes()[16:])
        make(tmp_path / name)
        assert use(tmp_path, opened).rows == 40
        assert not (tmp_path / name).exists()

    def test_and_is_far_larger_than_ours_is_neither_copied_nor_read_to_its_end(self, tmp_path, mocker):
        (tmp_path / "outbox.db").touch()
        os.truncate(tmp_path / "outbox.db", 1 << 40)
        copied = mocker.spy(shutil, "copyfile")
        assert use(tmp_path, opened).rows == 0
        assert copied.call_count == 0


class TestARecoveryThatIsCutShort:
    def test_between_its_two_renames_goes_on_at_the_next_start(self, tmp_path, monkeypatch):
        fill(tmp_path, 40)
        file = tmp_path / "outbox.db"
        file.write_bytes(b"X" * 16 + file.read_bytes()[16:])
        with monkeypatch.context() as patched:

            def power_cut(*_):
                files_set_aside(*_)
                raise OSError(5, "power cut")

            files_set_aside = files.set_aside
            patched.setattr(files, "set_aside", power_cut)
            with pytest.raises(OSError, match="power cut"):
                use(tmp_path, opened, "boot-b")
        assert not file.exists()
        contents = use(tmp_path, opened, "boot-c")
        assert contents.rows == 40

    def test_before_that_begins_again_at_the_next_start(self, tmp_path, monkeypatch):
        fill(tmp_path, 40)
        file = tmp_path / "outbox.db"
        file.write_bytes(b"X" * 16 + file.read_bytes()[16:])
        with monkeypatch.context() as patched:
            patched.setattr(files, "set_aside", lambda *_: (_ for _ in ()).throw(OSError(5, "power cut")))
            with pytest.raises(OSError, match="power cut"):
                use(tmp_path, opened, "boot-b")
        contents = use(tmp_path, opened, "boot-c")
        assert contents.rows == 40
        assert contents.previous == Previous("boot-a", 40, False)


class TestADiskThatIsToBlame:
    def test_with_no_descriptor_left_is_not_taken_for_a_damaged_file(self, tmp_path, monkeypatch):
        fill(tmp_path, 40)

        def none_left(_):
            raise OSError(24, "Too many open files")

        with monkeypatch.context() as patched:
            patched.setattr(files.os, "dup", none_left)
            with pytest.raises(OSError, match="Too many"):
                use(tmp_path, opened)
        assert use(tmp_path, opened).rows == 40

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_that_may_not_be_written_keeps_the_file_as_it_is(self, tmp_path):
        fill(tmp_path, 40)
        tmp_path.chmod(0o500)
        with pytest.raises(OSError, match="Permission"):
            use(tmp_path, opened)
        tmp_path.chmod(0o700)
        assert use(tmp_path, opened).rows == 40


class TestAThreadThatTheDiskKeeps:
    def test_finishes_what_nothing_waits_for_any_more_before_it_takes_the_next(self, tmp_path):
        """An agent that ends cancels what is under way, and then has the rest stored."""

        async def story():
            store = SqliteStore(tmp_path, 1_000_000)
            await store.open("boot-a")
            storing = asyncio.create_task(store.append(rows(1, 2)))
            await asyncio.sleep(0)
            storing.cancel()
            await store.append(rows(3, 4))
            await store.close(4)

        asyncio.run(story())
        assert use(tmp_path, opened, "boot-b").previous == Previous("boot-a", 4, True)
        assert use(tmp_path, opened, "boot-c").rows == 4

    def test_is_given_nothing_more_until_it_returns(self, tmp_path, monkeypatch):
        go_on = threading.Event()

        async def story():
            store = SqliteStore(tmp_path, 1_000_000)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(store.open("boot-a"), 0.05)
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(store.append(rows(7, 9)), 0.01)
            go_on.set()
            await store.open("boot-a")
            await store.append(rows(1, 2))
            await store.close(2)

        try_disk = files.try_disk
        monkeypatch.setattr(files, "try_disk", lambda folder: (go_on.wait(), try_disk(folder)))
        asyncio.run(story())
        assert use(tmp_path, opened, "boot-b").rows == 2


class TestAWitness:
    RUNS = (RunRecord("a", 3, 9, 4), RunRecord("b", 10, 9, 0, clean=True), RunRecord("c"))

    def test_tells_what_waits_of_earlier_runs_and_of_the_last_one_all(self, tmp_path):
        Witness(tmp_path / "db").write(self.RUNS)
        assert Witness(tmp_path / "db").read() == [self.RUNS[0], self.RUNS[2]]

    def test_is_believed_by_its_newer_copy(self, tmp_path):
        Witness(tmp_path / "db").write(self.RUNS)
        older = (tmp_path / "db-witness").read_bytes()
        again = Witness(tmp_path / "db")
        again.read()
        again.write(self.RUNS[:1])
        (tmp_path / "db-witness").write_bytes(older)
        assert Witness(tmp_path / "db").read() == [self.RUNS[0]]

    @pytest.mark.parametrize("content", [b"", b"x" * 40, b"limpet outbox witness 1 7\n", b"\n" * 9, b"\xff" * 99])
    def test_with_one_damaged_copy_is_read_from_the_other(self, tmp_path, content):
        Witness(tmp_path / "db").write(self.RUNS)
        (tmp_path / "db-witness").write_bytes(content)
        assert Witness(tmp_path / "db").read() == [self.RUNS[0], self.RUNS[2]]
        (tmp_path / "db-witness2").write_bytes(content)
        assert Witness(tmp_path / "db").read() is None
        assert Witness(tmp_path / "db").exists()

    def test_is_written_seldom(self, tmp_path, mocker):
        written = mocker.spy(Witness, "write")

        async def story(store, _):
            for number in range(1, 50):
                await store.append(rows(number, number))
                await store.delete([number])
            await store.close(49)

        use(tmp_path, story)
        assert written.call_count == 2, "at the start and at the end"


class TestAFileOfAnotherTime:
    def test_declares_what_only_the_witness_knows(self, tmp_path):
        fill(tmp_path, 10)
        before = {file.name: file.read_bytes() for file in tmp_path.glob("outbox.db")}

        async def story(store, _):
            await store.append([*(row._replace(number=row.number + 100) for row in rows(11, 30))])
            await store.close(30)

        use(tmp_path, story)
        for name, content in before.items():
            (tmp_path / name).write_bytes(content)
        contents = use(tmp_path, opened, "boot-b")
        assert contents.previous == Previous("boot-a", 30, True)
        assert [row.record for row in contents.gaps] == [Gap("boot-a", 1 + contents.rows, 30, "corrupt")]
        assert contents.lost == 30 - contents.rows


def test_no_gap_that_the_store_declares_has_a_number_that_a_batch_may_get(tmp_path):
    fill(tmp_path, 40)
    file = tmp_path / "outbox.db"
    content = bytearray(file.read_bytes())
    at = content.index(item(20).body[:40])
    content[at - 60 : at] = bytes(60)
    file.write_bytes(content)
    assert all(row.number < 0 for row in use(tmp_path, opened, "boot-b").gaps)
