"""The engines of a fleet on this machine's loopback: PostgreSQL, mosquitto, and a cluster of three nats-servers."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

# Linux answers on all of 127/8, so that the nodes of a cluster can share a port as they do on machines of their own.
NODES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
READY = 20.0  # seconds


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free on every node."""
    with socket.socket() as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


def until(ready: Callable[[], object], what: str, seconds: float = READY) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it never was.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} within {seconds:g} s")
        time.sleep(0.05)


def listens(host: str, port: int) -> bool:
    """Return whether something takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 0.5):
        return True
    return False


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; Debian has it outside of PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


class Engine:
    """A server: a process that is started, stopped, killed and started again.

    Attributes:
        process: None while it does not run.
    """

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return how it is started."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        with self._log() as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, start_new_session=True)
        until(lambda: self._alive() and listens(self.host, self.port), f"{type(self).__name__} listens")

    def kill(self) -> None:
        """End it at once, without a chance to write anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as it likes to be ended."""
        self._end(signal.SIGTERM)

    def _alive(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"{type(self).__name__} ended: {(self.folder / 'log').read_text()[-500:]}")
        return True

    def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)

    def _log(self) -> IO[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        return (self.folder / "log").open("ab")


class Postgres(Engine):
    """A database server that every user of this machine may use. As root it runs as the user `postgres`."""

    def command(self) -> list[str]:
        programs = postgres_programs()
        assert programs is not None
        data = self.folder / "data"
        if not data.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                account = pwd.getpwnam("postgres")
                os.chown(self.folder, account.pw_uid, account.pw_gid)
            options = ["-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8"]
            made = [*self._user(), str(programs / "initdb"), *options]
            subprocess.run(made, check=True, capture_output=True, cwd="/")
        where = ["-p", str(self.port), "-k", str(self.folder), "-c", f"listen_addresses={self.host}"]
        return [*self._user(), str(programs / "postgres"), "-D", str(data), *where]

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"postgresql://postgres@{self.host}:{self.port}/postgres"

    def stop(self) -> None:
        """Stop at once, with the data whole."""
        self._end(signal.SIGINT)

    @staticmethod
    def _user() -> list[str]:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


class Mosquitto(Engine):
    """A broker that keeps whatever comes for an absent subscriber."""

    more = "max_queued_messages 0\nmax_inflight_messages 1000\npersistence true\nautosave_interval 1\n"

    def command(self) -> list[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "mosquitto.conf"
        place = f"persistence_location {self.folder}/\n" + ("user root\n" if os.geteuid() == 0 else "")
        file.write_text(f"listener {self.port} {self.host}\nallow_anonymous true\n{place}{self.more}")
        return [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(file)]


class NatsNode(Engine):
    """One nats-server with JetStream and MQTT.

    Args:
        nodes: all of the cluster; one alone is none.
        ports: of clients, MQTT and routes, the same for all.
    """

    def __init__(self, folder: Path, host: str, nodes: tuple[str, ...], ports: tuple[int, int, int]) -> None:
        super().__init__(folder)
        self.host, self._nodes = host, nodes
        self.port, self.mqtt_port, self._route_port = ports

    def command(self) -> list[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        template = (Path(__file__).parent / "nats-server.conf").read_text(encoding="utf-8")
        routes = ", ".join(f"nats://{node}:{self._route_port}" for node in self._nodes if node != self.host)
        values = {
            "NAME": f"node-{self.host.rpartition('.')[2]}",
            "HOST": self.host,
            "PORT": str(self.port),
            "MQTT": str(self.mqtt_port),
            "ROUTE": str(self._route_port),
            "ROUTES": routes,
            "STORE": str(self.folder / "jetstream"),
            "REPLICAS": str(len(self._nodes)),
        }
        for name, value in values.items():
            template = template.replace(f"@{name}@", value)
        if len(self._nodes) == 1:
            template = template[: template.index("cluster {")] + template[template.index("# end of cluster") :]
        file = self.folder / "nats-server.conf"
        file.write_text(template)
        return [shutil.which("nats-server") or "/usr/sbin/nats-server", "-c", str(file)]


def cluster(folder: Path, nodes: tuple[str, ...] = NODES) -> list[NatsNode]:
    """Return the nodes of a cluster, which do not run yet."""
    ports = free_port(), free_port(), free_port()
    return [NatsNode(folder / host, host, nodes, ports) for host in nodes]


def limpet(folder: Path, *words: str, log: str = "log") -> subprocess.Popen[bytes]:
    """Start a command of Limpet's in a folder; what it says goes to a file there."""
    folder.mkdir(parents=True, exist_ok=True)
    root = str(Path(__file__).parents[2])
    environ = {**os.environ, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}
    with (folder / log).open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "agent", *words], cwd=folder, stdout=out, stderr=out, env=environ
        )
