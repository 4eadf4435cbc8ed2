"""Facts about this process and this machine, and the file that `limpet status` reads."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.clock import Clock


class Process:
    """This process: seconds alive, bytes resident, CPU seconds used."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.began = clock, clock.now()

    def facts(self) -> dict[str, Any]:
        """Return uptime (s), rss (bytes), cpu (s), pid, threads."""
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


def file(state_dir: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where `health.json` is: in the service's $RUNTIME_DIRECTORY, else in the user's runtime folder."""
    if folder := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(folder) / "health.json"
    if folder := environ.get("XDG_RUNTIME_DIR", ""):
        return Path(folder) / "limpet" / "health.json"
    return state_dir / "health.json"


def host() -> dict[str, Any]:
    """Return what `info` tells of this machine: name, model, system, Python."""
    model = ""
    with contextlib.suppress(OSError):
        model = Path("/proc/device-tree/model").read_text().strip("\0\n")
    return {
        "name": platform.node(),
        "model": model or platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def version() -> str:
    """Return the installed version, from the name of its folder: importlib.metadata would cost a tenth of the start."""
    for folder in map(Path, sys.path):
        for found in folder.glob("limpet-*.dist-info"):
            return found.name.removeprefix("limpet-").removesuffix(".dist-info")
    return "0"
