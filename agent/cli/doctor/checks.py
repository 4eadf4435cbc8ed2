"""The checks of `limpet doctor`: what a check is given, what it finds, and how one that hangs is left behind.

A check is a function from a `Site` to findings. All that it looks at goes through the site, so that a test can build a
machine out of files and answers.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.config import Config

OK, WARNING, BROKEN, SKIPPED = "ok", "warning", "broken", "skipped"
DEADLINE = 20.0  # seconds for one check


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: its subject. level: ok, warning, broken or skipped.
        text: what is so. cure: the one command that puts it right; None if there is nothing to cure.
    """

    check: str
    level: str
    text: str
    cure: str | None = None


def run(words: Sequence[str], timeout: float = 8.0) -> str | None:
    """Return what a command wrote to stdout, stripped; None if there is none, or it fails, or it takes too long."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=timeout, check=True)
        return done.stdout.strip()
    return None


@dataclass(frozen=True)
class Site:
    """The machine as the checks see it.

    Attributes:
        settings: the configuration; None: only the machine is checked.
        environ: of this process.
        root: where the file system begins.
        run: starts a command, see `run`.
        uid: of this process.
        can_use: tells whether this process may read and write a device.
    """

    settings: Config | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    root: Path = Path("/")
    run: Callable[[Sequence[str]], str | None] = run
    uid: int = field(default_factory=os.getuid)
    can_use: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)

    def path(self, absolute: str) -> Path:
        """Return where a file of this machine is."""
        return self.root / absolute.lstrip("/")

    def read(self, absolute: str) -> str | None:
        """Return a file's text without surrounding blanks; None if it cannot be read."""
        with contextlib.suppress(OSError):
            return self.path(absolute).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
        return None

    @property
    def installed(self) -> bool:
        """Whether the service is installed here."""
        return self.path("/etc/systemd/system/limpet.service").exists()

    @property
    def systemd(self) -> bool:
        """Whether systemd runs here."""
        return self.path("/run/systemd/system").exists()

    @property
    def raspberry(self) -> bool:
        """Whether this is a Raspberry Pi."""
        return "Raspberry Pi" in (self.read("/proc/device-tree/model") or "")


Check = Callable[[Site], Iterable[Finding]]


def examine(checks: Mapping[str, Check], site: Site, deadline: float = DEADLINE) -> Iterator[Finding]:
    """Yield the findings of all checks, in order; that one hangs or crashes is a finding, too."""
    for name, check in checks.items():
        found: list[Finding] = []
        thread = threading.Thread(target=_collect, args=(name, check, site, found), name=name, daemon=True)
        thread.start()
        thread.join(deadline)
        yield from list(found)
        if thread.is_alive():
            yield Finding(
                name, BROKEN, f"no answer in {deadline:g} s: something below hangs", "sudo dmesg | tail -n 30"
            )


def _collect(name: str, check: Check, site: Site, found: list[Finding]) -> None:
    try:
        found.extend(check(site))
    except Exception as error:  # noqa: BLE001
        found.append(Finding(name, WARNING, f"could not be checked: {type(error).__name__}: {error}"))
