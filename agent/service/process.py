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

# States of a process that has ended and waits for its parent.
ENDED = ("Z", "X")
# The folder of a simulated run, inside the state folder and the runtime folder.
SIMULATED = "simulated"


class Process:
    """This process: seconds alive, bytes resident, CPU seconds used."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.began = clock, clock.now()
        self._started_ticks = started_ticks(os.getpid())

    def facts(self) -> dict[str, Any]:
        """Return uptime (s), rss (bytes), cpu (s), pid, threads, and written (bytes that went to a disk or card)."""
        return {
            "pid": os.getpid(),
            "started_ticks": self._started_ticks,
            "uptime": round(self.clock.now() - self.began, 1),
            "rss": resident(),
            "cpu": round(time.process_time(), 2),
            "threads": threading.active_count(),
            "written": written(),
        }


def started_ticks(pid: int) -> int | None:
    """Return when a process began, in ticks since the kernel's boot. With it a pid that was reused is recognised.

    None if there is no such process, or if the kernel does not say.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        # The name in the second field may hold blanks and brackets; the fields behind it are plain.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return None if fields[0] in ENDED else int(fields[19])
    return None


def runs(pid: int, started: int | None) -> bool:
    """Return whether the process `pid` that began at `started` still runs, as far as this user can see."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        # It is another user's.
        pass
    found = started_ticks(pid)
    if found is None:
        # A process that has ended is a zombie or gone. One without an entry is hidden (hidepid), or /proc is missing.
        return not Path(f"/proc/{pid}").exists()
    return started is None or found == started


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def written() -> int | None:
    """Return the bytes that this process made the kernel write to storage; None if it does not say."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = Path("/proc/self/io").read_text().splitlines()
        facts = dict(line.split(": ") for line in lines)
        return int(facts["write_bytes"]) - int(facts["cancelled_write_bytes"])
    return None


def health_file(state_dir: Path, environ: Mapping[str, str] = os.environ, *, simulated: bool = False) -> Path:
    """Return where `health.json` is: in the service's $RUNTIME_DIRECTORY, else in the user's runtime folder.

    A simulated run has a folder of its own; its `state_dir` is one already.
    """
    within = SIMULATED if simulated else ""
    if folder := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(folder) / within / "health.json"
    if folder := environ.get("XDG_RUNTIME_DIR", ""):
        return Path(folder) / "limpet" / within / "health.json"
    return state_dir / "health.json"


def host() -> dict[str, Any]:
    """Return the description of this machine in `info`: name, model, system, Python."""
    model = ""
    with contextlib.suppress(OSError):
        model = Path("/proc/device-tree/model").read_text().strip("\0\n")
    return {
        "name": platform.node(),
        "model": model or platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def machine() -> str:
    """Return a name of this machine that a copy of its card does not share: a Pi's serial number, else machine-id."""
    for file in ("/proc/device-tree/serial-number", "/etc/machine-id"):
        with contextlib.suppress(OSError):
            if text := Path(file).read_text(encoding="utf-8", errors="replace").strip("\0\n "):
                return text
    return platform.node()


def version() -> str:
    """Return the installed version, from the name of its folder: importlib.metadata would cost a tenth of the start."""
    for folder in map(Path, sys.path):
        for found in folder.glob("limpet-*.dist-info"):
            return found.name.removeprefix("limpet-").removesuffix(".dist-info")
    return "0"
