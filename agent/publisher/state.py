"""How the connection is: for `health`, and for the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.broker import BrokerError, Facts

from .refusals import Refusal

log = logging.getLogger(__name__)

# Seconds between two log lines about lost connections, and between two about the same outage.
LOST_AGAIN, REMIND = 150.0, 600.0
# The error of a connection whose first try has not ended.
NOT_YET = "not connected yet"
# Seconds after which an outage is logged, however soon it came after another.
LASTS = 60.0


@dataclass(frozen=True, slots=True)
class BrokerState:
    """The connection, for `health`.

    Attributes:
        since: when it became as it is, in seconds of the clock.
        error: why there is no connection; None while there is one.
        sessions: connections so far.
        duplicate: another client seems to use our client id.
        facts: what the broker said; None without a connection.
        limits: what the broker lacks; keys in snake case, as `health` publishes them.
        refused: what the broker does not take at present.
    """

    connected: bool
    since: float
    error: str | None
    sessions: int
    duplicate: bool
    facts: Facts | None
    limits: Mapping[str, object] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()


class ConnectionLog:
    """Logs the changes: a loss, the return, and seldom that an outage still lasts. Owned by the publisher's task."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        # When the last line about an outage was written, and the last about a lost connection.
        self._outage_at = self._lost_at = float("-inf")
        # There is a connection, or there was one before an outage of which nothing is logged yet.
        self._all_is_well = False

    def changed(self, old: BrokerState, new: BrokerState, error: BrokerError | None, now: float) -> None:
        """Log what became of `old` at `now`, if it is worth a line."""
        away = round(now - old.since, 1)
        if new.limits != old.limits and new.limits:
            log.warning("broker has limits", extra=dict(new.limits))
        if new.duplicate and not old.duplicate:
            log.error("client id seems to be used twice", extra={"client": self._client_id})
        if new.connected:
            if not old.connected and (not self._all_is_well or away >= LASTS):
                log.info("broker connected", extra={"after": away, "version": new.facts.version if new.facts else ""})
            self._all_is_well = True
        elif error is not None and self._is_worth_a_line(old, now):
            level = logging.ERROR if error.permanent else logging.WARNING
            lost = old.connected or self._all_is_well
            log.log(level, "broker lost" if lost else "broker away", extra={"error": str(error)})
            self._outage_at, self._all_is_well = now, False
            if old.connected:
                self._lost_at = now

    def _is_worth_a_line(self, old: BrokerState, now: float) -> bool:
        if old.connected:
            return now - self._lost_at >= LOST_AGAIN
        return now - old.since >= LASTS if self._all_is_well else now - self._outage_at >= REMIND
