"""What an open page is told: at first everything, then the parts that have changed, as server-sent events.

All pages share one edition of the parts, which is made when something changed and a page is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from .rings import Rings

# Seconds without a change after which a new edition is made all the same: its numbers grow old.
EVERY = 5.0
# Seconds in which changes are collected, because one rarely comes alone.
BUNCH = 0.25

# The part of which each entry is told by itself: fifty sensors rarely change at once.
BY_ENTRY = "sensors"

# A part as JSON; that which is told by entry as the JSON of each.
Part = str | Mapping[str, str]
Edition = Mapping[str, Part]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Seen:
    """What one page has been told.

    Attributes:
        parts: the edition that was sent last.
        width, slot, taken: of the last history: a slot's seconds, the number of the newest one, and how many values had
            been taken.
    """

    def __init__(self) -> None:
        self.parts: Edition = {}
        self.width: float | None = None
        self.slot: int | None = None
        self.taken = 0


class Live:
    """The parts of the page, and a signal when they change. Used on the loop only.

    Args:
        parts: returns the parts by name.
        opened: called when a page is opened.
    """

    def __init__(
        self, parts: Callable[[], Mapping[str, Any]], rings: Rings, opened: Callable[[], object] = lambda: None
    ) -> None:
        self._parts, self._rings, self.opened = parts, rings, opened
        self._edition: Edition | None = None
        self._made = 0.0
        self._change = asyncio.Event()

    def notify(self) -> None:
        """Note that something changed."""
        self._edition = None
        changed, self._change = self._change, asyncio.Event()
        changed.set()

    async def change(self) -> None:
        """Return soon after the next change, or after `EVERY` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await self._change.wait()
                await asyncio.sleep(BUNCH)

    def whole(self) -> str:
        """Return all parts as one JSON document."""
        return self.patch(Seen())

    def patch(self, seen: Seen) -> str:
        """Return the parts that a page has not seen yet as one JSON document, `{}` if there are none."""
        edition = self._current()
        new = {name: _new(part, seen.parts.get(name)) for name, part in edition.items()}
        seen.parts = edition
        new["history"] = self._history(seen)
        return _joined({name: text for name, text in new.items() if text is not None})

    def _current(self) -> Edition:
        now = asyncio.get_running_loop().time()
        if self._edition is None or now - self._made >= EVERY:
            self._made = now
            self._edition = {name: _encoded(name, part) for name, part in self._parts().items()}
        return self._edition

    def _history(self, seen: Seen) -> str | None:
        rings = self._rings
        known = seen.slot if seen.width == rings.width else None
        found = rings.since(known, 0 if known is None else seen.taken)
        seen.width, seen.slot, seen.taken = rings.width, rings.newest, rings.taken
        return _encode(found) if found["series"] else None


def _encoded(name: str, part: Any) -> Part:
    return {entry: _encode(found) for entry, found in part.items()} if name == BY_ENTRY else _encode(part)


def _new(part: Part, before: Part | None) -> str | None:
    """Return what is new of a part as JSON, None if nothing is."""
    if isinstance(part, str):
        return part if part != before else None
    known = before if isinstance(before, Mapping) else {}
    new = {entry: text for entry, text in part.items() if known.get(entry) != text}
    return _joined(new) if new or before is None else None


def _joined(texts: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{_encode(name)}:{text}" for name, text in texts.items()) + "}"
