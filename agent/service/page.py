"""The status page: served at the configured address, if its package is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent import web

from . import process

if TYPE_CHECKING:
    from agent.web.server import Server

    from .status import Status

log = logging.getLogger("limpet")


class Page:
    """The page of one run; a reload may move it, open it or close it.

    Args:
        alive: returns whether rounds make progress.
        changed: called when what `facts` returns has changed.
    """

    def __init__(self, alive: Callable[[], bool], changed: Callable[[], object]) -> None:
        self._alive, self._changed = alive, changed
        self._server: Server | None = None
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

        name = process.host()["name"]
        answers = Answers(status, self._alive, listen[0], (name, f"{name}.local"))
        self._server = Server(listen, answers, self._changed)
        self._server.start()

    def facts(self) -> dict[str, Any] | None:
        """Return the state of the page for `health`; None without a page."""
        if self._server is not None:
            return self._server.facts()
        return {"error": self._missing} if self._missing is not None else None

    def close(self) -> None:
        """Stop serving at once."""
        if self._server is not None:
            self._server.close()
        self._server = self._missing = None
