"""The status page: served at the configured address, if its package is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent import web

from . import process
from .build import Assembly
from .discovery import Discovery, Finding

if TYPE_CHECKING:
    from agent.web.live import Live
    from agent.web.server import Server

    from .page_documents import PageDocuments
    from .status import Status

log = logging.getLogger("limpet")

# Readings that were measured, and by the sensor itself: these are drawn.
MEASURED = ("ok", "suspect")


class Page:
    """The page of one run; a reload may move it, open it or close it. Without one, nothing is kept for it.

    Args:
        alive: returns whether rounds make progress.
        changed: called when what `facts` returns has changed.
        find: finds what is connected, for a page without sensors; None: it is not looked for.
    """

    def __init__(
        self, alive: Callable[[], bool], changed: Callable[[], object], assembly: Assembly, find: Finding | None
    ) -> None:
        self._alive, self._changed, self._assembly, self._find = alive, changed, assembly, find
        self._server: Server | None = None
        self._shown: Shown | None = None
        self._missing: str | None = None

    def serve(self, listen: tuple[str, int] | None, status: Status) -> None:
        """Serve the documents of `status` at this address from now on; None: nowhere."""
        self.close()
        if listen is None:
            return
        if (cure := web.missing()) is not None:
            # The sensors are read nevertheless.
            log.error("status page needs a package", extra={"cure": cure})
            self._missing = f"a package is missing: {cure}"
            return
        from agent.web.answers import Answers
        from agent.web.server import Server

        self._shown = Shown(status, self._assembly, self._find)
        name = process.host()["name"]
        names = (name, f"{name}.local")
        answers = Answers(self._shown.documents, self._alive, listen[0], names, self._shown.live)
        self._server = Server(listen, answers, self._changed)
        self._server.start()

    def refresh(self) -> None:
        """Take what has changed: a round has ended, or `health` was reported."""
        if self._shown is not None:
            self._shown.refresh()

    def facts(self) -> dict[str, Any] | None:
        """Return the state of the page for `health`; None without a page."""
        if self._server is not None:
            return self._server.facts()
        return {"error": self._missing} if self._missing is not None else None

    def close(self) -> None:
        """Stop serving at once."""
        if self._server is not None:
            self._server.close()
        self._server = self._shown = self._missing = None


class Shown:
    """What a page shows while it is served: documents, the last hours, and what a scan found."""

    def __init__(self, status: Status, assembly: Assembly, find: Finding | None) -> None:
        from agent.web.live import Live
        from agent.web.rings import Rings

        from .page_documents import PageDocuments

        self.documents: PageDocuments = PageDocuments(status, assembly)
        self._status, self._rings = status, Rings()
        self.live: Live = Live(self._parts, self._rings, self._opened)
        self._discovery = Discovery(find, self.live.notify) if find is not None else None

    def refresh(self) -> None:
        """Take the present of every sensor."""
        sensors, now = self._status.sensors, self._status.now()
        for sensor in sensors:
            for one in sensor.present.readings:
                at = one.measured if one.measured is not None else sensor.present.measured
                if one.status in MEASURED and at is not None:
                    # A moment to come would leave no room for those before it.
                    self._rings.take(sensor.id, one.quantity, one.value, min(at, now))
        self._rings.keep({(sensor.id, one.name) for sensor in sensors for one in sensor.quantities})
        self.documents.note_faults()
        self.live.notify()

    def _opened(self) -> None:
        if self._discovery is not None:
            self._discovery.opened()

    def _parts(self) -> dict[str, Any]:
        parts = self.documents.parts()
        if not self._status.sensors and self._discovery is not None:
            parts["found"] = self._discovery.found()
        return parts
