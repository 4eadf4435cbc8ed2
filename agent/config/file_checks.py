"""Files that the configuration names: whether they are there, are files, and are closed to others."""

from __future__ import annotations

import os
from pathlib import Path

from .mistakes import Report, Where, Wrong
from .secret import read_secret

LARGEST_FILE = 1 << 20  # bytes
AGAIN = "the service runs without it, says so and tries again; make the file, or name the right one"


def check_secret(path: Path | None, where: Where, report: Report) -> None:
    """Report mistakes in a file that holds a secret, by reading it as the agent does."""
    if path is None:
        return
    try:
        text = read_secret(path).reveal()
        if text != text.strip():
            report.warning(where, f"the secret in {path} begins or ends with a blank", "remove it, if it is not meant")
        if path.stat().st_mode & 0o004:
            report.warning(where, f"{path} can be read by everybody on this machine", f"chmod o= {path}")
    except Wrong as wrong:
        report.mistake(where, wrong.what, wrong.fix)
    except OSError as error:
        _unreadable(path, where, error, report)


def _unreadable(path: Path, where: Where, error: OSError, report: Report) -> None:
    if isinstance(error, PermissionError):
        report.warning(where, f"{path} cannot be read by this user", "check as the user that the agent runs as")
    else:
        report.warning(where, f"{path}: {error.strerror}", AGAIN)


def loadable(path: Path | None, where: Where, report: Report, *, secret: bool = False) -> bool:
    """Return whether OpenSSL can read a file; report why not, or that all users can read a secret."""
    if path is None:
        return False
    try:
        state = path.stat()
    except OSError as error:
        _unreadable(path, where, error, report)
        return False
    if path.is_dir():
        report.mistake(where, f"{path} is a folder", "name the file in it")
    elif not path.is_file():
        report.mistake(where, f"{path} is a pipe or a device", "name a file")
    elif not state.st_size:
        report.mistake(where, f"{path} is empty", "put what belongs there into the file")
    elif state.st_size > LARGEST_FILE:
        report.mistake(where, f"{path} is larger than {LARGEST_FILE} bytes", "name the right one")
    elif not os.access(path, os.R_OK):
        report.warning(where, f"{path} cannot be read by this user", "check as the user that the agent runs as")
    else:
        if secret and state.st_mode & 0o004:
            report.warning(where, f"{path} can be read by everybody on this machine", f"chmod o= {path}")
        return True
    return False
