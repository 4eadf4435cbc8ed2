"""`limpet outbox`: what waits on the disk, told and exported beside a store that is open."""

import asyncio
import contextlib
import json
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from agent.cli import main
from agent.outbox import Item, Row
from agent.outbox.reader import OutboxReader
from agent.outbox.sqlite import SqliteStore


def body(number):
    return json.dumps({"seq": number, "timestamp": f"2026-11-23T12:00:0{number}.000Z", "name": "ü"}).encode()


@contextlib.contextmanager
def store(folder, count):
    """A store of so many batches, still open as in a running agent."""
    runner = asyncio.Runner()
    opened = SqliteStore(folder, 1_000_000)
    runner.run(opened.open("boot-a"))
    rows = [Row(n, Item("boot-a", n, 100.5 + n, "machine-1", body(n))) for n in range(1, count + 1)]
    runner.run(opened.append(rows))
    yield opened
    runner.run(opened.close(count))
    runner.close()


@pytest.fixture
def limpet(tmp_path, monkeypatch, capsys):
    """Return a function that runs `limpet outbox` with state in tmp_path/state: exit code, stdout, stderr."""
    (tmp_path / "limpet.toml").write_text('[agent]\nstate_dir = "state"\n[[sensor]]\nid = "air"\ndriver = "sht4x"\n')
    monkeypatch.setenv("LIMPET_CONFIG", str(tmp_path / "limpet.toml"))

    def run(*words):
        code = main.main(["outbox", *words])
        return code, *capsys.readouterr()

    return run


class TestBesideAnOpenStore:
    def test_tells_number_bytes_oldest_and_durability(self, limpet, tmp_path):
        with store(tmp_path / "state", 3):
            code, out, _ = limpet("--json")
        document = json.loads(out)
        assert code == 0
        assert (document["number"], document["bytes"]) == (3, 3 * len(body(1)))
        assert (document["oldest"], document["durability"]) == ("2026-11-23T12:00:01.000Z", "outage")

    def test_exports_the_batches_as_json_lines_oldest_first(self, limpet, tmp_path):
        with store(tmp_path / "state", 5):
            code, _, err = limpet("--export", str(tmp_path / "out.jsonl"))
        lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
        assert (code, err) == (0, "5 batches\n")
        assert lines == [body(n) for n in range(1, 6)]

    def test_exports_for_owner_and_group_only(self, limpet, tmp_path):
        before = os.umask(0)
        with store(tmp_path / "state", 5):
            limpet("--export", str(tmp_path / "out.jsonl"))
        os.umask(before)
        assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == 0o640

    def test_names_the_group_to_those_who_are_not_in_it(self, limpet, monkeypatch):
        def shut(file, **more):
            if file.name == "outbox.db":
                raise PermissionError(13, "Permission denied", str(file))
            return found(file, **more)

        found = Path.stat
        monkeypatch.setattr(Path, "stat", shut)
        code, _, err = limpet()
        assert code == 1
        assert "group limpet" in err
        assert "usermod -aG limpet" in err

    def test_changes_nothing_and_does_not_hinder_the_store(self, tmp_path):
        with store(tmp_path, 2) as opened, OutboxReader(opened.file) as reader:
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader._database.execute("DELETE FROM batch")
            waiting = reader.batches()
            next(waiting)
            asyncio.run(opened.append([Row(3, Item("boot-a", 3, 1.0, "m", body(3)))]))
            assert reader.summary().number >= 2

    def test_tells_damaged_batches_and_exports_the_others(self, limpet, tmp_path):
        with store(tmp_path / "state", 3):
            pass
        with contextlib.closing(sqlite3.connect(tmp_path / "state" / "outbox.db")) as database, database:
            database.execute("UPDATE batch SET body = x'7b' WHERE number = 2")
        code, _, err = limpet("--export", str(tmp_path / "out.jsonl"))
        assert (code, err) == (1, "2 batches, 1 more are damaged\n")
        assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 2


class TestWithoutAStore:
    def test_tells_that_nothing_waits(self, limpet):
        code, out, _ = limpet("--json")
        assert (code, json.loads(out)["number"]) == (0, 0)

    def test_exports_an_empty_file(self, limpet, tmp_path):
        assert limpet("--export", str(tmp_path / "out.jsonl"))[0] == 0
        assert (tmp_path / "out.jsonl").read_bytes() == b""

    def test_ends_with_1_when_the_file_is_none_of_ours(self, limpet, tmp_path):
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "outbox.db").write_bytes(b"not a database" * 100)
        code, _, err = limpet()
        assert code == 1
        assert "outbox.db" in err
