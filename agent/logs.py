"""How log lines look: a phrase, then key=value; or JSON. They go to stderr, from where journald takes them."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

# As sd-daemon(3) numbers them.
PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PLAIN = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\x9f]+")


def setup(
    level: str = "info",
    form: str = "text",
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send all loggers' lines of `level` and worse to stderr, as "text" or "json"; what was set up before is replaced.

    Under systemd ($JOURNAL_STREAM) each line begins with its priority and leaves the time to the journal.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    journal = "JOURNAL_STREAM" in environ
    handler.setFormatter(JsonLines(journal) if form == "json" else TextLines(journal))
    root = logging.getLogger()
    for old in [one for one in root.handlers if getattr(one, "of_limpet", False)]:
        root.removeHandler(old)
    handler.of_limpet = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(level.upper())


class _Lines(logging.Formatter):
    """What both formats share.

    Args:
        journal: whether journald reads the lines.
    """

    def __init__(self, journal: bool) -> None:
        super().__init__()
        self.journal = journal

    def format(self, record: logging.LogRecord) -> str:
        lines = self.line(record).rstrip("\n").split("\n")
        prefix = f"<{PRIORITIES.get(record.levelname, 6)}>" if self.journal else ""
        return "\n".join(prefix + line for line in lines)

    def line(self, record: logging.LogRecord) -> str:
        raise NotImplementedError

    def trace(self, record: logging.LogRecord) -> str:
        """Return the traceback, or nothing."""
        return self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""


class TextLines(_Lines):
    """`sensor fell silent sensor=air error="no acknowledge" probe_in=30.0`; a traceback follows on lines of its own."""

    def line(self, record: logging.LogRecord) -> str:
        phrase = " ".join(record.getMessage().split())
        start = phrase if self.journal else f"{_time(record)} {record.levelname.lower():7} {phrase}"
        line = " ".join([start, *(f"{name}={text(value)}" for name, value in extras(record).items())])
        return f"{line}\n{self.trace(record)}"


class JsonLines(_Lines):
    """One JSON document a line."""

    def line(self, record: logging.LogRecord) -> str:
        document = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **extras(record),
        }
        if trace := self.trace(record):
            document["traceback"] = trace
        try:
            return json.dumps(document, default=str, allow_nan=False)
        # A number that JSON does not have, or a key that is no text.
        except (ValueError, TypeError):
            return json.dumps({name: str(value) for name, value in document.items()})


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """Return what was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def text(value: object) -> str:
    """Return a value as it stands in a line, quoted where it would not be one word.

    >>> text(30.0), text("no acknowledge"), text("")
    ('30.0', '"no acknowledge"', '""')
    """
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    shown = str(value)
    return shown if _PLAIN.fullmatch(shown) else json.dumps(shown, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
