"""What is connected to this machine, found for a page that has no sensors to show: once, in a thread, and kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from .files import FileThread

log = logging.getLogger("limpet")

# Finds what is connected: `devices` as rows of a table, `block` for the configuration, `problems`.
Finding = Callable[[], dict[str, Any]]

# Seconds for which a result is kept at least; then the next page that is opened makes another scan.
KEPT = 10.0
# Seconds without a question after which a page that asks again counts as opened.
FORGOTTEN = 60.0
# Seconds after which a scan that has not ended is given up.
DEADLINE = 30.0
LATE: dict[str, Any] = {"problems": ["the scan does not end: a bus hangs; `limpet scan` shows which"]}


class Discovery:
    """Looks once for all pages. Used on the loop.

    Args:
        find: runs in a thread; it reads only.
        changed: called on the loop when a result is there.
    """

    def __init__(self, find: Finding, changed: Callable[[], object]) -> None:
        self._find, self._changed = find, changed
        self._thread = FileThread()
        self._loop = asyncio.get_running_loop()
        self._found: dict[str, Any] | None = None
        self._asked = self._began = float("-inf")
        self._running = False

    def found(self) -> dict[str, Any]:
        """Return what was found last; start looking if that is long ago and nothing has asked for it since."""
        now = self._loop.time()
        if not self._running and now - self._began >= KEPT and now - self._asked >= FORGOTTEN:
            self._running, self._began = True, now
            looking = self._thread.submit(self._find)
            looking.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._ended, looking))
        self._asked = now
        late = self._running and now - self._began >= DEADLINE
        return {"looking": self._running and not late, **(LATE if late else self._found or {})}

    def opened(self) -> None:
        """Note that a page was opened: who has plugged something in reloads it."""
        self._asked = float("-inf")
        self._changed()

    def _ended(self, looking: Any) -> None:
        self._running = False
        error = looking.exception()
        if error is not None:
            log.warning("scan for the page failed", extra={"error": str(error)})
        self._found = {"problems": [str(error)]} if error is not None else looking.result()
        self._changed()
