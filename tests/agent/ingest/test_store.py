"""Both databases: each batch once, whatever comes twice, in whatever order, by however many workers."""

from __future__ import annotations

import threading
from random import Random

import pytest
from published import TIME, batch, batches, delivery, gap, harvest, info

from agent.ingest.database import DatabaseError, DatabaseRefused, NoTables
from agent.ingest.report import report
from agent.ingest.sqlite import Sqlite
from agent.messages import blocks

NOW = "2026-11-28T10:00:00.000Z"


def counts(store) -> dict:
    return {
        (one.device_id, one.boot_id): (one.received, one.declared, one.undeclared, one.twice)
        for one in report(store.runs())
    }


class TestRows:
    def test_have_the_names_of_the_payloads_fields(self, store, ask):
        one = batch(7, unchanged=["air.pressure"])
        one["readings"][0] |= {"min": 20.0, "max": 22.5, "n": 10, "missed": 1}
        one["readings"].append(
            {"sensorId": "tank", "quantity": "distance", "value": 3, "unit": "mm", "status": "stale", "age": 3.5,
             "timestamp": "2026-11-23T11:59:50.000Z"}
        )  # fmt: skip
        store.store(harvest(delivery(one)), NOW)
        assert ask(
            "SELECT device_id, boot_id, seq, clock, trigger, interval, degraded, unchanged, simulated FROM batch"
        ) == [("greenhouse-1", "run-a", 7, "synced", "interval", 10.0, True, '["air.pressure"]', False)]
        assert ask(
            "SELECT seq, sensor_id, quantity, value, unit, status, age, reason, source, min, max, n, missed"
            " FROM reading ORDER BY sensor_id"
        ) == [
            (7, "air", "temperature", 21.4, "°C", "ok", None, None, None, 20.0, 22.5, 10, 1),
            (7, "tank", "distance", 3.0, "mm", "stale", 3.5, None, None, None, None, None, None),
        ]
        assert ask("SELECT sensor_id, quantity, error, message, attempts, breaker, retry_after FROM fault") == [
            ("tank", None, "NoAcknowledge", "nobody", 3, "open", 12.5)
        ]

    def test_keep_the_times_that_they_came_with(self, store, ask):
        store.store(harvest(delivery(batch(1)), delivery(gap(2, 3), "gap")), NOW)
        times = [*ask("SELECT timestamp FROM batch")[0], *ask("SELECT timestamp FROM reading")[0]]
        times += [*ask("SELECT timestamp FROM gap")[0]]
        assert {one if isinstance(one, str) else one.isoformat() for one in times} <= {
            TIME, "2026-11-23T12:00:00.123000+00:00"
        }  # fmt: skip

    def test_hold_a_gap_as_it_was_declared(self, store, ask):
        for _ in range(2):
            store.store(harvest(delivery(gap(4, 6), "gap")), NOW)
        assert ask('SELECT device_id, boot_id, "from", "to", reason FROM gap') == [
            ("greenhouse-1", "run-a", 4, 6, "full")
        ]

    def test_of_a_simulation_say_so(self, store, ask):
        one = batch(1, device="a-simulated", simulated=True)
        store.store(harvest(delivery(one, device="a-simulated")), NOW)
        assert [tuple(map(bool, row)) for row in ask("SELECT simulated FROM batch")] == [(True,)]
        assert next(iter(report(store.runs()))).document["simulated"] is True

    def test_keep_a_quantity_that_is_there_twice(self, store, ask):
        one = batch(1)
        one["readings"] *= 2
        store.store(harvest(delivery(one)), NOW)
        assert ask("SELECT count(*) FROM reading") == [(2,)]

    def test_take_what_no_database_takes_in_a_text_for_a_sign(self, store, ask):
        one = batch(1)
        one["faults"][0]["message"] = "a\0b\ud800c"
        store.store(harvest(delivery(one)), NOW)
        assert ask("SELECT message FROM fault") == [("a\ufffdb\ufffdc",)]


