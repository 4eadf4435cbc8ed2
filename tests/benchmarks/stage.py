"""What a benchmark stands on: a broker, a subscriber, the program that is measured, and its figures in /proc."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

import bus_in_c  # noqa: E402
import cheap  # noqa: E402
from paho.mqtt.client import Client  # noqa: E402
from paho.mqtt.enums import CallbackAPIVersion  # noqa: E402

PROGRAMS = ("limit", "ours")
# With buses in C.
IN_C = ("bare", "ours")
FIRST = 60.0  # seconds that the first batch may take
SETTLE = 1.5


class Stage:
    """A mosquitto of its own on a free loopback port, a folder, a cache of compiled modules, a subscriber."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="limpet-benchmark-")
        self.folder = Path(self._folder.name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = self.folder / "mosquitto.conf"
        settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\n"
        )
        self._broker = subprocess.Popen(["mosquitto", "-c", settings], stderr=subprocess.DEVNULL)
        self.arrivals: dict[str, list[tuple[float, bytes]]] = {name: [] for name in (*PROGRAMS, *IN_C)}
        self.hears: dict[str, Callable[[float, bytes], None]] = {}
        self.page = {name: cheap.Page(self.folder / f"page-{name}") for name in (*PROGRAMS, *IN_C)}
        self._subscriber = self._subscribe()

    def _subscribe(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, "subscriber")
        client.on_message = self._arrived
        client.on_connect = lambda *_: client.subscribe([("bench/+/batch", 0), ("bench/+/backfill", 0)])
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError):
                client.connect("127.0.0.1", self.port)
                break
            time.sleep(0.05)
        client.loop_start()
        return client

    def _arrived(self, _client: Client, _data: Any, message: Any) -> None:
        at, name = time.monotonic(), message.topic.split("/")[1]
        self.arrivals[name].append((at, message.payload))
        if name in self.hears:
            self.hears[name](at, message.payload)

    def close(self) -> None:
        self._subscriber.disconnect()
        self._subscriber.loop_stop()
        self._broker.terminate()
        self._broker.wait()
        self._folder.cleanup()

    @contextlib.contextmanager
    def running(self, name: str, count: int, every: float, *, wait: bool = True, **more: Any) -> Iterator[Process]:
        """Run a program until the block ends; without `wait`, do not wait for its first batch.

        `nowhere`: its broker is away. `config`: of its outbox. `library`: its buses are those in C. `wrapper`: the
        command that runs it. The rest goes to the buses.
        """
        state = more.pop("state_dir", None) or tempfile.mkdtemp(dir=self.folder)
        settings = {"port": self.port, "count": count, "every": every, "hertz": 0.0, "hang": None}
        settings |= {"page": str(self.folder / f"page-{name}"), "config": f"{state}/limpet.toml"}
        port = 1 if more.pop("nowhere", False) else self.port
        write_config(Path(settings["config"]), port, count, every or 1.0, state, **more.pop("config", {}))
        self.arrivals[name] = []
        self.hears.pop(name, None)
        wrapper = more.pop("wrapper", ())
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(self.folder / "cache")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if (library := more.pop("library", None)) is not None:
            environment |= bus_in_c.environment(library, settings["page"])
        command = [*wrapper, sys.executable, str(HERE / f"{name}.py"), json.dumps(settings | more)]
        log = (self.folder / f"{name}.log").open("w")
        child = subprocess.Popen(command, env=environment, stderr=log)
        process = Process(name, child.pid, time.monotonic(), self.arrivals[name], self.hears, state)
        try:
            if wait:
                process.first(log.name)
            yield process
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            log.close()


def write_config(file: Path, port: int, count: int, every: float, state: str, **outbox: Any) -> None:
    """Write the configuration of `count` sensors."""
    lines = ["[agent]", 'device_id = "ours"', f"every = {every}", f'state_dir = "{state}"']
    lines += ["[mqtt]", 'host = "127.0.0.1"', f"port = {port}", 'topic_root = "bench"', "[outbox]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in outbox.items()]
    for name, bus, address in cheap.places(count):
        lines += [
            "[[sensor]]",
            f'id = "{name}"',
            'driver = "lm75"',
            f"bus = {bus}",
            f"address = {address}",
        ]
    file.write_text("\n".join(lines))


@dataclass
class Process:
    """A running program, as seen from outside."""

    name: str
    pid: int
    began: float
    arrivals: list[tuple[float, bytes]] = field(repr=False)
    hears: dict[str, Callable[[float, bytes], None]] = field(repr=False)
    state: str = ""

    def listen(self, heard: Callable[[float, bytes], None]) -> None:
        """Have each batch told as it arrives: when, and what."""
        self.hears[self.name] = heard

    def first(self, log: str) -> float:
        """Wait for the first batch; return the seconds since the start."""
        while not self.arrivals:
            if time.monotonic() - self.began > FIRST:
                raise SystemExit(f"{self.name}: no batch in {FIRST:g} s\n{Path(log).read_text()[-2000:]}")
            time.sleep(0.001)
        return self.arrivals[0][0] - self.began

    def cpu(self) -> float:
        """Return the CPU seconds of its threads."""
        return sum(int(text.split()[0]) for text in self._of_threads("schedstat")) / 1e9

    def wakeups(self) -> int:
        """Return how often a thread of it began to wait."""
        lines = [line for text in self._of_threads("status") for line in text.splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))

    def threads(self) -> int:
        """Return how many threads it has."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))

    def rss(self) -> float:
        """Return its resident memory in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def written(self) -> int:
        """Return the bytes that it had written to a disk."""
        lines = Path(f"/proc/{self.pid}/io").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))

    def _of_threads(self, file: str) -> list[str]:
        texts = []
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                texts.append((task / file).read_text())
        return texts


def readings(arrivals: Sequence[tuple[float, bytes]]) -> int:
    """Return how many readings arrived."""
    return sum(in_batch(payload) for _, payload in arrivals)


def in_batch(payload: bytes) -> int:
    """Return how many readings a batch has; in the leanest limit's, only the names of sensors begin with an s."""
    return payload.count(b'"quantity"') or payload.count(b'"s')
