"""The line of each key in a TOML text, which tomllib does not report.

Made for text that tomllib has accepted. In any other text it finds what it can and never fails.
"""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Mapping

from .mistakes import Where

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|'
    r"'''.*?'{3,5}|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")


def positions(text: str) -> dict[Where, int]:
    """Return the line (from 1) on which each key, table and array element of `text` begins."""
    scanner = _Scanner(text)
    # What was found before an invalid part is still correct.
    with contextlib.suppress(_Lost, RecursionError):
        scanner.document()
    return scanner.lines


def line_of(known: Mapping[Where, int], where: Where) -> int:
    """Return the line of `where`, or of the nearest table around it; 1 if there is none."""
    while where not in known and where:
        where = where[:-1]
    return known.get(where, 1)


class _Lost(Exception):
    """The text is not TOML."""


class _Scanner:
    """Scans the text once."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line, self._counted = text, 0, 1, 0
        self.lines: dict[Where, int] = {}
        # Array of tables -> the number of its elements so far.
        self.arrays: dict[Where, int] = {}

    def document(self) -> None:
        table: Where = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.takes("[["):
                table = self.header("]]")
            elif self.takes("["):
                table = self.header("]")
            else:
                self.pair(table)
            self.skip(_BLANK)

    def header(self, end: str) -> Where:
        """Read `a.b]` or `a.b]]`; return the path to the table that it opens."""
        line = self.here()
        parts = self.key()
        self.expect(end)
        where: Where = ()
        for number, part in enumerate(parts):
            where = (*where, part)
            self.note(where, line)
            if end == "]]" and number == len(parts) - 1:
                self.arrays[where] = self.arrays.get(where, 0) + 1
            if where in self.arrays:
                where = (*where, self.arrays[where] - 1)
                self.note(where, line)
        return where

    def pair(self, table: Where) -> None:
        """Read `a.b = value` within `table`."""
        line, where = self.here(), table
        for part in self.key():
            where = (*where, part)
            self.note(where, line)
        self.expect("=")
        self.skip(_SPACE)
        self.value(where)

    def key(self) -> list[str]:
        """Read `a."b".c`."""
        parts = []
        while True:
            self.skip(_SPACE)
            if self.text[self.at : self.at + 1] in ('"', "'"):
                parts.append(_plain(self.match(_TEXT)))
            else:
                parts.append(self.match(_BARE_KEY))
            self.skip(_SPACE)
            if not self.takes("."):
                return parts

    def value(self, where: Where) -> None:
        if self.takes("["):
            self.array(where)
        elif self.takes("{"):
            self.inline_table(where)
        elif self.text[self.at : self.at + 1] in ('"', "'"):
            self.match(_TEXT)
        else:
            self.match(_BARE_VALUE)

    def array(self, where: Where) -> None:
        index = 0
        self.skip(_BLANK)
        while not self.takes("]"):
            self.note((*where, index), self.here())
            self.value((*where, index))
            index += 1
            self.skip(_BLANK)
            self.takes(",")
            self.skip(_BLANK)

    def inline_table(self, where: Where) -> None:
        self.skip(_BLANK)
        while not self.takes("}"):
            self.pair(where)
            self.skip(_BLANK)
            self.takes(",")
            self.skip(_BLANK)

    def here(self) -> int:
        """Return the line that the scanner is on."""
        self.line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self.line

    def note(self, where: Where, line: int) -> None:
        self.lines.setdefault(where, line)

    def skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()

    def match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None or found.end() == self.at:
            raise _Lost
        self.at = found.end()
        return found.group()

    def takes(self, token: str) -> bool:
        if not self.text.startswith(token, self.at):
            return False
        self.at += len(token)
        return True

    def expect(self, token: str) -> None:
        if not self.takes(token):
            raise _Lost


def _plain(quoted: str) -> str:
    """Return the text of a quoted key."""
    if quoted[0] == "'":
        return quoted[1:-1]
    try:
        return str(json.loads(quoted))
    # An escape that TOML has and JSON lacks: \U0001f600, \e.
    except ValueError:
        return str(tomllib.loads(f"key = {quoted}")["key"])