class TestABatch:
    def test_is_stored_once_however_often_it_comes(self, store, ask):
        store.store(batches(1, 2, 2), NOW)
        store.store(batches(2, 3), NOW)
        assert ask("SELECT seq FROM batch ORDER BY seq") == [(1,), (2,), (3,)]
        assert ask("SELECT count(*) FROM reading") == [(3,)]
        assert counts(store) == {("greenhouse-1", "run-a"): (3, 0, 0, 2)}

    def test_is_known_after_its_row_was_deleted(self, store, ask):
        store.store(batches(1, 2), NOW)
        for table in ("batch", "reading"):
            store._connection.execute(f"DELETE FROM {table} WHERE seq = 1")
        store.store(batches(1), NOW)
        assert ask("SELECT seq FROM batch") == ask("SELECT seq FROM reading") == [(2,)]

    def test_with_the_largest_number_does_no_harm(self, store):
        store.store(batches(2**63 - 1, 2**63 - 2, 1), NOW)
        store.store(batches(2**63 - 1), NOW)
        assert counts(store) == {("greenhouse-1", "run-a"): (3, 0, 2**63 - 4, 1)}

    def test_of_a_block_counts_for_itself(self, store, ask):
        lines = [delivery(batch(1)).payload, b"not json", delivery(batch(2)).payload]
        store.store(harvest(delivery(blocks.block(lines), "backfill")), NOW)
        assert counts(store) == {("greenhouse-1", "run-a"): (2, 0, 0, 0)}
        assert len(ask("SELECT reason FROM rejected")) == 1

    def test_of_a_block_may_end_its_line(self, store, ask):
        ended = [delivery(batch(one)).payload for one in (1, 2)] + [b""]
        store.store(harvest(delivery(blocks.block(ended), "backfill")), NOW)
        assert counts(store) == {("greenhouse-1", "run-a"): (2, 0, 0, 0)}
        assert ask("SELECT reason FROM rejected") == []

    def test_of_another_schema_is_shown_as_it_came(self, store, ask):
        store.store(harvest(delivery(batch(1, schema="1"))), NOW)
        assert ask("SELECT reason FROM rejected") == [("schema is '1', and only 1 is known here",)]


