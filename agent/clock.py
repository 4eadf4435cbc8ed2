"""Time: one clock that never steps, and wall time, which may still be wrong.

Rounds, timeouts and order use the seconds since the machine's boot. Wall time is an offset to them that is read when a
timestamp is made, so the timestamps of batches taken before the network set the clock are corrected while they wait.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from datetime import UTC, datetime
from pathlib import Path

SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
TIMESYNCD = SYNCHRONIZED.parent
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# An earlier wall time means that the clock was never set.
PLAUSIBLE = datetime(2025, 1, 1, tzinfo=UTC).timestamp()


class Clock:
    """The machine's clock: `now()` in seconds since boot, `wall()` in seconds since 1970.

    Attributes:
        kernel_boot: names this boot of the machine. Timestamps of another boot cannot be corrected.
    """

    def __init__(self) -> None:
        self.kernel_boot = ""
        with contextlib.suppress(OSError):
            self.kernel_boot = BOOT_ID.read_text().strip()

    def now(self) -> float:
        """Return seconds on a clock that never steps; also the event loop's clock."""
        return time.monotonic()

    def offset(self) -> float:
        """Return wall time minus `now()`, in seconds, by the machine's present wall clock."""
        return time.time() - time.monotonic()

    def synced(self) -> bool:
        """Return whether the wall clock can be trusted.

        systemd-timesyncd writes a file once the clock is set; where it does not run (chrony, a desktop, a container), a
        plausible date counts. adjtimex is not used: a hardened unit is killed for the system call.
        """
        if time.time() < PLAUSIBLE:
            return False
        # Asked in each round, and `Path.exists` takes three times as long.
        if os.path.exists(SYNCHRONIZED):  # noqa: PTH110
            return True
        return not _timesyncd_runs()

    def stamp(self, taken: float) -> str:
        """Return RFC 3339 UTC with milliseconds for a moment of `now()`, by the present offset."""
        return rfc3339(taken + self.offset())


def rfc3339(wall: float) -> str:
    """Return seconds since 1970 as `2026-11-23T12:00:00.123Z`."""
    second, millisecond = divmod(round(wall * 1000), 1000)
    return f"{_second(second)}.{millisecond:03d}Z"


# Most timestamps of one round fall into the same second.
@functools.lru_cache(16)
def _second(wall: int) -> str:
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _timesyncd_runs() -> bool:
    return os.path.exists(TIMESYNCD)  # noqa: PTH110
