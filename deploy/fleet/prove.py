"""Starts a fleet on loopback, kills each of its machines in turn under load, and prints what is missing.

Three nats-servers with MQTT and JetStream, PostgreSQL, workers of `limpet ingest`, and agents with simulated sensors.

python deploy/fleet/prove.py [--agents 4] [--workers 3] [--pause 8]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engines import NODES, NatsNode, Postgres, cluster, limpet, until

ROOT = Path(__file__).parents[2]
EVERY = 0.1  # seconds between two batches of an agent
CATCHING_UP = 180.0  # seconds for what waits in outboxes, streams and workers at the end

CONFIG = """[agent]
device_id = "pi-{number}"
every = "{every:g}s"
state_dir = "state"
log_level = "warning"

[mqtt]
host = {hosts}
port = {port}
version = "3.1.1"           # nats-server speaks no other

[outbox]
backfill_rate = 500

[[sensor]]
id = "air"
driver = "bme280"
"""


class Fleet:
    """All processes, in a folder of their own."""

    def __init__(self, folder: Path, agents: int, workers: int) -> None:
        self.folder = folder
        self.postgres = Postgres(folder / "postgres")
        self.nodes: list[NatsNode] = cluster(folder / "nats")
        self._agents = {f"pi-{number}": None for number in range(1, agents + 1)}
        self._workers: list[subprocess.Popen[bytes]] = []
        self.workers = workers
        self.agents: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all of it."""
        self.postgres.start()
        for node in self.nodes:
            node.start()
        self._workers = [self._worker() for _ in range(self.workers)]
        until(lambda: self._logged().count("broker is there") >= self.workers, "the workers are there", 60.0)
        for name in self._agents:
            self._configure(name)
            self.agents[name] = self._agent(name)

    def kill_worker(self, number: int) -> None:
        """Kill a worker, and start another one in its place."""
        self._workers[number].kill()
        self._workers[number].wait()
        self._workers[number] = self._worker()

    def end_agents(self) -> None:
        """End all runs, and let each agent run once more: its `info.previous` says where its run ended."""
        for agent in self.agents.values():
            agent.send_signal(signal.SIGTERM)
        for agent in self.agents.values():
            agent.wait(30)
        again = [self._agent(name, "--batches", "3") for name in self._agents]
        for agent in again:
            agent.wait(120)

    def stop(self) -> None:
        """End whatever runs."""
        for process in (*self.agents.values(), *self._workers):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in (*self.agents.values(), *self._workers):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        for engine in (*self.nodes, self.postgres):
            engine.stop()

    def report(self) -> list[dict[str, object]]:
        """Return what `limpet ingest --report` says."""
        words = ["ingest", "--report", "--json", "--database", self.postgres.url]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "agent", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=self.folder, check=False)
        found: list[dict[str, object]] = json.loads(done.stdout or "[]")
        return found

    def rows(self) -> tuple[int, int, int]:
        """Return how many batches there are, how many of them differ, and how many readings."""
        import psycopg

        with psycopg.connect(self.postgres.url) as connection:
            found = connection.execute(
                "SELECT count(*), count(DISTINCT (device_id, boot_id, seq)), (SELECT count(*) FROM reading) FROM batch"
            ).fetchone()
        assert found is not None
        return found[0], found[1], found[2]

    def _worker(self) -> subprocess.Popen[bytes]:
        servers = ",".join(f"{node.host}:{node.port}" for node in self.nodes)
        words = ["--database", self.postgres.url, "--source", f"nats://{servers}", "--group", "store"]
        return limpet(self.folder / "workers", "ingest", *words)

    def _agent(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        return limpet(self.folder / name, "run", "--simulate", *words)

    def _configure(self, name: str) -> None:
        folder = self.folder / name
        folder.mkdir()
        values = {
            "number": name.removeprefix("pi-"),
            "every": EVERY,
            "hosts": json.dumps(_turned(int(name.removeprefix("pi-")))),
        }
        (folder / "limpet.toml").write_text(CONFIG.format(**values, port=self.nodes[0].mqtt_port))

    def _logged(self) -> str:
        return (self.folder / "workers" / "log").read_text()


def _turned(number: int) -> list[str]:
    """Return all nodes, each device beginning with another one."""
    at = number % len(NODES)
    return [*NODES[at:], *NODES[:at]]


def disasters(fleet: Fleet, pause: float) -> None:
    """Kill each node, each worker and the database in turn."""
    time.sleep(pause)
    for number, node in enumerate(fleet.nodes):
        print(f"kill -9 of node {number + 1} ({node.host})", flush=True)
        node.kill()
        time.sleep(pause)
        node.start()
        time.sleep(pause)
    for number in range(fleet.workers):
        print(f"kill -9 of worker {number + 1}", flush=True)
        fleet.kill_worker(number)
        time.sleep(pause / 2)
    print("kill -9 of the database", flush=True)
    fleet.postgres.kill()
    time.sleep(pause / 2)
    fleet.postgres.start()
    time.sleep(pause)


def settled(fleet: Fleet) -> list[dict[str, object]]:
    """Return the report once nothing is missing any more, or when the time for that is over."""
    end = time.monotonic() + CATCHING_UP
    while True:
        report = fleet.report()
        missing = sum(int(str(one["undeclared"])) for one in report)
        open_runs = sum(one["ended"] is None for one in report)
        if (not missing and open_runs <= len(fleet.agents)) or time.monotonic() > end:
            return report
        time.sleep(1.0)


def main() -> int:
    """Prove it; return 1 if anything is missing or twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=4)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--pause", type=float, default=8.0, help="seconds between two disasters")
    parser.add_argument("--keep", action="store_true", help="leave the folder with all logs")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="limpet-fleet-"))
    folder.chmod(0o755)
    fleet = Fleet(folder, args.agents, args.workers)
    try:
        fleet.start()
        disasters(fleet, args.pause)
        fleet.end_agents()
        report = settled(fleet)
        for one in report:
            print(json.dumps(one))
        batches, different, readings = fleet.rows()
    finally:
        fleet.stop()
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    total = {
        name: sum(int(str(one[name])) for one in report) for name in ("received", "declared", "undeclared", "twice")
    }
    came = total.pop("twice")
    print(
        f"{total}; rows {batches}, of them different {different}, readings {readings}; came again and dropped: {came}"
    )
    return 0 if not total["undeclared"] and batches == different == total["received"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
