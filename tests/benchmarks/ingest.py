"""What ingest costs: one worker beside a bare subscriber with bare inserts, on the same broker, database and batches.

python tests/benchmarks/ingest.py [--batches 20000] [--database sqlite|postgresql] [--memory 1000000]

Both find the same batches waiting in a session at mosquitto, from `DEVICES` devices. The bare one is paho with its own
thread, acknowledges on arrival, keeps no ledger, checks nothing, and inserts a thousand batches in a transaction.
`--memory N`: the worker alone, N batches; how much its resident memory grows after the first tenth.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import queue
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "deploy" / "fleet"), str(ROOT / "tests" / "agent")]

from engines import Mosquitto, Postgres, limpet, until  # noqa: E402
from paho.mqtt import client as paho  # noqa: E402
from published import batch  # noqa: E402

from agent.broker import Address  # noqa: E402
from agent.broker.link import PahoLink  # noqa: E402

DEVICES, SENSORS = 50, 5
BUDGET = 0.4


def payload(device: int, seq: int) -> bytes:
    """Return a batch of two readings from each of five sensors."""
    one = batch(seq, device=f"pi-{device}", run=f"run-{device}", degraded=False, faults=[], unavailableSensors=[])
    one["readings"] = [
        {"sensorId": f"air-{number}", "quantity": quantity, "value": 20.0 + seq % 10, "unit": unit, "status": "ok"}
        for number in range(SENSORS)
        for quantity, unit in (("temperature", "°C"), ("humidity", "%"))
    ]
    return json.dumps(one, separators=(",", ":")).encode()


async def fill(port: int, first: int, count: int) -> None:
    """Publish `count` batches, spread over the devices."""
    link = PahoLink(Address("127.0.0.1", port, "filler"))
    await link.connect()
    for start in range(first, first + count, 500):
        numbers = range(start, min(start + 500, first + count))
        bodies = ((number % DEVICES, payload(number % DEVICES, number // DEVICES + 1)) for number in numbers)
        await asyncio.gather(*(link.publish(f"limpet/pi-{device}/batch", body) for device, body in bodies))
    await link.close()


def bare(port: int, connect: Callable[[], Any], mark: str, count: int, ready: Callable[[], None]) -> float:
    """Return seconds from the connect to the last commit, for a subscriber of thirty lines."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="bare", protocol=paho.MQTTv5)  # type: ignore[attr-defined]
    client.on_message = lambda _client, _data, message: waiting.put(message.payload)
    properties = paho.Properties(paho.PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval, properties.ReceiveMaximum = 3600, 1000

    def join(clean: bool) -> None:
        client.connect("127.0.0.1", port, clean_start=clean, properties=properties)

    subscribed: queue.SimpleQueue[object] = queue.SimpleQueue()
    client.on_subscribe = lambda *args: subscribed.put(args)
    join(True)
    client.loop_start()
    client.subscribe("limpet/+/batch", 1)
    subscribed.get(timeout=10)
    client.disconnect()
    client.loop_stop()
    ready()
    database = connect()
    database.execute("CREATE TABLE bare_batch (device_id text, boot_id text, seq bigint, timestamp text, clock text)")
    database.execute(
        "CREATE TABLE bare_reading (device_id text, boot_id text, seq bigint, sensor_id text, quantity text,"
        " value double precision, unit text, status text)"
    )
    database.commit()
    began, left = time.monotonic(), count
    join(False)
    client.loop_start()
    while left:
        taken = [waiting.get()]
        while len(taken) < 1000 and not waiting.empty():
            taken.append(waiting.get())
        documents = [json.loads(one) for one in taken]
        cursor = database.cursor()
        cursor.executemany(
            f"INSERT INTO bare_batch VALUES ({mark}, {mark}, {mark}, {mark}, {mark})",
            [(d["deviceId"], d["bootId"], d["seq"], d["timestamp"], d["clock"]) for d in documents],
        )
        cursor.executemany(
            f"INSERT INTO bare_reading VALUES ({', '.join([mark] * 8)})",
            [
                (d["deviceId"], d["bootId"], d["seq"], r["sensorId"], r["quantity"], r["value"], r["unit"], r["status"])
                for d in documents
                for r in d["readings"]
            ],
        )
        database.commit()
        left -= len(taken)
    took = time.monotonic() - began
    client.disconnect()
    client.loop_stop()
    database.close()
    return took


class WorkerRun:
    """One worker of `limpet ingest`, in a folder of its own."""

    def __init__(self, folder: Path, port: int, database: str, stored: Callable[[], int]) -> None:
        self.folder, self.stored = folder, stored
        self._words = ["ingest", "--source", f"mqtt://127.0.0.1:{port}", "--database", database]

    def prepare(self) -> None:
        """Have the broker keep a session for it."""
        worker = limpet(self.folder, *self._words)
        until(lambda: "broker is there" in (self.folder / "log").read_text(), "the worker is there")
        worker.terminate()
        worker.wait(10)

    def drain(self, count: int, look: Callable[[int, int], None] = lambda _stored, _pid: None) -> float:
        """Return seconds from the start of the process until everything is stored, without the start itself."""
        (self.folder / "log").write_text("")
        worker = limpet(self.folder, *self._words)
        until(lambda: "broker is there" in (self.folder / "log").read_text(), "the worker is there")
        began = time.monotonic()
        while (stored := self.stored()) < count:
            look(stored, worker.pid)
            time.sleep(0.05)
        took = time.monotonic() - began
        worker.terminate()
        worker.wait(10)
        return took


def resident(pid: int) -> float:
    """Return the MB of memory that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def databases(
    kind: str, folder: Path, server: Postgres | None
) -> tuple[str, Callable[[], Any], str, Callable[[], int]]:
    """Return the URL, a function that connects, its placeholder, and one that counts what is stored."""
    if kind == "sqlite":
        file = folder / "data.db"

        def connect() -> Any:
            connection = sqlite3.connect(folder / "bare.db", timeout=10)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            return connection

        def stored() -> int:
            try:
                with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10) as connection:
                    return int(connection.execute("SELECT count(*) FROM batch").fetchone()[0])
            except sqlite3.OperationalError:
                return 0

        return f"sqlite:///{file}", connect, "?", stored
    import psycopg

    assert server is not None
    watching = psycopg.connect(server.url, autocommit=True)

    def rows() -> int:
        try:
            found = watching.execute('SELECT coalesce(sum("to" - "from" + 1), 0) FROM ledger').fetchone()
            return int(found[0]) if found else 0
        except psycopg.errors.UndefinedTable:
            return 0

    return server.url, lambda: psycopg.connect(server.url), "%s", rows


def main() -> int:
    """Print what was measured; return 1 if the budget is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=20_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--memory", type=int, metavar="N")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        broker = Mosquitto(folder / "mosquitto")
        broker.start()
        server = Postgres(folder / "postgres") if args.database == "postgresql" else None
        if server is not None:
            server.start()
        try:
            url, connect, mark, stored = databases(args.database, folder, server)
            worker = WorkerRun(folder / "worker", broker.port, url, stored)
            worker.prepare()
            if args.memory:
                return memory(broker.port, worker, args.memory)
            return speed(broker.port, worker, (connect, mark), args.batches)
        finally:
            broker.stop()
            if server is not None:
                server.stop()


def speed(port: int, worker: WorkerRun, database: tuple[Callable[[], Any], str], count: int) -> int:
    """Measure both, and compare."""
    limit = count / bare(port, *database, count, lambda: asyncio.run(fill(port, 0, count)))
    ours = count / worker.drain(count)
    print(
        f"bare {limit:,.0f} batches/s, worker {ours:,.0f} batches/s ({10 * ours:,.0f} readings/s): {ours / limit:.2f}"
    )
    return 0 if ours >= BUDGET * limit else 1


def memory(port: int, worker: WorkerRun, count: int) -> int:
    """Watch the worker's memory while `count` batches come."""
    seen: list[tuple[int, float]] = []
    step, done = 50_000, 0
    while done < count:
        asyncio.run(fill(port, done, min(step, count - done)))
        done = min(count, done + step)
        worker.drain(done, lambda stored, pid: seen.append((stored, resident(pid))))
    early = max(mb for stored, mb in seen if stored <= count / 10)
    most = max(mb for _, mb in seen)
    print(f"{count:,} batches: resident {early:.0f} MB in the first tenth, {most:.0f} MB at most")
    return 0 if most < early + 10 else 1


if __name__ == "__main__":
    raise SystemExit(main())
