"""A worker by itself: stored, then acknowledged, whatever the database does and whatever comes."""

from __future__ import annotations

import json
import threading
import zlib

import pytest
from published import batch, delivery, gap, info

from agent.ingest.database import DatabaseError, DatabaseRefused
from agent.ingest.harvest import Delivery, Harvest
from agent.ingest.identity import WorkerId
from agent.ingest.jetstream import JetStreamSource
from agent.ingest.mqtt import filters
from agent.ingest.queue import DeliveryQueue
from agent.ingest.report import report
from agent.ingest.subjects import subject, topic
from agent.ingest.worker import IngestWorker
from agent.messages import blocks


class FakeSource:
    def __init__(self, *deliveries: Delivery) -> None:
        self.waiting, self.acknowledged, self.timers = list(deliveries), [], []

    def start(self): ...

    def take(self, most, timeout):
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        return taken

    def acknowledge(self, deliveries):
        self.acknowledged += deliveries

    def later(self, seconds, function):
        self.timers.append(function)


class FakeDatabase:
    """Stores harvests; does what a test says before."""

    def __init__(self, *failures: Exception, bad: bytes = b"") -> None:
        self.failures, self.bad, self.stored = list(failures), bad, []

    def open(self): ...

    def store(self, harvest: Harvest, now: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if any(one.boot_id.encode() == self.bad for one in harvest.batches):
            raise DatabaseRefused("no")
        self.stored.append(harvest)


class Time:
    def __init__(self) -> None:
        self.now, self.waits = 0.0, []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)


def worker(source, database, time=None):
    time = time or Time()
    return IngestWorker(source, database, "limpet", sleep=time.sleep, clock=lambda: time.now, wall=lambda: 1.8e9)


def test_what_is_stored_is_acknowledged():
    source, database = FakeSource(delivery(batch(1)), delivery(batch(2))), FakeDatabase()
    worker(source, database).turn()
    assert [one.seq for one in database.stored[0].batches] == [1, 2]
    assert len(source.acknowledged) == 2


def test_a_database_that_is_away_is_waited_for_less_and_less_often(logged):
    source, time = FakeSource(delivery(batch(1))), Time()
    database = FakeDatabase(*(DatabaseError("away") for _ in range(9)))
    worker(source, database, time).turn()
    assert len(database.stored) == len(source.acknowledged) == 1
    assert 1.0 <= time.waits[0] < time.waits[2] < max(time.waits) <= 15.0 * 1.5
    warnings = [one.getMessage() for one in logged("limpet") if one.levelname == "WARNING"]
    assert warnings == ["database is away, waiting for it"]


def test_each_reason_for_which_a_database_is_away_is_said_once(logged):
    away, closed = DatabaseError("nothing listens"), DatabaseError("the password is wrong")
    worker(FakeSource(delivery(batch(1))), FakeDatabase(away, away, closed, closed)).turn()
    said = [one.error for one in logged("limpet") if one.levelname == "WARNING"]
    assert said == ["nothing listens", "the password is wrong"]


def test_a_database_that_does_not_answer_is_named(logged):
    source = FakeSource(delivery(batch(1)))

    class Slow(FakeDatabase):
        def store(self, harvest, now):
            source.timers.pop()()

    worker(source, Slow()).turn()
    assert [one.getMessage() for one in logged("limpet")] == ["database does not answer, waiting for it"]


def test_one_that_answers_in_time_is_not(logged):
    source = FakeSource(delivery(batch(1)))
    worker(source, FakeDatabase()).turn()
    source.timers.pop()()
    assert not logged("limpet")


def test_what_is_not_stored_is_not_acknowledged():
    class Killed(BaseException): ...

    source = FakeSource(delivery(batch(1)))
    with pytest.raises(Killed):
        worker(source, FakeDatabase(Killed())).turn()
    assert not source.acknowledged


def test_a_message_that_the_database_refuses_costs_no_other():
    messages = [delivery(batch(one, run="bad" if one == 5 else "a")) for one in range(1, 10)]
    source, database = FakeSource(*messages), FakeDatabase(bad=b"bad")
    worker(source, database).turn()
    assert sorted(one.seq for part in database.stored for one in part.batches) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert [one.reason for part in database.stored for one in part.rejected] == ["the database does not take it: no"]
    assert len(source.acknowledged) == 9


AWFUL = [
    b"", b"{", b"null", b"[" * 50_000, b"\xff", b"x\x9c", b'{"schema":1}', json.dumps(batch(0)).encode(),
    json.dumps(batch(2**63)).encode(), json.dumps(batch(1, run="\ud800")).encode(),
    json.dumps(batch(1, run="a\0")).encode(), json.dumps(batch(1, device="other")).encode(),
    json.dumps({**batch(1), "readings": [{}]}).encode(), json.dumps(gap(9, 1)).encode(),
    json.dumps(gap(1, 2**70)).encode(), json.dumps(info("b", 5)).encode(),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["batch", "backfill", "gap", "info"])
