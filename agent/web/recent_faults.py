"""The last faults as a list: what failed, why, from when to when. In memory, since the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

MOST = 40


class Cause(NamedTuple):
    """Why something fails now.

    Attributes:
        since: when it began, in seconds of the agent's clock.
        covers: failures that this one explains, such as those of all sensors on a stuck bus.
    """

    error: str
    message: str
    since: float
    covers: tuple[Failing, ...] = ()


class Failing(NamedTuple):
    """What can fail: a sensor (or one quantity of it), a bus or the broker, by the name of its breaker."""

    name: str
    quantity: str | None = None


@dataclass(slots=True)
class LoggedFault:
    """One entry. `ended`: None while it lasts."""

    failing: Failing
    error: str
    message: str
    began: float
    ended: float | None = None


class RecentFaults:
    """Keeps the last faults, newest first in `entries()`."""

    def __init__(self) -> None:
        self._ended: list[LoggedFault] = []
        self._lasting: dict[Failing, LoggedFault] = {}

    def update(self, causes: Mapping[Failing, Cause], now: float) -> None:
        """Take all that fails at this moment; what is no longer in it has ended."""
        covered = {one for cause in causes.values() for one in cause.covers}
        for failing in [one for one in self._lasting if one not in causes]:
            entry = self._lasting.pop(failing)
            # Explained by another entry from now on.
            if failing not in covered:
                entry.ended = now
                self._ended = [*self._ended[-MOST + 1 :], entry]
        for failing, cause in causes.items():
            if failing not in self._lasting:
                self._lasting[failing] = LoggedFault(failing, cause.error, cause.message, cause.since)

    def entries(self) -> Iterable[LoggedFault]:
        """Return the entries: those that last first, then the others, each newest first, `MOST` at most."""
        lasting = sorted(self._lasting.values(), key=lambda one: one.began, reverse=True)
        return [*lasting, *reversed(self._ended)][:MOST]
