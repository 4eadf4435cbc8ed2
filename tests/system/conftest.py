"""A real mosquitto, private to one test, and what is needed to break it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from certificates import Authority

from agent.publisher import pacing, reconnect

# As root mosquitto would become a user who cannot read what pytest wrote.
ALWAYS = "user root\nlistener {port} 127.0.0.1\npersistence false\nlog_dest none\n"


class Mosquitto:
    """One broker on a free port. `configure` appends lines to its configuration."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.file = program, folder / "mosquitto.conf"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen | None = None
        self.configure("allow_anonymous true")

    def configure(self, *lines: str) -> None:
        self.file.write_text(ALWAYS.format(port=self.port) + "\n".join(lines) + "\n")

    async def start(self) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([self.program, "-c", self.file], **quiet)  # noqa: ASYNC220 - it returns at once
        async with asyncio.timeout(5):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.01)

    def kill(self, how: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            if how in (signal.SIGKILL, signal.SIGTERM):
                self.process.wait()
                self.process = None


@pytest.fixture
def mosquitto(tmp_path):
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is not installed")
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(program, tmp_path)
    yield broker
    broker.kill(signal.SIGCONT)
    broker.kill()


@pytest.fixture
def impatient(monkeypatch):
    """The publisher's rules with shorter times."""
    monkeypatch.setattr(reconnect, "FIRST", 0.05)
    monkeypatch.setattr(reconnect, "CAP", 0.1)
    monkeypatch.setattr(reconnect, "CONNECTS", 1000)
    monkeypatch.setattr(pacing, "LEAST_DEADLINE", 0.5)
    monkeypatch.setattr(pacing, "UNHEARD_FIRST", 0.05)


@pytest.fixture
def certificates(tmp_path):
    """A function that makes (certificate, key) files: signed by our authority, for a host, valid for some days."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    return Authority(tmp_path)
