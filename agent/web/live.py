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

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Seen:
    """What one page has been told.

    Attributes:
        parts: name -> the part as it was sent.
        width, slot: of the last history: a slot's seconds, and the number of the newest one.
    """

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self.width: float | None = None
        self.slot: int | None = None


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
        self._edition: dict[str, str] | None = None
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
        new = {name: text for name, text in edition.items() if seen.parts.get(name) != text}
        seen.parts.update(new)
        if (history := self._history(seen)) is not None:
            new["history"] = history
        return "{" + ",".join(f'"{name}":{text}' for name, text in new.items()) + "}"

    def _current(self) -> dict[str, str]:
        now = asyncio.get_running_loop().time()
        if self._edition is None or now - self._made >= EVERY:
            self._made = now
            self._edition = {name: _encode(part) for name, part in self._parts().items()}
        return self._edition

    def _history(self, seen: Seen) -> str | None:
        rings = self._rings
        known = seen.slot if seen.width == rings.width else None
        found = rings.since(known)
        seen.width, seen.slot = rings.width, rings.newest
        return _encode(found) if found["series"] else None
