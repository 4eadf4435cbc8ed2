"""Rows about doing nothing: what the imports cost, and how often an idle service wakes up."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from rows import Row
from stage import ROOT, SETTLE, Stage

SERVICE = (
    "agent.cli.main",
    "agent.cli.run",
    "agent.service.agent",
    "agent.service.connect",
    "agent.service.hardware",
    "agent.service.systemd",
    "agent.broker.link",
    "agent.outbox.sqlite",
    "drivers.chips.bme280",
)
IMPORT = """
import time
began = time.process_time()
import importlib
for name in {names!r}:
    importlib.import_module(name)
print((time.process_time() - began) * 1e3)
"""


def rows(stage: Stage, runs: int, seconds: float) -> Iterator[Row]:
    """Measure and yield the rows."""
    spent = [_imports(stage, SERVICE) for _ in range(2 * runs + 1)][1:]  # the first one compiles
    needed = [_imports(stage, ("asyncio", "paho.mqtt.client", "smbus2", "tomllib", "sqlite3")) for _ in spent]
    yield Row("import of the service", statistics.median(spent), "ms", 75, statistics.median(needed))
    with stage.running("ours", 5, 3600.0) as process:
        time.sleep(2 * SETTLE)
        cpu, woken, at = process.cpu(), process.wakeups(), time.monotonic()
        time.sleep(3 * seconds)
        took = time.monotonic() - at
        yield Row("wake-ups a second, idle", (process.wakeups() - woken) / took, "", 2)
        yield Row("CPU a minute, idle", 60e3 * (process.cpu() - cpu) / took, "ms", 15)


def _imports(stage: Stage, names: tuple[str, ...]) -> float:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(stage.folder / "cache"), "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", IMPORT.format(names=names)]
    return float(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)
