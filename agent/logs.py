"""The format of log lines: a phrase, then key=value; or JSON. They go to stderr, where journald reads them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

# As sd-daemon(3) numbers them.
PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d[\d.:]*")

MINUTE = 60.0  # seconds in which a line is not repeated
MOMENT = 1.0  # seconds after which many lines of one kind are written as one
FEW = 5  # lines of one kind in a minute that are written one by one
NAMED = 5  # names in a line that stands for many
# Lines of one kind that are kept back; of further ones only repetitions are counted.
MOST_HELD = 1000
LONGEST = 200  # characters of a value that are compared
Later = Callable[[float, Callable[[], None]], object]

_PLAIN = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\x9f]+")


def setup(
    level: str = "info",
    form: str = "text",
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send the lines of all loggers, of `level` and worse, to stderr as "text" or "json". Replaces an earlier setup.

    Under systemd ($JOURNAL_STREAM) each line begins with its priority, and the journal adds the time.
    """
    handler = Bunching(stream or sys.stderr)
    journal = "JOURNAL_STREAM" in environ
    handler.setFormatter(JsonLines(journal) if form == "json" else TextLines(journal))
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, Bunching)]:
        root.removeHandler(old)
        handler.settle_by(old.later)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())


def settle_by(later: Later) -> None:
    """Write lines that are held back in time, even if no other line follows.

    Args:
        later: calls a function after a number of seconds. It is called from any thread.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Bunching):
            handler.settle_by(later)


class LineKind:
    """The lines of one phrase: those written in the last minute, and those held back.

    Attributes:
        written: subject -> when a line about it was written.
        held: subject -> the newest line about it that was not written, and how many there were.
        since: when the first of them was held back.
        bunched: when held lines were last written together.
    """

    __slots__ = ("bunched", "held", "since", "written")

    def __init__(self) -> None:
        self.written: dict[tuple[str, ...], float] = {}
        self.held: dict[tuple[str, ...], tuple[logging.LogRecord, int]] = {}
        self.since = self.bunched = float("-inf")

    def takes(self, subject: tuple[str, ...], now: float) -> bool:
        """Return whether a line about `subject` is written now: neither a repetition nor one of many at once."""
        self.written = {one: at for one, at in self.written.items() if now - at < MINUTE}
        if subject in self.written or subject in self.held or len(self.written) >= FEW:
            return False
        self.written[subject] = now
        return True

    def hold(self, subject: tuple[str, ...], record: logging.LogRecord, now: float) -> None:
        """Keep a line back."""
        if not self.held:
            self.since = now
        if subject in self.held or len(self.held) < MOST_HELD:
            self.held[subject] = record, self.held.get(subject, (record, 0))[1] + 1

    def due(self) -> float:
        """Return when the held lines have to be written: many at once after a moment, others after a minute."""
        first = self.since - self.bunched >= MINUTE and any(one not in self.written for one in self.held)
        return self.since + (MOMENT if first else MINUTE)

    def bunch(self, now: float) -> logging.LogRecord:
        """Return one line for all that is held, with a count and a few names."""
        lines = sum(count for _, count in self.held.values())
        newest = next(reversed(self.held.values()))[0]
        made = logging.makeLogRecord({**vars(newest), "created": time.time(), "exc_info": None, "exc_text": None})
        facts = extras(newest)
        if len(self.held) == 1:
            made.repeated = lines
        else:
            for name in facts:
                delattr(made, name)
            names = [subject[0] for subject in self.held][:NAMED]
            rest = f" and {len(self.held) - NAMED} more" if len(self.held) > NAMED else ""
            setattr(made, next(iter(facts), "about"), ", ".join(names) + rest)
            made.lines = lines
        self.written |= dict.fromkeys(list(self.held)[:FEW], now)
        self.held, self.bunched = {}, now
        return made


class Bunching(logging.StreamHandler[TextIO]):
    """Writes lines, but no floods: repetitions and bursts are written as one line with a count.

    A kind of line is a phrase with its logger, level and exception. The subject of a line is its values: the first one
    exactly, the others without their numbers. The first few subjects of each kind pass at once, and a repetition is
    written once a minute. Debug lines always pass.

    Attributes:
        later: calls a function after a number of seconds; None: held lines are written with the next line.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self.clock = clock
        self.later: Later | None = None
        self._settles = False
        self._kinds: dict[tuple[object, ...], LineKind] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or hold it back."""
        if record.levelno <= logging.DEBUG:
            super().emit(record)
            return
        now = self.clock()
        self._write_due(now)
        error = record.exc_info[0] if record.exc_info else None
        key = (record.name, record.levelno, _without_numbers(record.getMessage()), error)
        kind = self._kinds.setdefault(key, LineKind())
        values = [str(value) for value in extras(record).values()]
        subject = (*values[:1], *(_without_numbers(value) for value in values[1:])) or ("",)
        if kind.takes(subject, now):
            super().emit(record)
        else:
            kind.hold(subject, record, now)
            self._settle_later(now)

    def settle_by(self, later: Later | None) -> None:
        """Use `later` from now on to write held lines in time."""
        self.later, self._settles = later, False

    def _settle_later(self, now: float) -> None:
        due = min((kind.due() for kind in self._kinds.values() if kind.held), default=None)
        if due is not None and self.later is not None and not self._settles:
            self._settles = True
            self.later(max(0.0, due - now), self._settle)

    def _settle(self) -> None:
        with self.lock or contextlib.nullcontext():
            self._settles = False
            now = self.clock()
            self._write_due(now)
            self._settle_later(now)

    def close(self) -> None:
        """Write all that was held back, and close."""
        with self.lock or contextlib.nullcontext():
            self._write_due(float("inf"))
        super().close()

    def _write_due(self, now: float) -> None:
        for key, kind in list(self._kinds.items()):
            if kind.held and now >= kind.due():
                super().emit(kind.bunch(now))
            elif not kind.held and all(now - at >= MINUTE for at in kind.written.values()):
                del self._kinds[key]


def _without_numbers(text: str) -> str:
    return _NUMBERS.sub("#", text[:LONGEST])


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
        # A number that JSON lacks, or a key that is not a string.
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
