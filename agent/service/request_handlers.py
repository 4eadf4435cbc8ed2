"""The requests: read, reset a breaker, return `info`, send lost batches again, reload."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from agent.acquisition.collector import Collector
from agent.config import Config, ConfigError
from agent.model import Batch
from agent.outbox import Outbox

from .build import Assembly
from .requests import Handler, Refused
from .status import Status

NAMED = 3  # mistakes of a configuration that an answer lists


class RequestHandlers:
    """One method per request. A request with an unknown key is refused, and nothing is done.

    Args:
        record: stores a batch and returns it as published.
        reload: reads the configuration and applies it a moment later; None: this run has no file to read.
    """

    def __init__(
        self,
        collector: Collector,
        assembly: Assembly,
        record: Callable[[Batch], dict[str, Any]],
        status: Status,
        outbox: Outbox,
        reload: Callable[[], Config] | None = None,
    ) -> None:
        self._collector, self._assembly, self._record = collector, assembly, record
        self._status, self._outbox, self._reload = status, outbox, reload

    def all(self) -> dict[str, Handler]:
        """Return the handlers by request name."""
        return {
            "read": self.read,
            "reset": self.reset,
            "info": self.info,
            "resend": self.resend,
            "reload": self.reload,
        }

    async def read(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read the requested `sensors`, or all; publish the batch and return it."""
        _takes(request, "read", "sensors")
        due = self._assembly.due
        wanted = request.get("sensors")
        if wanted is not None:
            if not isinstance(wanted, list) or not wanted:
                raise Refused('sensors must be a list of ids, as in {"sensors": ["air"]}')
            known = {sensor.id for sensor, _ in due}
            for name in wanted:
                _known(name, known, "sensor")
            # A vote asks its members, which have to be read for it.
            asked = {*wanted, *(member for sensor, _ in due if sensor.id in wanted for member in sensor.voters)}
            due = [(sensor, bus) for sensor, bus in due if sensor.id in asked]
        batch = await self._collector.collect(due, "request", None)
        return self._record(batch if wanted is None else batch.of(wanted))

    async def reset(self, request: dict[str, Any]) -> dict[str, Any]:
        """Close the named `breaker`, or all, so that the next call is made at once."""
        _takes(request, "reset", "breaker")
        breakers = self._status.breakers()
        name = request.get("breaker")
        if name is not None:
            _known(name, breakers, "breaker")
        names = list(breakers) if name is None else [name]
        for one in names:
            breakers[one].reset()
        return {"reset": names}

    async def info(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the document `info`."""
        _takes(request, "info")
        return self._status.info()

    async def resend(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send recently acknowledged batches `from` to `to` of run `bootId` once more, on backfill."""
        _takes(request, "resend", "bootId", "from", "to")
        run_id, first, last = request.get("bootId"), _seq(request.get("from")), _seq(request.get("to"))
        if not isinstance(run_id, str) or not 1 <= first <= last:
            raise Refused('resend needs {"bootId": "…", "from": 1, "to": 9}')
        items = self._outbox.recent(run_id, first, last)
        return {"resent": self._outbox.again(items), "missing": last - first + 1 - len(items)}

    async def reload(self, request: dict[str, Any]) -> dict[str, Any]:
        """Apply the configuration file as it is now; return how many sensors it has."""
        _takes(request, "reload")
        if self._reload is None:
            raise Refused("there is no file to read again")
        try:
            return {"sensors": len(self._reload().sensors)}
        except ConfigError as error:
            mistakes = [str(one) for one in error.mistakes if not one.is_warning]
            raise Refused("; ".join(" ".join(one.split()) for one in mistakes[:NAMED])) from None


def _takes(request: Mapping[str, Any], name: str, *keys: str) -> None:
    for key in request:
        if key not in (*keys, "transaction"):
            near = difflib.get_close_matches(key, keys, 1)
            listed = ", ".join(f"`{one}`" for one in keys) or "nothing"
            cure = f"did you mean `{near[0]}`?" if near else f"{name} takes {listed}"
            raise Refused(f"unknown key {key!r}; {cure}")


def _seq(number: object) -> int:
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _known(name: object, names: Collection[str], kind: str) -> None:
    if not isinstance(name, str) or name not in names:
        near = difflib.get_close_matches(str(name), names, 1)
        raise Refused(f"no {kind} is called {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
