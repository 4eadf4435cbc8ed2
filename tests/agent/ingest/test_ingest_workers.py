"""Real workers at real engines: what was published is stored once, while workers, brokers and databases go and come."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import engines
import pytest
from published import batch, gap, info

from agent.broker import Address
from agent.broker.link import PahoLink
from agent.ingest.mqtt import MqttSource, filters
from agent.ingest.queue import WINDOW

SOON = 20.0  # seconds
ROOT = Path(__file__).parents[3]


class Bench:
    """A folder in which workers run against engines on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workers = folder, []
        self.database, self.more = "sqlite:///data.db", []

    def start(self, *words: str) -> subprocess.Popen:
        worker = engines.limpet(self.folder, "ingest", "--database", self.database, *self.more, *words)
        self.workers.append(worker)
        return worker

    def report(self) -> tuple[list[dict], int]:
        words = ["ingest", "--report", "--json", "--database", self.database]
        done = subprocess.run(
            [sys.executable, "-m", "agent", *words], cwd=self.folder, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=30, check=False,
        )  # fmt: skip
        return (json.loads(done.stdout) if done.stdout else []), done.returncode

    def received(self) -> int:
        return sum(one["received"] for one in self.report()[0])

    def until_received(self, count: int, seconds: float = SOON) -> None:
        engines.until(lambda: self.received() >= count, f"{count} received", seconds)

    def logged(self) -> str:
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""

    def until_logged(self, text: str, times: int = 1) -> None:
        engines.until(lambda: self.logged().count(text) >= times, f"{text!r} is logged ({self.logged()[-500:]})", SOON)

    def end(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait(5)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "bench")
    yield made
    made.end()


def publish(
    port: int, *messages: tuple[str, object], version: str = "5", host: str = "127.0.0.1", retain=False
) -> None:
    """Publish documents below `limpet/`, and wait for their acknowledgements."""

    async def story() -> None:
        link = PahoLink(Address(host, port, "device", version=version))
        await link.connect()
        bodies = [(topic, one if isinstance(one, bytes) else json.dumps(one).encode()) for topic, one in messages]
        codes = await asyncio.gather(*(link.publish(f"limpet/{t}", body, retain=retain) for t, body in bodies))
        assert not [code for code in codes if code >= 0x80]
        await link.close()

    asyncio.run(story())


def batches(*numbers: int, device: str = "d", run: str = "a") -> list[tuple[str, object]]:
    return [(f"{device}/batch", batch(one, device=device, run=run)) for one in numbers]


