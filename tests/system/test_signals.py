"""A process that is told to end ends with 0 and without a traceback: at its first moment, and whatever hangs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = """
[agent]
device_id = "pi"
state_dir = "{folder}"
every = "200ms"
[mqtt]
host = "127.0.0.1"
port = 1
[[sensor]]
id = "air"
driver = "sht4x"
timeout = "100ms"
"""
# What of ours is done first is where a signal hurts most: it comes there, in the middle of the imports.
AT_THE_FIRST_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "agent.cli.main":
            os.kill(os.getpid(), signal.{name})
sys.meta_path.insert(0, Finder())
sys.argv = ["limpet", "chips"]
from agent.__main__ import main
sys.exit(main())
"""


@contextlib.contextmanager
def limpet(tmp_path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command; it is killed where the test ends before it."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    command = [sys.executable, "-m", "agent", *words]
    with subprocess.Popen(command, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for half a minute at most."""
    ends = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "limpet.toml"
    file.write_text(CONFIG.format(folder=tmp_path / "state"))
    return file


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_is_heard_before_anything_of_ours_is_imported(name):
    words = [sys.executable, "-c", AT_THE_FIRST_IMPORT.format(name=name)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("what", ["lock", "outbox.db", "announced.json"])
def test_ends_a_service_whose_disk_has_a_fifo_for_a_file(config, tmp_path, what):
    (tmp_path / "state" / "simulated").mkdir(parents=True)
    os.mkfifo(tmp_path / "state" / "simulated" / what)
    health = tmp_path / "run" / "limpet" / "simulated" / "health.json"
    with limpet(tmp_path, "run", "--simulate", "-c", str(config)) as agent:
        # Written after the first round: it samples.
        until(health.exists)
        agent.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, err = agent.communicate(timeout=30)
        assert time.monotonic() - began < 4
    assert health.exists()
    assert (agent.returncode, "Traceback" in err) == (0, False)


def test_ends_a_service_whose_log_is_read_no_more(config, tmp_path):
    text = config.read_text().replace("[agent]\n", '[agent]\nlog_level = "debug"\n').replace("200ms", "10ms")
    config.write_text(text.replace("100ms", "5ms"))
    with limpet(tmp_path, "run", "--simulate", "-c", str(config)) as agent:
        assert agent.stderr is not None
        pipe = agent.stderr.fileno()
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        # The next line does not fit: the service hangs in its log.
        until(lambda: int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder) > 3900)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(4) == 0


@pytest.mark.parametrize("command", [["run", "--batches", "1"], ["run", "--simulate", "--batches", "1"]])
def test_rounds_without_a_sensor_end_at_once_with_1_and_the_reason(tmp_path, command):
    file = tmp_path / "limpet.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}"\n')
    with limpet(tmp_path, *command, "-c", str(file)) as agent:
        _, err = agent.communicate(timeout=30)
    assert agent.returncode == 1
    assert "no sensor is configured" in err
