"""A real Home Assistant, set up through its own API, and a device that it takes for a true one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HISTORY = ROOT / "deploy" / "subscribers" / "home-assistant" / "history.py"
CONFIGURATION = """
homeassistant: {{name: Greenhouse, unit_system: metric, time_zone: UTC}}
http: {{server_host: 127.0.0.1, server_port: {port}}}
recorder: {{commit_interval: 0}}
config:
frontend:
history:
logger: {{default: warning}}
"""
CLIENT = "http://127.0.0.1/"
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


class HomeAssistant:
    """One Home Assistant.

    Args:
        venv: where it is installed.
        folder: for its configuration and its database.
    """

    def __init__(self, venv: Path, folder: Path) -> None:
        self.python, self.folder, self.port = venv / "bin" / "python", folder, free_port()
        self.url, self.token, self.code = f"http://127.0.0.1:{self.port}", "", ""
        (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=self.port))
        self.log = folder / "home-assistant.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        words = [str(self.python.parent / "hass"), "-c", str(self.folder), "--skip-pip", "--log-file", str(self.log)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(words, **quiet)
        wait(self._answers, 90)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def onboard(self) -> None:
        """Create its owner, and log in."""
        owner = {"name": "Owner", "username": "owner", "password": "greenhouse", "client_id": CLIENT, "language": "en"}
        code = self.post("/api/onboarding/users", owner)["auth_code"]
        form = f"grant_type=authorization_code&code={code}&client_id={CLIENT}".encode()
        with urllib.request.urlopen(f"{self.url}/auth/token", form, timeout=20) as answer:
            self.tokens = json.load(answer)
        self.token = self.tokens["access_token"]
        self.post("/api/onboarding/core_config", {})
        self.post("/api/onboarding/analytics", {})
        self.post("/api/onboarding/integration", {"client_id": CLIENT, "redirect_uri": CLIENT})

    def connect(self, mqtt_port: int) -> None:
        """Add the MQTT integration, as a person does under Settings."""
        flows = "/api/config/config_entries/flow"
        flow = self.post(flows, {"handler": "mqtt"})["flow_id"]
        done = self.post(f"{flows}/{flow}", {"broker": "127.0.0.1", "port": mqtt_port})
        assert done["type"] == "create_entry", done

    def get(self, path: str) -> Any:
        """Return what a path answers."""
        return self._ask(path, None)

    def post(self, path: str, body: Any) -> Any:
        """Return what a path answers to a document."""
        return self._ask(path, json.dumps(body).encode())

    def states(self) -> dict[str, dict[str, Any]]:
        """Return every entity of ours: its state, its name and its unit."""
        return {one["entity_id"]: one for one in self.get("/api/states") if "greenhouse_1" in one["entity_id"]}

    def state(self, entity: str) -> str | None:
        """Return an entity's state; None if there is no such entity."""
        found = self.states().get(entity)
        return None if found is None else found["state"]

    def ask(self, kind: str, **more: Any) -> Any:
        """Return the answer of its WebSocket API, asked as the recipe asks."""
        program = """import sys, json, history
url, token, command = json.load(sys.stdin)
with history.session(url, token) as home:
    print(json.dumps(home.ask(command)))
"""
        done = subprocess.run(
            [self.python, "-c", program],
            input=json.dumps([self.url, self.token, {"type": kind, **more}]),
            env={**os.environ, "PYTHONPATH": str(HISTORY.parent)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _answers(self) -> bool:
        try:
            self.get("/manifest.json")
        except OSError:
            return False
        return True

    def _ask(self, path: str, body: bytes | None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()[:300]!r}") from error