def ended(worker: subprocess.Popen, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
    """End a worker; return its exit code and how many seconds it took."""
    began = time.monotonic()
    worker.send_signal(number)
    return worker.wait(10), time.monotonic() - began


class TestAWorkerAtMosquitto:
    @pytest.fixture(autouse=True)
    def source(self, bench, mosquitto):
        bench.more = ["--source", f"mqtt://127.0.0.1:{mosquitto.port}"]

    def test_stores_what_comes_and_reports_what_does_not(self, bench, mosquitto):
        worker = bench.start()
        bench.until_logged("broker is there")
        messages = [*batches(1, 2, 2, 5), ("d/gap", gap(3, 3, run="a")), ("d/state", {}), ("d/batch", b"nonsense")]
        publish(mosquitto.port, *messages, ("d/info", info("b", {"bootId": "a", "lastSeq": 6, "clean": True}, "d")))
        bench.until_received(3)
        runs, code = bench.report()
        assert code == 1
        (one,) = [run for run in runs if run["bootId"] == "a"]
        assert one.pop("lastHeard")
        assert one == {
            "deviceId": "d", "bootId": "a", "received": 3, "declared": 1, "undeclared": 2, "twice": 1,
            "ended": {"lastSeq": 6, "clean": True},
        }  # fmt: skip
        publish(mosquitto.port, *batches(4, 6))
        bench.until_received(5)
        assert bench.report()[1] == 0
        assert ended(worker)[0] == 0

    def test_commits_within_a_second(self, bench, mosquitto):
        bench.start()
        bench.until_logged("broker is there")
        publish(mosquitto.port, *batches(1))
        engines.until(lambda: rows(bench) == 1, "it is committed", 1.0)

    def test_gets_what_was_retained_before_it_came(self, bench, mosquitto):
        publish(mosquitto.port, ("d/info", info("b", {"bootId": "a", "lastSeq": 2, "clean": False}, "d")), retain=True)
        bench.start("--group", "g")
        engines.until(lambda: len(bench.report()[0]) == 2, "both runs are known", SOON)
        assert [run["undeclared"] for run in bench.report()[0]] == [2, 0]

    def test_loses_and_repeats_nothing_when_it_is_killed(self, bench, mosquitto):
        first = bench.start()
        bench.until_logged("broker is there")
        publish(mosquitto.port, *batches(*range(1, 400)))
        engines.until(lambda: rows(bench) > 50, "some of it is stored", SOON)
        first.kill()
        first.wait()
        publish(mosquitto.port, *batches(*range(400, 500)))
        bench.start()
        bench.until_received(499)
        (one,), code = bench.report()
        assert (one["received"], one["undeclared"], code) == (499, 0, 0)
        assert rows(bench) == 499

    def test_has_an_id_of_its_own_that_a_kill_does_not_change(self, bench, mosquitto):
        def ids() -> list[str]:
            return re.findall(r"client_id=(\S+)", bench.logged())

        three = [bench.start("--group", "g") for _ in range(3)]
        bench.until_logged("broker is there", 3)
        assert len(set(ids())) == 3
        three[1].kill()
        three[1].wait()
        bench.start("--group", "g")
        bench.until_logged("broker is there", 4)
        assert len(set(ids())) == 3
        publish(mosquitto.port, *batches(*range(1, 200)))
        bench.until_received(199)

    def test_waits_for_a_broker_and_comes_back_to_it(self, bench, mosquitto):
        mosquitto.stop()
        bench.start()
        bench.until_logged("broker is away")
        mosquitto.start()
        bench.until_logged("broker is there")
        publish(mosquitto.port, *batches(1))
        bench.until_received(1)
        mosquitto.kill()
        mosquitto.start()
        engines.until(lambda: _published(mosquitto.port, batches(2)) and bench.received() == 2, "it is back", SOON)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    @pytest.mark.parametrize("away", [(), ("broker",), ("database",)])
    def test_ends_within_two_seconds_whatever_is_away(self, bench, mosquitto, number, away):
        if "broker" in away:
            mosquitto.stop()
        if "database" in away:
            bench.database = "sqlite:///no/such/folder/data.db"
        worker = bench.start()
        bench.until_logged(f"{away[0]} is away" if away else "broker is there")
        code, seconds = ended(worker, number)
        assert (code, seconds < 2.0) == (0, True), bench.logged()

    def test_serves_a_root_of_several_levels_and_odd_names(self, bench, mosquitto):
        bench.start("--topic-root", "limpet/hall 3/x")
        bench.until_logged("broker is there")
        name = "Gewächs $1.'\"%s"
        publish(mosquitto.port, (f"hall 3/x/{name}/batch", batch(1, device=name)), *batches(1))
        bench.until_received(1)
        assert [run["deviceId"] for run in bench.report()[0]] == [name]

    def test_ends_within_two_seconds_while_the_database_hangs(self, bench, mosquitto, postgres_server):
        bench.database = postgres_server.url
        worker = bench.start()
        bench.until_logged("broker is there")
        publish(mosquitto.port, *batches(1, device="hang"))
        bench.until_received(1)
        os.killpg(postgres_server.process.pid, signal.SIGSTOP)
        try:
            children = subprocess.run(["pkill", "-STOP", "-P", str(postgres_server.process.pid)], check=False)
            assert children.returncode == 0
            publish(mosquitto.port, *batches(2, device="hang"))
            bench.until_logged("database does not answer")
            code, seconds = ended(worker)
        finally:
            subprocess.run(["pkill", "-CONT", "-P", str(postgres_server.process.pid)], check=False)
            os.killpg(postgres_server.process.pid, signal.SIGCONT)
        assert (code, seconds < 2.0) == (0, True), bench.logged()

    def test_ends_within_two_seconds_while_another_program_holds_the_database(self, bench, mosquitto):
        worker = bench.start()
        bench.until_logged("broker is there")
        publish(mosquitto.port, *batches(1))
        bench.until_received(1)
        with sqlite3.connect(bench.folder / "data.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            publish(mosquitto.port, *batches(2))
            bench.until_logged("database is locked")
            code, seconds = ended(worker)
            other.execute("ROLLBACK")
        assert (code, seconds < 2.0) == (0, True), bench.logged()
        bench.start()
        bench.until_received(2)

    def test_takes_no_more_into_its_memory_than_a_window(self, mosquitto):
        def connected() -> MqttSource:
            source = MqttSource(Address("127.0.0.1", mosquitto.port, "worker"), filters("limpet", None))
            source.start()
            engines.until(lambda: source._link is not None and source._link.where, "it is connected", SOON)
            return source

        before = connected()
        publish(mosquitto.port, *batches(0))
        assert before.take(1, 5.0)
        before.stop(2.0)
        for first in range(1, 6001, 1000):
            publish(mosquitto.port, *batches(*range(first, first + 1000)))
        source, taken = connected(), 0
        try:
            while taken < 6000:
                some = source.take(50, 5.0)
                assert some, f"nothing came after {taken}"
                taken += len(some)
                source.acknowledge(some)
                if taken <= 100:
                    with pytest.raises(TimeoutError):
                        engines.until(lambda: len(source._queue) > 1.5 * WINDOW, "more comes", 2.0)
        finally:
            source.stop(2.0)

    def test_acknowledges_nothing_while_the_database_is_away(self, bench, mosquitto, postgres_server):
        bench.database = postgres_server.url
        worker = bench.start()
        bench.until_logged("broker is there")
        publish(mosquitto.port, *batches(1, 2, device="away"))
        bench.until_received(2)
        postgres_server.stop()
        try:
            publish(mosquitto.port, *batches(*range(3, 1500), device="away"))
            bench.until_logged("database is away")
            worker.kill()
            worker.wait()
        finally:
            postgres_server.start()
        bench.start()
        bench.until_received(1499)
        (one,) = [run for run in bench.report()[0] if run["deviceId"] == "away"]
        assert (one["received"], one["undeclared"]) == (1499, 0)


class TestWorkersAtNats:
    @pytest.fixture(autouse=True)
    def source(self, bench, nats_server):
        bench.more = ["--source", f"nats://127.0.0.1:{nats_server.port}"]

    def test_share_what_comes_and_lose_nothing_when_one_is_killed(self, bench, nats_server):
        first, _ = bench.start("--group", "g"), bench.start("--group", "g")
        bench.until_logged("broker is there", 2)
        publish(nats_server.mqtt_port, *batches(*range(1, 300)), version="3.1.1")
        first.kill()
        first.wait()
        publish(nats_server.mqtt_port, *batches(*range(300, 500)), version="3.1.1")
        bench.until_received(499, 60)
        (one,), code = bench.report()
        assert (one["received"], one["undeclared"], code, rows(bench)) == (499, 0, 0, 499)

    def test_commit_within_a_second(self, bench, nats_server):
        worker = bench.start()
        bench.until_logged("broker is there")
        publish(nats_server.mqtt_port, *batches(1), version="3.1.1")
        engines.until(lambda: rows(bench) == 1, "it is committed", 1.0)
        code, seconds = ended(worker)
        assert (code, seconds < 2.0) == (0, True)

    def test_take_nothing_from_those_of_another_root(self, bench, nats_server):
        bench.start("--topic-root", "site/a")
        bench.until_logged("broker is there")
        bench.start("--topic-root", "site-a")
        bench.until_logged("is there for site/a: take another --group")

    def test_wait_for_servers_and_come_back_to_them(self, bench, nats_server):
        nats_server.stop()
        bench.start()
        bench.until_logged("broker is away")
        assert "Connect call failed" in bench.logged()
        nats_server.start()
        bench.until_logged("broker is there")
        publish(nats_server.mqtt_port, *batches(1), version="3.1.1")
        bench.until_received(1)
        nats_server.kill()
        nats_server.start()
        publish(nats_server.mqtt_port, *batches(2), version="3.1.1")
        bench.until_received(2)


def _published(port: int, messages: list[tuple[str, object]]) -> bool:
    publish(port, *messages)
    return True


def rows(bench: Bench) -> int:
    try:
        with sqlite3.connect(bench.folder / "data.db", timeout=5) as connection:
            return connection.execute("SELECT count(*) FROM batch").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
