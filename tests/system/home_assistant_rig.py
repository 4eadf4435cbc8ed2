"""A real Home Assistant, set up through its own API."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from true_device import ROOT, free_port, wait

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

    def furnish(self) -> None:
        """Answer what its frontend asks an owner before it shows anything else."""
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
