"""A worker: what has come is stored, then acknowledged; while the database is away, neither."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from agent.clock import rfc3339
from agent.messages import reception
from agent.resilience import CircuitBreaker, CircuitOpenError, CircuitState

from .database import Database, DatabaseError, DatabaseRefused
from .harvest import Delivery, Harvest, Rejected, gather
from .queue import Source

log = logging.getLogger("limpet.ingest")

MOST = 1000  # messages in one transaction
LOOK = 1.0  # seconds to wait for a message
SLOW = 10.0  # seconds for a transaction; one that takes longer is logged


class IngestWorker:
    """Moves messages from a source into a database.

    Args:
        root: the first levels of all topics.
        sleep, wall: waiting, and the wall clock in seconds since 1970.
    """

    def __init__(
        self,
        source: Source,
        database: Database,
        root: str,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._source, self._database, self._root = source, database, root
        self._sleep, self._wall = sleep, wall
        # Even while nothing is being stored.
        self._started = 0
        self._breaker = CircuitBreaker(
            1,
            1.0,
            name="database",
            exceptions=(DatabaseError,),
            max_reset_timeout_seconds=15.0,
            reset_jitter=0.5,
            clock=clock,
        )

    def run(self) -> None:
        """Work until an exception ends it, such as that of a signal."""
        # First: from now on the other side keeps what comes.
        self._source.start()
        self._patiently(self._database.open)
        while True:
            self.turn()

    def turn(self) -> None:
        """Store and acknowledge what has come; wait a moment for it."""
        taken = self._source.take(MOST, LOOK)
        for part in parts(taken):
            self._store(part)
            self._source.acknowledge(part)

    def _store(self, taken: Sequence[Delivery]) -> None:
        """Store messages; of those that the database refuses, the others still are."""
        try:
            self._put(gather(taken, self._root))
        except DatabaseRefused as error:
            if len(taken) > 1:
                self._store(taken[: len(taken) // 2])
                self._store(taken[len(taken) // 2 :])
            else:
                self._set_aside(taken[0], str(error))

    def _set_aside(self, one: Delivery, why: str) -> None:
        try:
            self._put(Harvest(rejected=[Rejected(one.topic, one.payload, f"the database does not take it: {why}")]))
        except DatabaseRefused as error:
            log.error("message cannot even be set aside", extra={"topic": one.topic, "error": str(error)})

    def _put(self, harvest: Harvest) -> None:
        for one in harvest.rejected:
            log.warning("message is none of ours", extra={"topic": one.topic, "why": one.reason})
        now = rfc3339(self._wall())
        self._started += 1
        self._source.later(SLOW, partial(self._say_slow, self._started))
        self._patiently(lambda: self._database.store(harvest, now))
        self._started += 1

    def _say_slow(self, started: int) -> None:
        if self._started == started and self._breaker.state is CircuitState.CLOSED:
            log.warning("database does not answer, waiting for it", extra={"seconds": SLOW})

    def _patiently(self, work: Callable[[], None]) -> None:
        """Do what needs the database, once it can be done."""
        away = ""
        while True:
            try:
                self._breaker.call(work)
            except CircuitOpenError as error:
                self._sleep(error.retry_after)
            except DatabaseError as error:
                # Another reason needs another cure.
                if str(error) != away:
                    log.warning("database is away, waiting for it", extra={"error": str(error)})
                away = str(error)
            else:
                if away:
                    log.info("database is there")
                return


def parts(taken: Sequence[Delivery]) -> Iterator[Sequence[Delivery]]:
    """Yield messages as they are stored together. A block is alone: a thousand of them could hold gigabytes."""
    first = 0
    for number, one in enumerate(taken):
        if reception.is_block(one.payload):
            if first < number:
                yield taken[first:number]
            yield taken[number : number + 1]
            first = number + 1
    if first < len(taken):
        yield taken[first:]