def test_no_message_stops_a_worker(store, ask, kind):
    fine = delivery(batch(1))
    odd = [
        Delivery(one, b"x")
        for one in ("limpet/a", "limpet//batch", "limpet/a/b/batch", "limpet/\0/batch", "limpet/\ud800/batch", "x")
    ]
    source = FakeSource(*(delivery(one, kind) for one in AWFUL), *odd, fine)
    worker(source, store).turn()
    assert len(source.acknowledged) == len(AWFUL) + len(odd) + 1
    assert ask("SELECT seq FROM batch") == [(1,)]
    (run,) = report(store.runs())
    assert (run.received, run.declared, run.undeclared) == (1, 0, 0)
    topics = {name for (name,) in ask("SELECT topic FROM rejected")}
    assert {"limpet/\ufffd/batch", f"limpet/greenhouse-1/{kind}"} <= topics


class TestABlock:
    def test_is_stored_by_itself(self):
        one = delivery(blocks.block([json.dumps(batch(2)).encode(), json.dumps(batch(3)).encode()]), "backfill")
        messages = [delivery(batch(1)), one, one, delivery(batch(4)), delivery(batch(5))]
        source, database = FakeSource(*messages), FakeDatabase()
        worker(source, database).turn()
        assert [[each.seq for each in part.batches] for part in database.stored] == [[1], [2, 3], [2, 3], [4, 5]]
        assert source.acknowledged == messages

    def test_of_millions_of_empty_lines_is_one_rejected_message(self, store, ask):
        source = FakeSource(delivery(zlib.compress(b"\n" * 10_000_000), "backfill"), delivery(batch(1)))
        worker(source, store).turn()
        assert ask("SELECT reason FROM rejected") == [("a block of more than 10000 lines",)]
        assert ask("SELECT seq FROM batch") == [(1,)]

    def test_that_expands_to_gigabytes_is_one_rejected_message(self, store, ask):
        source = FakeSource(delivery(zlib.compress(b" " * 100_000_000), "backfill"))
        worker(source, store).turn()
        assert ask("SELECT reason FROM rejected") == [("a block that is cut off or too large",)]


class TestAQueue:
    def test_is_full_of_few_large_messages(self):
        queue = DeliveryQueue(largest=100)
        for _ in range(5):
            assert not queue.full
            queue.put(Delivery("t", b"x" * 80))
        assert queue.full
        queue.take(1, 0.0)
        assert not queue.full
        queue.put(Delivery("t", b"x" * 80))
        queue.forget()
        assert not queue.full

    def test_hands_over_large_ones_one_by_one(self):
        queue = DeliveryQueue(largest=100)
        for _ in range(3):
            queue.put(Delivery("t", b"x" * 80))
        assert [len(queue.take(10, 0.0)) for _ in range(4)] == [1, 1, 1, 0]

    def test_wakes_who_waits(self):
        queue = DeliveryQueue()
        taken: list[Delivery] = []
        waiting = threading.Thread(target=lambda: taken.extend(queue.take(10, 5.0)))
        waiting.start()
        queue.put(delivery(batch(1)))
        waiting.join(5)
        assert len(taken) == 1


class TestAnId:
    def test_is_another_one_for_each_worker_of_a_folder_and_stays(self, tmp_path):
        three = [WorkerId(tmp_path, ("a",)) for _ in range(3)]
        ids = [one.take() for one in three]
        assert len(set(ids)) == 3
        three[1].release()
        assert WorkerId(tmp_path, ("a",)).take() == ids[1]

    def test_is_another_one_for_another_purpose(self, tmp_path):
        assert WorkerId(tmp_path, ("a", "b")).take() != WorkerId(tmp_path, ("ab", "")).take()

    def test_that_was_damaged_is_made_again(self, tmp_path):
        one = WorkerId(tmp_path, ("a",))
        one.take()
        one.release()
        (file,) = (tmp_path / ".limpet-ingest").iterdir()
        file.write_text("dead")
        assert len(WorkerId(tmp_path, ("a",)).take()) == 8


class TestTopics:
    def test_are_shared_in_a_group_but_for_what_each_needs(self):
        assert filters("a/b", "g") == [
            "$share/g/a/b/+/batch", "$share/g/a/b/+/backfill", "$share/g/a/b/+/gap", "a/b/+/info"
        ]  # fmt: skip
        assert all(not one.startswith("$") for one in filters("limpet", None))

    @pytest.mark.parametrize(
        ("made", "told"),
        [("limpet.d.batch", "limpet/d/batch"), ("a.b.c", "a/b/c"), ("limpet.pi//local.batch", "limpet/pi.local/batch"),
         ("limpet./.batch", "limpet//batch"), ("limpet.ä ö.batch", "limpet/ä ö/batch")],
    )  # fmt: skip
    def test_come_back_from_the_subjects_of_nats(self, made, told):
        assert topic(f"$MQTT.msgs.{made}") == told

    def test_of_a_root_are_one_subject(self):
        assert subject("site/hall.3") == "$MQTT.msgs.site.hall//3.>"


def test_a_source_of_nats_needs_no_loop_to_be_stopped():
    source = JetStreamSource.__new__(JetStreamSource)
    JetStreamSource.__init__(source, None, "limpet", "d")
    source.stop(0.1)
