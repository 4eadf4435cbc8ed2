"""What status, MQTT and a person get to know of the running agent: one document, on change and every minute."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .clock import Clock
from .lane import Lane
from .resilience import CircuitState
from .scheduler import Rounds
from .sensor import Sensor

EVERY = 60.0  # seconds between two documents when nothing changes


def breaker(one: Any, since: float | None) -> dict[str, Any]:
    """Return what `health.breakers` says of a breaker; `since` when it has been in this state."""
    waits = one.state is not CircuitState.CLOSED
    return {
        "state": one.state,
        "failures": one.failure_count,
        "retry_after": one.retry_after if waits else None,
        "since": since,
    }


class Process:
    """This process: seconds alive, bytes resident, CPU seconds used."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.began = clock, clock.now()

    def facts(self) -> dict[str, Any]:
        """Return uptime (s), rss (bytes), cpu (s), pid, threads."""
        import threading

        return {
            "pid": os.getpid(),
            "uptime": round(self.clock.now() - self.began, 1),
            "rss": resident(),
            "cpu": round(time.process_time(), 2),
            "threads": threading.active_count(),
        }


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def runtime_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return where `health.json` goes: $RUNTIME_DIRECTORY of the service; None outside of it."""
    folder = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(folder) if folder else None


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never half of it.

    Raises:
        OSError: the folder is not there, not writable, or full.
    """
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
