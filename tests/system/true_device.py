"""An agent over fake chips that takes itself for a true one, as a process of its own, and a broker of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SENSORS = """
[[sensor]]
id = "air"
driver = "bme280"
[[sensor]]
id = "breath"
driver = "scd4x"
every = "5s"
[[sensor]]
id = "light"
driver = "bh1750"
[[sensor]]
id = "tank"
driver = "vl53l0x"
[[sensor]]
id = "door"
driver = "contact"
pin = 17
[[sensor]]
id = "soil"
driver = "ads1115"
every = "5s"
"""


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def wait(found: Callable[[], Any], seconds: float = 20.0, every: float = 0.2) -> Any:
    """Return what `found` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, f"{found} did not come true"
        time.sleep(every)
    return result


class Device:
    """An agent over fake chips that takes itself for a true one.

    Args:
        folder: for its configuration and its state, which outlast a run.
    """

    def __init__(self, folder: Path, mqtt_port: int) -> None:
        self.folder, self.mqtt_port = folder, mqtt_port
        self._process: subprocess.Popen[str] | None = None
        self.configure()

    def configure(
        self, sensors: str = SENSORS, *, discovery: bool = True, more: str = "", port: int | None = None
    ) -> None:
        """Write its configuration."""
        text = f"""[agent]
device_id = "greenhouse-1"
every = "2s"
state_dir = "{self.folder / "state"}"
[mqtt]
host = "127.0.0.1"
port = {port or self.mqtt_port}
[homeassistant]
discovery = {str(discovery).lower()}
[commands]
allow = ["read"]
{more}"""
        (self.folder / "limpet.toml").write_text(text + sensors)

    def start(self, scenario: str = "", hours_ago: float = 0.0) -> None:
        """Start a run."""
        words = [sys.executable, Path(__file__).with_name("true_run.py"), "limpet.toml", self._file(scenario)]
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "RUNTIME_DIRECTORY": str(self.folder)}
        with (self.folder / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*words, str(hours_ago)], cwd=self.folder, env=environ, stdin=subprocess.PIPE, stderr=log, text=True
            )

    def health(self) -> dict[str, Any]:
        """Return what it says of itself."""
        return json.loads((self.folder / "health.json").read_text())

    def play(self, scenario: str) -> None:
        """Let this happen from now on."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._file(scenario)}\n")
        self._process.stdin.flush()

    def reload(self) -> None:
        """Let it read its configuration again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End the run."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None

    def _file(self, scenario: str) -> str:
        (self.folder / "scenario.toml").write_text(scenario)
        return "scenario.toml"