class TestTheLedger:
    def test_is_the_same_in_any_order(self, store, ask):
        said = [delivery(batch(one)) for one in (1, 2, 3, 5, 8, 9)]
        said += [delivery(gap(*one), "gap") for one in ((4, 6), (5, 7), (9, 9))]
        said.append(delivery(info("run-b", {"bootId": "run-a", "lastSeq": 11, "clean": True}), "info"))
        for seed in range(5):
            for table in ("run", "ledger", "batch", "gap", "reading", "fault"):
                store.open()
                store._connection.execute(f"DELETE FROM {table}")
            shuffled = list(said)
            Random(seed).shuffle(shuffled)
            for at in range(0, len(shuffled), 3):
                store.store(harvest(*shuffled[at : at + 3]), NOW)
            assert counts(store)["greenhouse-1", "run-a"] == (6, 3, 2, 0)
            assert ask('SELECT kind, "from", "to" FROM ledger ORDER BY kind, 2') == [
                ("declared", 4, 7), ("declared", 9, 9), ("received", 1, 3), ("received", 5, 5), ("received", 8, 9)
            ]  # fmt: skip

    def test_says_how_a_run_ended(self, store):
        store.store(harvest(delivery(info("b", {"bootId": "a", "lastSeq": None, "clean": False}), "info")), NOW)
        ends = {one.boot_id: one.document["ended"] for one in report(store.runs())}
        assert ends == {"a": {"last_seq": None, "clean": False}, "b": None}

    def test_is_not_moved_by_a_retained_document(self, store):
        store.store(harvest(delivery(info("b", None), "info", retained=True)), NOW)
        assert [one.last_heard for one in report(store.runs())] == [None]

    @pytest.mark.longest(60)
    def test_is_right_when_two_workers_add_to_one_run_at_once(self, store, another, ask):
        store.open()
        numbers = [*range(1, 121), *range(1, 121, 3)]
        Random(3).shuffle(numbers)
        errors = []

        def work(database, mine):
            try:
                for at in range(0, len(mine), 4):
                    database.store(batches(*mine[at : at + 4]), NOW)
            except BaseException as error:  # noqa: BLE001
                errors.append(error)

        threads = [
            threading.Thread(target=work, args=(one, numbers[half::2])) for half, one in enumerate((store, another))
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert not errors
        assert counts(store) == {("greenhouse-1", "run-a"): (120, 0, 0, 40)}
        assert ask('SELECT "from", "to" FROM ledger') == [(1, 120)]
        assert ask("SELECT count(*) FROM reading") == [(120,)]


class TestTwins:
    def test_are_named(self, store):
        for minute in range(4):
            now = f"2026-11-28T10:{minute:02d}:00.000Z"
            for run in ("run-a", "run-b"):
                store.store(batches(minute + 1, run=run), now)
        assert {one.boot_id: one.twin for one in report(store.runs())} == {"run-a": "run-b", "run-b": "run-a"}

    def test_are_not_taken_for_a_restart_with_history(self, store):
        store.store(batches(1, run="run-a"), "2026-11-28T10:00:00.000Z")
        store.store(batches(1, run="run-b"), "2026-11-28T10:01:00.000Z")
        store.store(harvest(delivery(batch(2, run="run-a", historical=True), "backfill")), "2026-11-28T10:09:00.000Z")
        store.store(batches(2, run="run-b"), "2026-11-28T10:10:00.000Z")
        assert {one.twin for one in report(store.runs())} == {None}


class TestWhatIsRejected:
    def test_is_kept_once_with_its_reason(self, store, ask):
        for _ in range(3):
            store.store(harvest(delivery(b"\x00\xff not json"), delivery(b"{}", "gap")), NOW)
        rows = ask("SELECT topic, reason FROM rejected ORDER BY topic")
        assert [topic for topic, _ in rows] == ["limpet/greenhouse-1/batch", "limpet/greenhouse-1/gap"]
        assert all(reason for _, reason in rows)

    def test_is_bounded(self, store, ask, monkeypatch):
        monkeypatch.setattr("agent.ingest.storing.MOST_REJECTED", 5)
        for number in range(20):
            store.store(harvest(delivery(f"wrong {number}".encode())), f"2026-11-28T10:00:{number:02d}.000Z")
        assert [payload for (payload,) in ask("SELECT payload FROM rejected ORDER BY timestamp")] == [
            f"wrong {number}" for number in range(15, 20)
        ]


class TestNames:
    @pytest.mark.parametrize("name", ["x" * 600, "\U0001f41a" * 150, "'; DROP TABLE batch; --", "%s ? $1"])
    def test_may_be_long_and_odd(self, store, ask, name):
        one = batch(1, device=name, run=name)
        one["readings"][0] |= {"sensorId": name, "quantity": name}
        odd = [delivery(one, device=name), delivery(gap(2, 3, run=name, reason=name), "gap", name)]
        store.store(harvest(*odd), NOW)
        assert counts(store) == {(name, name): (1, 2, 0, 0)}
        assert ask("SELECT device_id, sensor_id FROM reading") == [(name, name)]

    def test_that_are_longer_are_none(self, store, ask):
        store.store(harvest(delivery(batch(1, run="x" * 601)), delivery(gap(1, 2, reason="x" * 601), "gap")), NOW)
        assert len(ask("SELECT reason FROM rejected")) == 2


class TestADatabase:
    @pytest.mark.parametrize("table", ["batch", "reading", "run", "ledger"])
    def test_of_which_a_table_was_dropped_gets_it_again(self, store, ask, table):
        store.store(harvest(delivery(batch(1))), NOW)
        store._connection.execute(f"DROP TABLE {table}")
        with pytest.raises(DatabaseError):
            store.store(harvest(delivery(batch(2))), NOW)
        store.store(harvest(delivery(batch(2))), NOW)
        assert ask(f"SELECT count(*) > 0 FROM {table}") == [(True,)]

    def test_that_refuses_a_value_says_so(self, store):
        one = batches(1)
        one.batches[0].fields["timestamp"] = None
        with pytest.raises(DatabaseRefused):
            store.store(one, NOW)
        store.store(batches(1), NOW)
        assert counts(store) == {("greenhouse-1", "run-a"): (1, 0, 0, 0)}

    def test_in_a_file_that_was_removed_is_made_again(self, tmp_path):
        from agent.ingest.sqlite import Sqlite

        made = Sqlite(tmp_path / "data.db")
        made.store(batches(1), NOW)
        for file in tmp_path.glob("data.db*"):
            file.unlink()
        made.store(batches(2), NOW)
        assert counts(made) == {("greenhouse-1", "run-a"): (1, 0, 1, 0)}
        made.close()

    def test_in_which_nothing_was_stored_has_no_report(self, store):
        with pytest.raises(NoTables):
            list(store.runs())

    def test_that_fails_in_mid_transaction_has_stored_nothing(self, store, ask, monkeypatch):
        store.open()

        def fail(*_):
            raise OSError("out")

        monkeypatch.setattr("agent.ingest.storing._add_batches", fail)
        with pytest.raises(OSError, match="out"):
            store.store(batches(1), NOW)
        monkeypatch.undo()
        assert ask("SELECT count(*) FROM run") == ask("SELECT count(*) FROM ledger") == [(0,)]
        store.store(batches(1), NOW)
        assert counts(store) == {("greenhouse-1", "run-a"): (1, 0, 0, 0)}

    def test_that_is_away_says_so(self, tmp_path):
        from agent.ingest.sqlite import Sqlite

        with pytest.raises(DatabaseError):
            Sqlite(tmp_path / "no" / "folder.db").open()


class TestManyIntervals:
    # A run of which each second batch was given up (`when_full = "thin"`) leaves an interval for each of the others.
    def test_of_one_run_are_not_walked_through_for_each_batch(self, tmp_path):
        store = Sqlite(tmp_path / "data.db")
        store.store(harvest(delivery(batch(1))), NOW)
        connection = store._connection
        single = [("greenhouse-1", "run-a", "received", number, number) for number in range(3, 40_000, 2)]
        connection.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?)", single)
        steps = []
        connection.set_progress_handler(lambda: steps.append(1), 100)
        store.store(harvest(delivery(batch(40_001)), delivery(batch(39_999))), NOW)
        assert len(steps) < 100
        assert counts(store) == {("greenhouse-1", "run-a"): (20_001, 0, 20_000, 1)}
