"""The command `limpet ingest`: what it takes, what its report says, and its exit codes."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import pytest
from published import batch, delivery, gap, harvest, info

from agent.cli import ingest, main
from agent.ingest.jetstream import JetStreamSource
from agent.ingest.mqtt import MqttSource
from agent.ingest.sqlite import Sqlite

NOW = "2026-11-28T10:00:00.000Z"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own, without a configuration, to run in."""
    monkeypatch.chdir(tmp_path)
    for name in ("LIMPET_CONFIG", "LIMPET_MQTT_PASSWORD", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def stored(folder):
    """A database with a run that lacks a number, and one that lacks none."""
    store = Sqlite(folder / "limpet-data.db")
    said = [delivery(batch(one)) for one in (1, 2, 4)]
    said += [delivery(gap(6, 7), "gap"), delivery(batch(1, device="b-simulated", simulated=True), device="b-simulated")]
    said.append(delivery(info("run-b", {"bootId": "run-a", "lastSeq": 9, "clean": False}), "info"))
    store.store(harvest(*said), NOW)
    store.close()
    return store


class TestTheReport:
    def test_for_people_names_what_is_missing_and_fails(self, stored, capsys):
        assert main.main(["ingest", "--report"]) == 1
        shown = capsys.readouterr()
        assert "b-simulated (simulated)" in shown.out
        assert "not clean, at 9" in shown.out
        assert "greenhouse-1: missing without a word of run run-a: 3, 5, 8..9" in shown.err

    def test_as_json_is_one_document(self, stored, capsys):
        assert main.main(["ingest", "--report", "--json"]) == 1
        runs = {(one.pop("deviceId"), one.pop("bootId")): one for one in json.loads(capsys.readouterr().out)}
        assert runs["greenhouse-1", "run-a"] == {
            "received": 3, "declared": 2, "undeclared": 4, "twice": 0, "lastHeard": NOW,
            "ended": {"lastSeq": 9, "clean": False},
        }  # fmt: skip
        assert runs["b-simulated", "run-a"]["simulated"] is True
        assert runs["greenhouse-1", "run-b"]["ended"] is None

    def test_is_0_where_nothing_is_missing(self, folder, capsys):
        store = Sqlite(folder / "mine.db")
        store.store(harvest(delivery(batch(1))), NOW)
        store.close()
        assert main.main(["ingest", "--report", "--database", "sqlite:///mine.db"]) == 0

    def test_of_nothing_says_so(self, folder, capsys):
        assert main.main(["ingest", "--report"]) == 1
        assert "there is no limpet-data.db" in capsys.readouterr().err
        assert not (folder / "limpet-data.db").exists()
        sqlite3.connect(folder / "limpet-data.db").execute("CREATE TABLE other (x)").connection.close()
        assert main.main(["ingest", "--report"]) == 1
        (folder / "limpet-data.db").write_bytes(b"no database at all" * 100)
        assert main.main(["ingest", "--report"]) == 1

    def test_of_a_server_that_is_away_fails_without_its_password(self, folder, capsys):
        pytest.importorskip("psycopg")
        assert main.main(["ingest", "--report", "--database", "postgresql://u:secret@127.0.0.1:1/d"]) == 1
        assert "secret" not in capsys.readouterr().err


class TestWhatItTakes:
    @pytest.mark.parametrize(
        "words",
        [["--database", "x"], ["--database", "sqlite:///"], ["--database", "mysql://u:secret@h/d"], ["--source", "h"],
         ["--source", "http://h"], ["--source", "mqtt://"], ["--source", "mqtt://a,b"], ["--source", "nats://a,,b"],
         ["--source", "mqtt://h:0"], ["--source", "mqtt://h:99999"], ["--source", "mqtt://u:secret@h:x"],
         ["--group", "a/b"], ["--group", ""], ["--group", "+"], ["--topic-root", "a/#"], ["--topic-root", "/a"],
         ["--topic-root", ""], ["--topic-root", "$share/x"]],
        ids=" ".join,
    )  # fmt: skip
    def test_is_checked(self, words, folder, capsys):
        with pytest.raises(SystemExit) as end:
            main.main(["ingest", *words])
        assert end.value.code == 2
        assert "secret" not in capsys.readouterr().err

    @pytest.mark.parametrize(
        "password", ["sec@ret", "sec:ret", "sec/ret", "sec%zzret", "sec#ret", "sec ret", "1/sec@ret", "?sec@ret"]
    )
    def test_a_password_with_signs_of_a_url_is_wrong_and_not_shown(self, folder, capsys, password):
        for words in (["--database", f"postgresql://u:{password}@h/d"], ["--source", f"mqtt://u:{password}@h"]):
            with pytest.raises(SystemExit) as end:
                main.main(["ingest", *words])
            assert end.value.code == 2
            said = capsys.readouterr().err
            assert "sec" not in said
            assert "PGPASSWORD" in said or "LIMPET_MQTT_PASSWORD" in said

    def test_a_source_with_a_password_is_wrong(self, folder, capsys):
        for scheme in ("mqtt", "nats"):
            with pytest.raises(SystemExit):
                main.main(["ingest", "--source", f"{scheme}://u:word@h"])
            assert "word@" not in capsys.readouterr().err

    @pytest.mark.parametrize("word", ["passWord", "p%61ssword", "password"])
    def test_what_follows_the_name_of_a_database_is_not_shown(self, folder, capsys, word):
        pytest.importorskip("psycopg")
        with contextlib.suppress(SystemExit):
            main.main(["ingest", "--report", "--database", f"postgresql://u@127.0.0.1:1/d?{word}=secret"])
        assert "secret" not in capsys.readouterr().err

    def test_a_url_that_libpq_does_not_take_is_wrong(self, folder, capsys):
        pytest.importorskip("psycopg")
        with pytest.raises(SystemExit) as end:
            main.main(["ingest", "--database", "postgresql://u@h/d?colour=red"])
        assert end.value.code == 2
        assert "colour" in capsys.readouterr().err

    def test_another_password_makes_no_other_worker(self, made):
        ids = set()
        for password in ("one", "two"):
            source, _ = made("--database", f"postgresql://u:{password}@h/d")
            ids.add(source._address.client_id)
        assert len(ids) == 1

    def test_a_group_needs_mqtt_5(self, made, folder, capsys):
        (folder / "limpet.toml").write_text('[mqtt]\nversion = "3.1.1"\n')
        made()
        with pytest.raises(SystemExit) as end:
            made("--group", "store")
        assert end.value.code == 2
        assert "leave mqtt.version out" in capsys.readouterr().err

    def test_a_configuration_that_is_wrong_is_78(self, folder, capsys):
        (folder / "limpet.toml").write_text("[mqtt]\nhots = 'x'\n")
        assert main.main(["ingest"]) == 78

    @pytest.fixture
    def made(self, folder, monkeypatch):
        """Return a function that runs it up to the work, and returns its source and root."""
        found = []
        monkeypatch.setattr(ingest, "_work", lambda source, database, root: found.append((source, root)) or 0)

        def run(*words: str):
            assert main.main(["ingest", *words]) == 0
            return found.pop()

        return run

    def test_login_and_tls_are_those_of_the_configuration(self, made, folder):
        (folder / "word").write_text("secret")
        (folder / "word").chmod(0o600)
        (folder / "limpet.toml").write_text(
            '[mqtt]\nhost = "b.local"\nusername = "store"\npassword_file = "word"\ntopic_root = "site/x"\n[mqtt.tls]\n'
        )
        source, root = made()
        address = source._address
        assert (address.host, address.port, address.username, root) == ("b.local", 8883, "store", "site/x")
        assert address.password() == "secret"
        assert made("--source", "mqtt://other")[0]._address.host == "other"
        assert made("--topic-root", "y")[1] == "y"

    @pytest.mark.parametrize(
        ("source", "where"),
        [
            ("mqtt://h", ("h", 1883)),
            ("mqtt://h:99", ("h", 99)),
            ("mqtts://h", ("h", 8883)),
            ("mqtt://[::1]:7", ("::1", 7)),
        ],
    )
    def test_a_broker_has_a_port(self, made, source, where):
        address = made("--source", source)[0]._address
        assert (address.host, address.port) == where

    def test_nats_has_several_servers(self, made):
        pytest.importorskip("nats")
        source, _ = made("--source", "nats://a,b:5000,[::1]:4", "--group", "store", "--topic-root", "site/x")
        assert isinstance(source, JetStreamSource)
        assert source._address.servers == ("nats://a", "nats://b:5000", "nats://[::1]:4")
        assert source._durable == "store-site-x"

    def test_what_is_not_installed_is_named(self, folder, monkeypatch, capsys):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert main.main(["ingest", "--database", "postgresql://h/d", "--source", "nats://a"]) == 1
        assert "psycopg and nats: pip install 'limpet[ingest]'" in capsys.readouterr().err

    def test_a_folder_that_cannot_be_written_is_named_with_a_cure(self, made, folder, capsys):
        (folder / ".limpet-ingest").write_text("in the way")
        with pytest.raises(SystemExit) as end:
            main.main(["ingest"])
        assert end.value.code == 1
        assert "fix:" in capsys.readouterr().err

    def test_each_purpose_has_ids_of_its_own(self, made):
        ids = {made(*words)[0]._address.client_id for words in ([], ["--group", "g"], ["--database", "sqlite:///x.db"])}
        assert len(ids) == 3
        assert isinstance(made()[0], MqttSource)


class TestTheTables:
    def test_are_printed_as_sql_that_works(self, capsys):
        assert main.main(["schema", "database"]) == 0
        with sqlite3.connect(":memory:") as connection:
            connection.executescript(capsys.readouterr().out)
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert names == {"batch", "reading", "fault", "gap", "rejected", "run", "ledger"}

    def test_are_one_document_as_json(self, capsys):
        assert main.main(["schema", "database", "--json"]) == 0
        tables = json.loads(capsys.readouterr().out)
        assert [one["name"] for one in tables["gap"]["columns"]] == [
            "device_id", "boot_id", "from", "to", "reason", "timestamp"
        ]  # fmt: skip
